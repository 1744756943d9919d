//! The entries of all shards in the order of commits.
//!
//! An entry gets its number at the commit, as a position in a list does (`walk`), and is under it in the stream of its shard.
//! Before the streams are read, the clocks of all shards are moved to the latest of them: later commits get higher numbers,
//! and the entries up to it are complete.

use std::collections::VecDeque;
use std::sync::Arc;

use redis::{Cmd, cmd};

use super::archive::unless_archived;
use super::call_error::CallError;
use super::keys::RedisKeys;
use super::reply::{strings, unexpected_reply};
use super::request::Access;
use super::servers::Servers;
use super::walk::{CLOCK, Member, SHARDED, latest_clock, merge_shards, range_after};
use super::{expected_marker, functions};
use crate::domain::ids::EntryId;
use crate::store::StoreError;
use crate::store::entry_page::{EntryPage, OpenPage, StoredEntry};
use crate::store::rows::CommitPosition;
use crate::store::shard::{SHARDS, Shard};

/// How many records are read at once.
const RECORDS: usize = 128;

/// An entry in the stream of its shard.
struct NumberedEntry {
    position: CommitPosition,
    shard: Shard,
    id: EntryId,
}

/// Up to `limit` entries after a position, in the order of commits.
///
/// # Errors
/// If a server does not reply; `UnknownPosition` if no shard assigned the position.
pub async fn entries_after(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    after: CommitPosition,
    limit: usize,
) -> Result<EntryPage, StoreError> {
    let mut numbered = VecDeque::from(numbered_after(servers, names, after, limit.saturating_add(1)).await?);
    let mut page = OpenPage::new(limit);
    while !numbered.is_empty() && !page.is_full() {
        let next: Vec<_> = numbered.drain(..page.room().min(RECORDS).min(numbered.len())).collect();
        for entry in read_records(servers, names, next).await? {
            if page.push(entry).is_some() {
                return Ok(page.cut());
            }
        }
    }
    Ok(if numbered.is_empty() { page.end() } else { page.cut() })
}

/// Up to `limit` entries after a position with their numbers.
async fn numbered_after(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    CommitPosition(after): CommitPosition,
    limit: usize,
) -> Result<Vec<NumberedEntry>, StoreError> {
    let (complete, _) = latest_clock(servers, names).await?;
    let (clock, shard) = (after / SHARDED, (after % SHARDED) as u8);
    if clock > complete {
        return Err(StoreError::UnknownPosition);
    }
    let range = |shard: Shard, from: &[u8], limit: usize| {
        read_stream(names, shard, complete, &stream_start(shard, from), limit)
    };
    let first = range_after(&[format!("{clock:0CLOCK$}").as_bytes(), &[shard]].concat());
    let is_complete =
        |member: &Member| decode_member(member).is_none_or(|entry| entry.position.0 / SHARDED <= complete);
    let members = merge_shards(servers, first, limit, range, is_complete).await?;
    members.iter().map(|(member, _)| decode_member(member).ok_or_else(|| unexpected_reply("an entry"))).collect()
}

/// The id of the entry at a position, if there is one.
///
/// # Errors
/// If a server does not reply.
pub async fn entry_at(
    servers: &Servers,
    names: &RedisKeys,
    position: CommitPosition,
) -> Result<Option<EntryId>, StoreError> {
    let (clock, shard) = (position.0 / SHARDED, Shard::from_byte((position.0 % SHARDED) as u8));
    let command = read_stream(names, shard, 0, &format!("{clock}-0"), 1);
    let reply = servers.read(shard, command).await.map_err(CallError::into_read_error)?;
    let Some(member) = strings(reply)?.into_iter().flatten().next() else { return Ok(None) };
    let entry = decode_member(&member).ok_or_else(|| unexpected_reply("an entry"))?;
    Ok(Some(entry.id).filter(|_| entry.position == position))
}

/// Reads up to `limit` entries of a shard's stream from this start on, after its clock was moved to `clock` at least.
fn read_stream(names: &RedisKeys, shard: Shard, clock: u64, start: &str, limit: usize) -> Cmd {
    let keys = ["store", "clock", "journal"].map(|name| names.shard_key(shard, name));
    let mut command = functions::call(functions::ENTRIES, &keys);
    command.arg(expected_marker::value(names)).arg(clock).arg(start).arg(limit).arg(&[shard.number()][..]);
    command
}

/// Where a shard's stream is read on after a member of any shard: from its number or after it, since two shards may assign
/// the same number, and members of one number are in the order of shards.
fn stream_start(shard: Shard, from: &[u8]) -> String {
    let member = from.get(1..).unwrap_or_default();
    let clock = std::str::from_utf8(member.get(..CLOCK).unwrap_or_default()).ok();
    let clock: u64 = clock.and_then(|text| text.parse().ok()).unwrap_or(0);
    let is_later = member.get(CLOCK).is_none_or(|other| shard.number() > *other);
    format!("{}{clock}-0", if is_later { "" } else { "(" })
}

/// Decodes a member: clock, shard, and the text of the entry's id.
fn decode_member(member: &Member) -> Option<NumberedEntry> {
    let (clock, rest) = member.split_at_checked(CLOCK)?;
    let (shard, id) = rest.split_first()?;
    let clock: u64 = std::str::from_utf8(clock).ok()?.parse().ok()?;
    let position = CommitPosition(clock.checked_mul(SHARDED)?.checked_add(u64::from(*shard))?);
    Some(NumberedEntry {
        position,
        shard: Shard::from_byte(*shard),
        id: EntryId::parse(std::str::from_utf8(id).ok()?)?,
    })
}

/// The records of entries, which the replicas have too if they are required. A missing or archived one fails alone.
async fn read_records(
    servers: &Servers,
    names: &RedisKeys,
    entries: Vec<NumberedEntry>,
) -> Result<Vec<StoredEntry>, StoreError> {
    let mut shards: Vec<Shard> = entries.iter().map(|entry| entry.shard).collect();
    shards.sort_unstable();
    shards.dedup();
    let command = |shard: Shard| {
        let mut command = cmd("MGET");
        for entry in entries.iter().filter(|entry| entry.shard == shard) {
            command.arg(names.entry(shard, entry.id));
        }
        vec![command]
    };
    let replies = servers.read_shards(&shards, command, Access::ReadReplicated(|_| true)).await;
    let mut records: Vec<_> = std::iter::repeat_with(|| Vec::new().into_iter()).take(SHARDS.into()).collect();
    for (shard, mut reply) in shards.into_iter().zip(replies.map_err(CallError::into_read_error)?) {
        records[usize::from(shard.number())] = strings(reply.pop().unwrap_or_default())?.into_iter();
    }
    let read = |NumberedEntry { position, shard, id }: NumberedEntry| {
        let found = records.get_mut(usize::from(shard.number())).and_then(Iterator::next).flatten();
        let missing = || StoreError::Damaged(format!("the record of entry {id} is missing"));
        let record = unless_archived(id, found).and_then(|found| found.ok_or_else(missing));
        StoredEntry { position, id, record }
    };
    Ok(entries.into_iter().map(read).collect())
}
