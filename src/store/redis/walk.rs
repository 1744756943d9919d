//! What lies in order in each of the shards, read in one order: the persons that have a state, and the settlements of
//! a hospital.
//!
//! A place is numbered when it is committed, by the clock and the numbers before it in its shard. Before a list is
//! read, the clocks of all shards are moved to the furthest of them: what is committed afterwards lies behind that, and
//! what lies before is complete. So a page that was read stays what it was, however the clocks of the servers differ.

use std::sync::Arc;

use redis::{Cmd, Value, cmd, pipe};

use super::failure::Failed;
use super::keys::RedisKeys;
use super::look_up::{id, state};
use super::reply::{bytes, strings, unreadable};
use super::servers::Servers;
use super::{commit, functions, marker};
use crate::domain::day::Day;
use crate::domain::ids::{EntryId, HospitalId};
use crate::store::keys::StoreKey;
use crate::store::rows::ListPosition;
use crate::store::shard::{SHARDS, Shard};
use crate::store::{KeyedState, StoreError};

/// A member of a sorted set.
type Member = Vec<u8>;

/// Shards give numbers apart from one another: a clock, then the shard.
const SHARDED: u64 = SHARDS as u64;

/// The bytes of a day in a member, and those of the clock behind it; then come the shard and the entry's id.
const DAY: usize = 4;
const CLOCK: usize = 16;

/// The states of persons behind a key, in the order of keys.
///
/// # Errors
/// If a server does not answer.
pub async fn states(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    behind: Option<StoreKey>,
    most: usize,
) -> Result<Vec<KeyedState>, StoreError> {
    let from = behind.map_or_else(|| b"-".to_vec(), |key| after(&key));
    let range = |shard: Shard, from: &[u8], most: usize| {
        let mut command = cmd("ZRANGEBYLEX");
        command.arg(names.of_shard(shard, "persons")).arg(from).arg("+").arg("LIMIT").arg(0).arg(most);
        command
    };
    let mut keys = Vec::new();
    for (member, shard) in merged(servers, from, most, range, |_| true).await? {
        keys.push((shard, StoreKey::try_from(member).map_err(|_| unreadable("a person's key"))?));
    }
    keys.sort_unstable();
    let mut states = Vec::with_capacity(keys.len());
    for of_shard in keys.chunk_by(|one, other| one.0 == other.0) {
        states.extend(states_of(servers, names, of_shard).await?);
    }
    states.sort_unstable_by_key(|(key, _)| *key);
    Ok(states)
}

/// The states of persons of one shard; that one cannot be read is told as such.
async fn states_of(
    servers: &Servers,
    names: &RedisKeys,
    keys: &[(Shard, StoreKey)],
) -> Result<Vec<KeyedState>, StoreError> {
    let mut reads = pipe();
    for (shard, key) in keys {
        reads.cmd("HGET").arg(names.keyed_person(*shard, key)).arg("s");
    }
    let answers = servers.read_many(keys[0].0, reads).await.map_err(Failed::of_read)?;
    let state = |answer| bytes(answer)?.map_or_else(|| Err(unreadable("a state")), |row| state(&row));
    Ok(keys.iter().zip(answers).map(|((_, key), answer)| (*key, state(answer))).collect())
}

/// A hospital's settlements from a place on, before a day.
///
/// # Errors
/// If a server does not answer.
pub async fn listed(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    hospital_id: &HospitalId,
    (from, until): (ListPosition, Day),
    most: usize,
) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
    let until = [b"(", &until.number().to_be_bytes()[..]].concat();
    let complete = furthest(servers, names).await?;
    let range = |shard: Shard, from: &[u8], most: usize| {
        let keys = [names.of_shard(shard, "clock"), names.listed(shard, hospital_id)];
        let mut command = functions::call(functions::PLACES, &keys);
        command.arg(complete).arg(from).arg(&until).arg(most);
        command
    };
    let (clock, shard) = (from.number / SHARDED, (from.number % SHARDED) as u8);
    let clock = format!("{clock:0CLOCK$}");
    let first = [b"[", &from.day.number().to_be_bytes()[..], clock.as_bytes(), &[shard]].concat();
    let is_complete = |member: &Member| place(member).is_none_or(|(place, _)| place.number / SHARDED <= complete);
    let members = merged(servers, first, most, range, is_complete).await?;
    let places = members.iter().map(|(member, _)| place(member).ok_or_else(|| unreadable("a place")));
    places.collect()
}

/// Lists settlements in their order, behind all that are listed.
///
/// # Errors
/// If a server does not answer; then some of them may be listed.
pub async fn list(
    servers: &Arc<Servers>,
    names: &RedisKeys,
    (hospital_id, day): (&HospitalId, Day),
    settlements: Vec<EntryId>,
) -> Result<(), StoreError> {
    let mut clock = furthest(servers, names).await?;
    for id in settlements {
        clock += 1;
        let shard = Shard::named_in(id);
        let number = format!("{clock:0CLOCK$}");
        let member = [&day.number().to_be_bytes()[..], number.as_bytes(), &[shard.number()], &id.0].concat();
        let keys = ["store", "clock"].map(|name| names.of_shard(shard, name));
        let mut command = functions::call(functions::LIST, &[&keys[..], &[names.listed(shard, hospital_id)]].concat());
        command.arg(marker::of(names)).arg(clock).arg(member);
        commit::verdict(servers.write(shard, command).await.map_err(Failed::of_write)?, StoreError::Unknown)?;
    }
    Ok(())
}

/// The furthest clock of all shards.
async fn furthest(servers: &Arc<Servers>, names: &RedisKeys) -> Result<u64, StoreError> {
    let get = |shard: Shard| {
        let mut command = cmd("GET");
        command.arg(names.of_shard(shard, "clock"));
        command
    };
    let mut furthest = 0;
    for clock in servers.read_all(get).await.map_err(Failed::of_read)? {
        if let Some(text) = bytes(clock)? {
            let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
            furthest = furthest.max(number.ok_or_else(|| unreadable("a clock"))?);
        }
    }
    Ok(furthest)
}

/// The place that a member of a hospital's list is, and the settlement there.
fn place(member: &Member) -> Option<(ListPosition, EntryId)> {
    let (day, rest) = member.split_at_checked(DAY)?;
    let (clock, rest) = rest.split_at_checked(CLOCK)?;
    let (shard, entry) = rest.split_first()?;
    let day = u32::from_be_bytes(day.try_into().ok()?);
    let [year, month, date] = [day / 10_000, day / 100 % 100, day % 100].map(|part| part as i32);
    let day = Day::new(year, month, date).ok()?;
    let clock: u64 = std::str::from_utf8(clock).ok()?.parse().ok()?;
    let number = clock.checked_mul(SHARDED)? + u64::from(*shard);
    Some((ListPosition { day, number }, id(entry.to_vec()).ok()?))
}

/// The first so many members of all shards that count, in their order, from a start on. A shard is asked for some at a
/// time; what lies behind the last of a shard that has more is left for the next time.
async fn merged(
    servers: &Arc<Servers>,
    mut from: Vec<u8>,
    most: usize,
    range: impl Fn(Shard, &[u8], usize) -> Cmd,
    counts: impl Fn(&Member) -> bool,
) -> Result<Vec<(Member, Shard)>, StoreError> {
    let some = (most / 16).clamp(16, 1_024);
    let mut page = Vec::new();
    loop {
        let answers = servers.read_all(|shard| range(shard, &from, some)).await.map_err(Failed::of_read)?;
        let (mut members, end) = until_the_first_end(answers, some)?;
        members.retain(|(member, _)| counts(member));
        page.append(&mut members);
        match end {
            Some(end) if page.len() < most => from = after(&end),
            _ => break,
        }
    }
    page.truncate(most);
    Ok(page)
}

/// Members with their shards, and the last of them if a shard has more.
type Told = (Vec<(Member, Shard)>, Option<Member>);

/// The members of all shards in one order, up to the last of the first shard that has more than it told.
fn until_the_first_end(answers: Vec<Value>, some: usize) -> Result<Told, StoreError> {
    let (mut members, mut end) = (Vec::new(), None::<Member>);
    for (shard, answer) in Shard::all().zip(answers) {
        let told: Vec<Member> = strings(answer)?.into_iter().flatten().collect();
        if told.len() >= some {
            end = end.into_iter().chain(told.last().cloned()).min();
        }
        members.extend(told.into_iter().map(|member| (member, shard)));
    }
    members.sort_unstable();
    if let Some(end) = &end {
        members.retain(|(member, _)| member <= end);
    }
    Ok((members, end))
}

/// The start of a range behind this member.
fn after(member: &[u8]) -> Vec<u8> {
    [b"(", member].concat()
}
