//! The chain of the administration on Redis: its state is one string in the common shard, with the version before it.

use std::sync::Arc;

use redis::{Value, cmd};

use super::administration_state::{self, KEY};
use super::call_error::CallError;
use super::commit::check_status;
use super::encoded_commit::CLOSED;
use super::keys::{RedisKeys, common_shard};
use super::servers::Servers;
use super::walk::latest_clock;
use super::{expected_marker, functions};
use crate::domain::day::Day;
use crate::domain::month::{ClosedMonths, Month};
use crate::journal::record;
use crate::store::StoreError;
use crate::store::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use crate::store::commit::CommitOrigin;
use crate::store::shard::Shard;

/// The end of the chain.
///
/// # Errors
/// As [`crate::store::JournalStore`].
pub async fn state(servers: &Servers, names: &RedisKeys) -> Result<AdministrationState, StoreError> {
    let mut command = cmd("GET");
    command.arg(names.common_key(KEY));
    let is_some = |value: &Value| *value != Value::Nil;
    let reply = servers.read_replicated(common_shard(), command, is_some).await.map_err(CallError::into_read_error)?;
    administration_state::decode(reply)
}

/// Writes a commit, all of it or nothing; a closing of a month first closes it for every shard. Until the entry is
/// written, nothing is reversed or revised for those shards; after an interruption, closing the month again completes it.
/// The id of the entry names the common shard.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`].
pub async fn commit(servers: &Arc<Servers>, names: &RedisKeys, commit: AdministrationCommit) -> Result<(), StoreError> {
    let number = match &commit.effect {
        AdministrationEffect::ClosedMonths(months) => {
            close_shards(servers, names, *months, commit.committed.china_day()).await?
        }
        _ => 0,
    };
    let reply = servers.write(common_shard(), administer_command(names, commit, number)).await;
    check_status(reply.map_err(CallError::into_write_error)?, StoreError::Unknown)
}

/// Closes months for every shard; returns the latest number that any of them assigned.
async fn close_shards(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    months: ClosedMonths,
    day: Day,
) -> Result<u64, StoreError> {
    for shard in Shard::all() {
        let keys = ["store", CLOSED, "day"].map(|name| names.shard_key(shard, name));
        let mut command = functions::call(functions::CLOSE, &keys);
        command.arg(expected_marker::value(names));
        command.arg(months.through.map_or(0, Month::number)).arg(day.number());
        let reply = servers.write(shard, command).await.map_err(CallError::into_write_error)?;
        check_status(reply, StoreError::Unknown)?;
    }
    let (number, newest) = latest_clock(servers, names).await?;
    match u32::try_from(newest).ok().and_then(Day::from_number) {
        // The days of commits follow the order of commits.
        Some(newest) if newest > day => Err(StoreError::EarlierDay { newest }),
        _ => Ok(number),
    }
}

fn administer_command(names: &RedisKeys, commit: AdministrationCommit, above: u64) -> redis::Cmd {
    let AdministrationCommit { id, record, committed, origin, expected, state, notice, effect } = commit;
    let mut keys = ["store", KEY, "journal", "entries", "clock", "day"].map(|name| names.common_key(name)).to_vec();
    keys.push(names.entry(common_shard(), id));
    keys.extend(["shared", "imports", "noted"].map(|name| names.common_key(name)));
    let mut command = functions::call(functions::ADMINISTER, &keys);
    command.arg(expected_marker::value(names)).arg(&expected.to_be_bytes()[..]);
    command.arg([&state.version.to_be_bytes()[..], &record::encode(&state)].concat());
    command.arg(record).arg(id.to_string()).arg(notice.kind).arg(committed.0);
    command.arg(committed.china_day().number()).arg(match origin {
        CommitOrigin::Live => "live",
        CommitOrigin::Copied => "copied",
    });
    command.arg(above);
    match effect {
        AdministrationEffect::Book(book) => command.arg("book").arg(&book.0[..]),
        AdministrationEffect::ImportEnd(number, end) => command.arg("import").arg(number).arg(record::encode(&end)),
        AdministrationEffect::ClosedMonths(_) | AdministrationEffect::None => &mut command,
    };
    command
}
