//! Ordered reads over all shards: the persons that have a state, and the settlements of a hospital. `entries` reads
//! the entries in the order of commits in the same way.
//!
//! A position gets its number at the commit, from the time and the numbers before it in its shard. Before a list is
//! read, the clocks of all shards are moved to the latest of them: later commits get higher numbers, and the positions up
//! to it are complete. The newest day of commits is moved with them: later commits are not on an earlier day. So a page
//! that was read never changes, however the clocks of the servers differ.

use std::sync::Arc;

use redis::{Cmd, Value, cmd};

use super::call_error::CallError;
use super::keys::RedisKeys;
use super::look_up::{decode_entry_id, decode_state};
use super::reply::{bytes, hget, number, strings, unexpected_reply};
use super::request::Access;
use super::servers::Servers;
use super::{commit, expected_marker, functions};
use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId};
use crate::store::keys::StoreKey;
use crate::store::rows::ListPosition;
use crate::store::shard::{SHARDS, Shard};
use crate::store::{KeyedState, StoreError};

/// A member of a sorted set.
pub type Member = Vec<u8>;

/// A number is its clock times this, plus its shard: no two shards assign the same number.
pub const SHARDED: u64 = SHARDS as u64;

/// The length of the day in a member. A member is: day, clock, shard, entry id.
const DAY: usize = 4;

/// The length of the clock in a member.
pub const CLOCK: usize = 16;

/// Up to `limit` states of persons after a key, in the order of keys.
///
/// # Errors
/// If a server does not reply.
pub async fn states(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    after: Option<StoreKey>,
    limit: usize,
) -> Result<Vec<KeyedState>, StoreError> {
    let from = after.map_or_else(|| b"-".to_vec(), |key| range_after(&key));
    let range = |shard: Shard, from: &[u8], limit: usize| {
        let mut command = cmd("ZRANGEBYLEX");
        command.arg(names.shard_key(shard, "persons")).arg(from).arg("+").arg("LIMIT").arg(0).arg(limit);
        command
    };
    let mut keys = Vec::new();
    for (member, shard) in merge_shards(servers, from, limit, range, |_| true).await? {
        keys.push((shard, StoreKey::try_from(member).map_err(|_| unexpected_reply("a person's key"))?));
    }
    let mut shards: Vec<Shard> = keys.iter().map(|(shard, _)| *shard).collect();
    shards.sort_unstable();
    shards.dedup();
    let in_shard = |shard: Shard| keys.iter().filter(move |(other, _)| *other == shard);
    let reads =
        |shard| -> Vec<Cmd> { in_shard(shard).map(|(_, key)| hget(&names.keyed_person(shard, key), "s")).collect() };
    let replies = servers.read_shards(&shards, reads, Access::Read).await.map_err(CallError::into_read_error)?;
    // A damaged state fails alone.
    let state = |reply| bytes(reply)?.map_or_else(|| Err(unexpected_reply("a state")), |row| decode_state(&row));
    let mut states = Vec::with_capacity(keys.len());
    for (shard, of_shard) in shards.into_iter().zip(replies) {
        states.extend(in_shard(shard).zip(of_shard).map(|((_, key), reply)| (*key, state(reply))));
    }
    states.sort_unstable_by_key(|(key, _)| *key);
    Ok(states)
}

/// Up to `limit` settlements of a hospital, from a position on and before a day.
///
/// # Errors
/// If a server does not reply.
pub async fn hospital_settlements(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    hospital_id: &HospitalId,
    (from, before): (ListPosition, Day),
    limit: usize,
) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
    let before = [b"(", &before.number().to_be_bytes()[..]].concat();
    let (complete, newest_day) = latest_clock(servers, names).await?;
    let range = |shard: Shard, from: &[u8], limit: usize| {
        let keys = [
            names.shard_key(shard, "store"),
            names.shard_key(shard, "clock"),
            names.shard_key(shard, "day"),
            names.hospital_list_key(shard, hospital_id),
        ];
        let mut command = functions::call(functions::POSITIONS, &keys);
        command.arg(expected_marker::value(names)).arg(newest_day).arg(complete).arg(from).arg(&before).arg(limit);
        command
    };
    let (clock, shard) = (from.number / SHARDED, (from.number % SHARDED) as u8);
    let clock = format!("{clock:0CLOCK$}");
    let first = [b"[", &from.day.number().to_be_bytes()[..], clock.as_bytes(), &[shard]].concat();
    let is_complete =
        |member: &Member| decode_member(member).is_none_or(|(position, _)| position.number / SHARDED <= complete);
    let members = merge_shards(servers, first, limit, range, is_complete).await?;
    let positions =
        members.iter().map(|(member, _)| decode_member(member).ok_or_else(|| unexpected_reply("a position")));
    positions.collect()
}

/// Appends settlements to the list of a hospital's day, in their order.
///
/// # Errors
/// If a server does not answer; some of them may have been appended.
pub async fn append_settlements(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    (hospital_id, day): (&HospitalId, Day),
    settlements: Vec<EntryId>,
) -> Result<(), StoreError> {
    let (mut clock, _) = latest_clock(servers, names).await?;
    for id in settlements {
        clock += 1;
        let shard = Shard::of_entry(id);
        let number = format!("{clock:0CLOCK$}");
        let member = [&day.number().to_be_bytes()[..], number.as_bytes(), &[shard.number()], &id.0].concat();
        let keys = ["store", "clock", "day"].map(|name| names.shard_key(shard, name));
        let mut command =
            functions::call(functions::APPEND, &[&keys[..], &[names.hospital_list_key(shard, hospital_id)]].concat());
        command.arg(expected_marker::value(names)).arg(clock).arg(day.number()).arg(member);
        commit::check_status(
            servers.write(shard, command).await.map_err(CallError::into_write_error)?,
            StoreError::Unknown,
        )?;
    }
    Ok(())
}

/// The latest clock and the newest day of all shards.
pub async fn latest_clock(servers: &Arc<Servers>, names: &RedisKeys) -> Result<(u64, u64), StoreError> {
    let get = |shard: Shard| {
        let mut command = cmd("MGET");
        command.arg(names.shard_key(shard, "clock")).arg(names.shard_key(shard, "day"));
        command
    };
    let mut latest = (0, 0);
    for reply in servers.read_all(get).await.map_err(CallError::into_read_error)? {
        let [clock, day]: [Option<Vec<u8>>; 2] =
            strings(reply)?.try_into().map_err(|_| unexpected_reply("a clock and a day"))?;
        latest = (latest.0.max(number(clock)?), latest.1.max(number(day)?));
    }
    Ok(latest)
}

/// Decodes a member of a hospital's list: the position and the settlement.
fn decode_member(member: &Member) -> Option<(ListPosition, EntryId)> {
    let (day, rest) = member.split_at_checked(DAY)?;
    let (clock, rest) = rest.split_at_checked(CLOCK)?;
    let (shard, entry) = rest.split_first()?;
    let day = Day::from_number(u32::from_be_bytes(day.try_into().ok()?))?;
    let clock: u64 = std::str::from_utf8(clock).ok()?.parse().ok()?;
    let number = clock.checked_mul(SHARDED)? + u64::from(*shard);
    Some((ListPosition { day, number }, decode_entry_id(entry.to_vec()).ok()?))
}

/// Up to `limit` members of all shards that pass the filter, in order, from the start of a range on. Each round reads a
/// batch from every shard; members after the last one of a shard that has more are left for the next round.
pub async fn merge_shards(
    servers: &Arc<Servers>,
    mut from: Vec<u8>,
    limit: usize,
    range: impl Fn(Shard, &[u8], usize) -> Cmd,
    filter: impl Fn(&Member) -> bool,
) -> Result<Vec<(Member, Shard)>, StoreError> {
    let batch = (limit / 16).clamp(16, 1_024);
    let mut page = Vec::new();
    loop {
        let replies = servers.read_all(|shard| range(shard, &from, batch)).await.map_err(CallError::into_read_error)?;
        let (mut members, end) = merge_batches(replies, batch)?;
        members.retain(|(member, _)| filter(member));
        page.append(&mut members);
        match end {
            Some(end) if page.len() < limit => from = range_after(&end),
            _ => break,
        }
    }
    page.truncate(limit);
    Ok(page)
}

/// Members with their shards, and the last of them if a shard has more.
type MergedBatch = (Vec<(Member, Shard)>, Option<Member>);

/// Merges the batches of all shards, up to the lowest last member of a shard that has more.
fn merge_batches(replies: Vec<Value>, batch: usize) -> Result<MergedBatch, StoreError> {
    let (mut members, mut end) = (Vec::new(), None::<Member>);
    for (shard, reply) in Shard::all().zip(replies) {
        let of_shard: Vec<Member> = strings(reply)?.into_iter().flatten().collect();
        if of_shard.len() >= batch {
            end = end.into_iter().chain(of_shard.last().cloned()).min();
        }
        members.extend(of_shard.into_iter().map(|member| (member, shard)));
    }
    members.sort_unstable();
    if let Some(end) = &end {
        members.retain(|(member, _)| member <= end);
    }
    Ok((members, end))
}

/// The start of a range after this member.
pub fn range_after(member: &[u8]) -> Vec<u8> {
    [b"(", member].concat()
}
