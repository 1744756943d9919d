//! The closing of a month in every shard, before its entry is written.
//!
//! A closing has a number. From the moment it begins, shards and the chain refuse every closing with a lower number, and it
//! replaces what such a closing wrote in shards. So of two closings of different months one is refused wholly, and one
//! whose process ended is replaced by the next, of whichever month. Closings of the same month share a number.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use tokio::time::{Instant, sleep};

use super::administration_state;
use super::call_error::CallError;
use super::commit::check_status;
use super::encoded_commit::CLOSED;
use super::keys::{RedisKeys, common_shard};
use super::reply::{number, strings, unexpected_reply};
use super::servers::Servers;
use super::walk::latest_clock;
use super::{expected_marker, functions};
use crate::domain::day::Day;
use crate::domain::month::Month;
use crate::store::StoreError;
use crate::store::administration::AdministrationCommit;
use crate::store::shard::Shard;

/// The key of the number of the closing that closed a shard.
const CLOSING: &str = "closing";

/// How long a closing waits before it asks again whether that of another month ended.
const PAUSE: Duration = Duration::from_millis(20);

/// What became of the begin of a closing.
enum Begun {
    /// It began, or joined one of the same month, with this number.
    Closing(u64),
    /// Its entry is written already.
    Written,
    /// The closing with this number, of another month, has not ended.
    Busy(u64),
}

/// Begins the closing of a month with this commit; returns its number, or `None` if the entry is written already. One of
/// another month that does not end within the time limit of a call is replaced.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`].
pub async fn begin(
    servers: &Servers,
    names: &RedisKeys,
    commit: &AdministrationCommit,
    month: Month,
) -> Result<Option<u64>, StoreError> {
    let (mut other, mut until) = (None, Instant::now());
    loop {
        let replaceable = other.filter(|_| Instant::now() >= until);
        match begin_unless_busy(servers, names, (commit, month), replaceable).await? {
            Begun::Closing(number) => return Ok(Some(number)),
            Begun::Written => return Ok(None),
            Begun::Busy(number) if other != Some(number) => {
                (other, until) = (Some(number), Instant::now() + servers.settings().timeout);
            }
            Begun::Busy(_) => {}
        }
        sleep(PAUSE).await;
    }
}

async fn begin_unless_busy(
    servers: &Servers,
    names: &RedisKeys,
    (commit, month): (&AdministrationCommit, Month),
    replaceable: Option<u64>,
) -> Result<Begun, StoreError> {
    let keys = ["store", administration_state::KEY, "shared"].map(|name| names.common_key(name));
    let mut command = functions::call(functions::BEGIN_CLOSING, &keys);
    command.arg(expected_marker::value(names)).arg(&commit.expected.to_be_bytes()[..]);
    command.arg(administration_state::encode(&commit.state)).arg(month.number());
    command.arg(replaceable.map_or_else(String::new, |number| number.to_string()));
    let reply = servers.write(common_shard(), command).await.map_err(CallError::into_write_error)?;
    let mut words = strings(reply)?.into_iter();
    let status = words.next().flatten().ok_or_else(|| unexpected_reply("a closing"))?;
    let closing = words.next().map(number).transpose()?;
    match (status.as_slice(), closing) {
        (b"done", Some(number)) => Ok(Begun::Closing(number)),
        (b"busy", Some(number)) => Ok(Begun::Busy(number)),
        _ => check_status(Value::BulkString(status), StoreError::Unknown).map(|()| Begun::Written),
    }
}

/// Closes every month up to this one for every shard; returns the latest number that any of them assigned.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`]; `Conflict` if another closing replaced this one.
pub async fn close_shards(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    (closing, month): (u64, Month),
    day: Day,
) -> Result<u64, StoreError> {
    for shard in Shard::all() {
        let keys = ["store", CLOSED, CLOSING, "day"].map(|name| names.shard_key(shard, name));
        let mut command = functions::call(functions::CLOSE, &keys);
        command.arg(expected_marker::value(names)).arg(month.number()).arg(closing).arg(day.number());
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
