//! The closing of a month in every shard, before its entry is written.
//!
//! A closing has a number. From the moment it begins, shards and the chain refuse every closing with a lower number, and it
//! replaces what such a closing wrote in shards. So of two closings of different months one is refused wholly, and one
//! whose process ended is replaced by the next, of whichever month. Closings of the same month share a number. The number is above
//! every one that a shard has, also after a failover in which the common shard lost the last ones.

use std::sync::Arc;
use std::time::Duration;

use redis::{Value, cmd};
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
use crate::store::administration::AdministrationState;
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

/// How the chain of the administration is to be when a closing begins.
#[derive(Clone, Copy)]
pub struct ChainOfClosing<'a> {
    /// Its version.
    pub version: u64,
    /// Its next state, which the closing writes; empty if it writes none.
    pub next: &'a [u8],
}

/// Begins the closing of a month; returns its number, or `None` if the entry is written already. One of another month that
/// does not end within the time limit of a call is replaced.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`].
pub async fn begin(
    servers: &Servers,
    names: &RedisKeys,
    chain: ChainOfClosing<'_>,
    month: Month,
) -> Result<Option<u64>, StoreError> {
    let floor = floor_of_number(servers, names, month).await?;
    let (mut other, mut until) = (None, Instant::now());
    loop {
        let replaceable = other.filter(|_| Instant::now() >= until);
        match begin_unless_busy(servers, names, (chain, month), (replaceable, floor)).await? {
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

/// What a closing of this month must have a number above so that no shard refuses it. The common shard has given such numbers
/// already, unless its primary failed and the replica in its place lacks them.
async fn floor_of_number(servers: &Servers, names: &RedisKeys, month: Month) -> Result<u64, StoreError> {
    let closed = closed_shards(servers, names).await?.into_iter();
    let floors = closed.map(|shard| shard.closing.saturating_sub(u64::from(shard.has_closed(month))));
    Ok(floors.max().unwrap_or(0))
}

/// What the last closing wrote in a shard.
struct ClosedShard {
    /// Its number; 0 if there was none.
    closing: u64,
    /// The number of its month; 0 if there was none.
    month: u64,
}

impl ClosedShard {
    fn has_closed(&self, month: Month) -> bool {
        self.month == u64::from(month.number())
    }
}

async fn closed_shards(servers: &Servers, names: &RedisKeys) -> Result<Vec<ClosedShard>, StoreError> {
    let get = |shard: Shard| {
        let mut command = cmd("MGET");
        command.arg(names.shard_key(shard, CLOSING)).arg(names.shard_key(shard, CLOSED));
        command
    };
    let of_shard = |reply: Value| {
        let [closing, month]: [Option<Vec<u8>>; 2] =
            strings(reply)?.try_into().map_err(|_| unexpected_reply("a closing and its month"))?;
        Ok(ClosedShard { closing: number(closing)?, month: number(month)? })
    };
    let replies = servers.read_all(get).await.map_err(CallError::into_read_error)?;
    replies.into_iter().map(of_shard).collect()
}

async fn begin_unless_busy(
    servers: &Servers,
    names: &RedisKeys,
    (chain, month): (ChainOfClosing<'_>, Month),
    (replaceable, floor): (Option<u64>, u64),
) -> Result<Begun, StoreError> {
    let keys = ["store", administration_state::KEY, "shared"].map(|name| names.common_key(name));
    let mut command = functions::call(functions::BEGIN_CLOSING, &keys);
    command.arg(expected_marker::value(names)).arg(&chain.version.to_be_bytes()[..]);
    command.arg(chain.next).arg(month.number());
    command.arg(replaceable.map_or_else(String::new, |number| number.to_string())).arg(floor);
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
    closing: (u64, Month),
    day: Day,
) -> Result<u64, StoreError> {
    close_each_shard(servers, names, closing, day).await?;
    let (number, newest) = latest_number_and_day(servers, names).await?;
    match newest {
        // The days of commits follow the order of commits.
        Some(newest) if newest > day => Err(StoreError::EarlierDay { newest }),
        _ => Ok(number),
    }
}

/// The latest number and the newest day of all shards; no day if nothing was committed.
async fn latest_number_and_day(servers: &Arc<Servers>, names: &RedisKeys) -> Result<(u64, Option<Day>), StoreError> {
    let (number, newest) = latest_clock(servers, names).await?;
    Ok((number, u32::try_from(newest).ok().and_then(Day::from_number)))
}

async fn close_each_shard(
    servers: &Servers,
    names: &RedisKeys,
    (closing, month): (u64, Month),
    day: Day,
) -> Result<(), StoreError> {
    for shard in Shard::all() {
        let keys = ["store", CLOSED, CLOSING, "day"].map(|name| names.shard_key(shard, name));
        let mut command = functions::call(functions::CLOSE, &keys);
        command.arg(expected_marker::value(names)).arg(month.number()).arg(closing).arg(day.number());
        let reply = servers.write(shard, command).await.map_err(CallError::into_write_error)?;
        check_status(reply, StoreError::Unknown)?;
    }
    Ok(())
}

/// Closes the months that this chain has as closed again, if a shard has others: its primary failed, and the replica in its place
/// lacks what was written there; or a closing of a later month was interrupted, which this one replaces. Such a shard gets the newest
/// day of all: one that has the closing has its day, and nothing is committed on a day before it.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`]; `Conflict` if the chain is no longer this one.
pub async fn restore(servers: &Arc<Servers>, names: &RedisKeys, state: &AdministrationState) -> Result<(), StoreError> {
    let Some(month) = state.closed_months.through else { return Ok(()) };
    if closed_shards(servers, names).await?.iter().all(|shard| shard.has_closed(month)) {
        return Ok(());
    }
    let chain = ChainOfClosing { version: state.version, next: &[] };
    let Some(closing) = begin(servers, names, chain, month).await? else { return Ok(()) };
    let (_, newest) = latest_number_and_day(servers, names).await?;
    close_each_shard(servers, names, (closing, month), newest.unwrap_or(Day::FIRST)).await?;
    let keys = ["store", "shared"].map(|name| names.common_key(name));
    let mut command = functions::call(functions::END_CLOSING, &keys);
    command.arg(expected_marker::value(names)).arg(month.number()).arg(closing);
    let reply = servers.write(common_shard(), command).await.map_err(CallError::into_write_error)?;
    check_status(reply, StoreError::Unknown)
}
