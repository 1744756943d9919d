//! The chain of the administration on Redis: its state is one string in the common shard, with the version before it.

use std::sync::Arc;

use redis::{Value, cmd};

use super::administration_state::{self, KEY};
use super::call_error::CallError;
use super::closing::{self, ChainOfClosing};
use super::commit::check_status;
use super::import_lease::{self, HeldLease};
use super::keys::{RedisKeys, common_shard};
use super::servers::Servers;
use super::{expected_marker, functions};
use crate::domain::month::{ClosedMonths, Month};
use crate::journal::record;
use crate::store::StoreError;
use crate::store::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use crate::store::commit::CommitOrigin;

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

/// A month that is closed in every shard.
struct ClosedMonth {
    month: Month,
    /// The number of the closing.
    closing: u64,
    /// The latest number that a shard assigned.
    latest: u64,
}

/// Writes a commit, all of it or nothing; a closing of a month first closes it for every shard. Until the entry is
/// written, nothing is reversed or revised for those shards; after an interruption, closing the month again completes it,
/// and closing another month, while none is closed, replaces it. The end of an import is refused once `lease`, its lease, is lost.
/// The id of the entry names the common shard.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`].
pub async fn commit(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    commit: AdministrationCommit,
    lease: Option<HeldLease>,
) -> Result<(), StoreError> {
    let closed = match commit.effect {
        AdministrationEffect::ClosedMonths(ClosedMonths { through: Some(month) }) => {
            let next = administration_state::encode(&commit.state);
            let chain = ChainOfClosing { version: commit.expected, next: &next };
            let Some(closing) = closing::begin(servers, names, chain, month).await? else { return Ok(()) };
            let day = commit.committed.china_day();
            let latest = closing::close_shards(servers, names, (closing, month), day).await?;
            Some(ClosedMonth { month, closing, latest })
        }
        _ => None,
    };
    let reply = servers.write(common_shard(), administer_command(names, commit, closed, lease)).await;
    check_status(reply.map_err(CallError::into_write_error)?, StoreError::Unknown)
}

fn administer_command(
    names: &RedisKeys,
    commit: AdministrationCommit,
    closed: Option<ClosedMonth>,
    lease: Option<HeldLease>,
) -> redis::Cmd {
    let AdministrationCommit { id, record, committed, origin, expected, state, notice, effect } = commit;
    let mut keys = ["store", KEY, "journal", "entries", "clock", "day"].map(|name| names.common_key(name)).to_vec();
    keys.push(names.entry(common_shard(), id));
    keys.extend(["shared", "imports", "noted", import_lease::KEY].map(|name| names.common_key(name)));
    let mut command = functions::call(functions::ADMINISTER, &keys);
    command.arg(expected_marker::value(names)).arg(&expected.to_be_bytes()[..]);
    command.arg(administration_state::encode(&state));
    command.arg(record).arg(id.to_string()).arg(notice.kind).arg(committed.0);
    command.arg(committed.china_day().number()).arg(match origin {
        CommitOrigin::Live => "live",
        CommitOrigin::Copied => "copied",
    });
    command.arg(closed.as_ref().map_or(0, |closed| closed.latest));
    match effect {
        AdministrationEffect::Book(book) => {
            command.arg("book").arg(&book.0[..]);
        }
        AdministrationEffect::ImportEnd(number, end) => {
            let token = lease.map_or_else(String::new, |lease| lease.token);
            command.arg("import").arg(number).arg(record::encode(&end)).arg(token);
        }
        AdministrationEffect::ClosedMonths(_) => {
            if let Some(closed) = closed {
                command.arg("close").arg(closed.closing).arg(closed.month.number());
            }
        }
        AdministrationEffect::None => {}
    }
    command
}
