//! Look-ups on Redis: a person with a request and a claim in one round trip, and entries.
//!
//! All rows of a person are in one hash, so one command reads them at one moment. The binding of the claim is read with
//! them, or at the same time where another server has it; it matters only if the person has no row of the claim.

use redis::{Cmd, Value, cmd};

use super::archive;
use super::call_error::CallError;
use super::commit::{REDIRECT, decode_claim_binding};
use super::encoded_commit::CLOSED;
use super::keys::{RedisKeys, claim_field, request_field};
use super::reply::{bytes, list, strings, unexpected_reply};
use super::request::Access;
use super::servers::Servers;
use crate::domain::ids::EntryId;
use crate::domain::month::{ClosedMonths, Month};
use crate::journal::record;
use crate::store::rows::{ClaimRow, PersonState};
use crate::store::shard::Shard;
use crate::store::{LookUp, Scope, StoreError};

/// The length of the version before the record of a state.
pub const VERSION: usize = 8;

/// Looks up persons, each with a request and a claim: all in one call to every server.
///
/// # Errors
/// As [`crate::store::JournalStore`], for each of them.
pub async fn look_ups(servers: &Servers, names: &RedisKeys, scopes: &[Scope<'_>]) -> Vec<Result<LookUp, StoreError>> {
    let keys: Vec<LookUpKeys> = scopes.iter().map(|scope| LookUpKeys::new(names, *scope)).collect();
    let shards = distinct(keys.iter().flat_map(LookUpKeys::shards).collect());
    let reads = |shard| keys.iter().flat_map(|keys| keys.reads(shard)).collect();
    match servers.read_shards(&shards, reads, Access::ReadReplicated(must_be_kept)).await {
        Ok(replies) => {
            let mut replies = RepliesByShard::new(shards, replies);
            scopes.iter().zip(keys).map(|(scope, keys)| decode_look_up(*scope, keys.take(&mut replies))).collect()
        }
        Err(error) => {
            let error = error.into_read_error();
            scopes.iter().map(|_| Err(error.clone())).collect()
        }
    }
}

/// The replies to the reads of a look-up.
struct LookUpReplies {
    person: Value,
    closed: Option<Value>,
    binding: Option<Value>,
}

fn decode_look_up(scope: Scope<'_>, replies: LookUpReplies) -> Result<LookUp, StoreError> {
    let fields = strings(replies.person)?.try_into().map_err(|_| unexpected_reply("four fields"));
    let [person, state, request, claim]: [Option<Vec<u8>>; 4] = fields?;
    let bound = replies.binding.map(decode_claim_binding).transpose()?.flatten();
    let claim = claim.map(|row| record::decode(&row)).transpose()?;
    Ok(LookUp {
        person: person.map(|row| record::decode(&row)).transpose()?,
        state: state.map(|row| decode_state(&row)).transpose()?.unwrap_or_default(),
        request: request.map(decode_entry_id).transpose()?,
        claim: claim.or(bound.filter(|bound| bound != scope.person_id).map(ClaimRow::unsettled)),
        closed_months: replies.closed.map(decode_closed_months).transpose()?.unwrap_or_default(),
    })
}

/// The replies of each shard, in the order of its reads.
struct RepliesByShard(Vec<(Shard, std::vec::IntoIter<Value>)>);

impl RepliesByShard {
    /// The replies of these shards, which are in ascending order.
    fn new(shards: Vec<Shard>, replies: Vec<Vec<Value>>) -> RepliesByShard {
        RepliesByShard(shards.into_iter().zip(replies.into_iter().map(Vec::into_iter)).collect())
    }

    /// The next reply of a shard.
    fn next(&mut self, shard: Shard) -> Value {
        let at = self.0.binary_search_by_key(&shard, |(shard, _)| *shard);
        at.ok().and_then(|at| self.0[at].1.next()).unwrap_or(Value::Nil)
    }
}

/// These shards once, in ascending order.
fn distinct(mut shards: Vec<Shard>) -> Vec<Shard> {
    shards.sort_unstable();
    shards.dedup();
    shards
}

/// The keys of a look-up.
struct LookUpKeys {
    shard: Shard,
    person: Vec<u8>,
    request_field: Vec<u8>,
    claim_field: Vec<u8>,
    closed: Option<Vec<u8>>,
    binding: Option<(Shard, Vec<u8>)>,
}

impl LookUpKeys {
    fn new(names: &RedisKeys, scope: Scope<'_>) -> LookUpKeys {
        let (secret, shard) = (names.secret(), Shard::of_person(scope.person_id));
        let request = scope.request.map(|(hospital_id, id)| secret.request(hospital_id, scope.person_id, id));
        let claim = scope.claim.map(|(hospital_id, id)| secret.claim(hospital_id, id));
        LookUpKeys {
            shard,
            person: names.person(scope.person_id),
            // A field that is never written replaces what is not looked up.
            request_field: request.as_ref().map_or_else(|| b"r".to_vec(), request_field),
            claim_field: claim.as_ref().map_or_else(|| b"c".to_vec(), claim_field),
            closed: scope.closed_months.then(|| names.shard_key(shard, CLOSED)),
            binding: claim.as_ref().map(|claim| names.binding(claim)),
        }
    }

    /// The person's shard, and the one of the binding.
    fn shards(&self) -> impl Iterator<Item = Shard> {
        [self.shard].into_iter().chain(self.binding.as_ref().map(|(shard, _)| *shard))
    }

    /// The reads in a shard: record, state, request and claim of the person's hash; the closed months; the binding.
    fn reads(&self, shard: Shard) -> Vec<Cmd> {
        let mut reads = Vec::with_capacity(3);
        if shard == self.shard {
            let mut person = cmd("HMGET");
            person.arg(&self.person).arg("p").arg("s").arg(&self.request_field).arg(&self.claim_field);
            reads.push(person);
            reads.extend(self.closed.as_ref().map(|key| get(key)));
        }
        reads.extend(self.binding.iter().filter(|(of_binding, _)| *of_binding == shard).map(|(_, key)| get(key)));
        reads
    }

    /// Takes the replies to these reads, of which each shard has the next ones.
    fn take(self, replies: &mut RepliesByShard) -> LookUpReplies {
        LookUpReplies {
            person: replies.next(self.shard),
            closed: self.closed.map(|_| replies.next(self.shard)),
            binding: self.binding.map(|(shard, _)| replies.next(shard)),
        }
    }
}

/// Whether a reply has something that the caller acts on, so that it must not be lost afterwards: a request or a claim of a
/// person, closed months, a binding.
fn must_be_kept(reply: &Value) -> bool {
    match reply {
        Value::Array(fields) => fields.iter().skip(2).any(is_some),
        other => is_some(other),
    }
}

/// The months that are closed for a shard.
fn decode_closed_months(reply: Value) -> Result<ClosedMonths, StoreError> {
    let Some(text) = bytes(reply)? else { return Ok(ClosedMonths::default()) };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let month = number.and_then(Month::from_number).ok_or_else(|| unexpected_reply("a month"))?;
    Ok(ClosedMonths { through: Some(month) })
}

fn get(key: &[u8]) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

async fn read_value(servers: &Servers, shard: Shard, key: Vec<u8>) -> Result<Value, StoreError> {
    servers.read_replicated(shard, get(&key), is_some).await.map_err(CallError::into_read_error)
}

fn is_some(value: &Value) -> bool {
    *value != Value::Nil
}

/// Decodes a state: its version, then its record.
///
/// # Errors
/// If it is damaged.
pub fn decode_state(row: &[u8]) -> Result<PersonState, StoreError> {
    let state = row.get(VERSION..).ok_or_else(|| unexpected_reply("a state"))?;
    Ok(record::decode(state)?)
}

/// Decodes an entry id.
///
/// # Errors
/// If the length is wrong.
pub fn decode_entry_id(bytes: Vec<u8>) -> Result<EntryId, StoreError> {
    bytes.try_into().map(EntryId).map_err(|_| unexpected_reply("an entry id"))
}

/// The record of an entry, in the shard that its id names or in the one that a redirect there names.
///
/// # Errors
/// As [`crate::store::JournalStore`].
pub async fn read_record(servers: &Servers, names: &RedisKeys, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
    let named = Shard::of_entry(id);
    let found = bytes(read_value(servers, named, names.entry(named, id)).await?)?;
    let found = match found.as_deref() {
        Some([REDIRECT, shard]) => {
            let shard = Shard::from_byte(*shard);
            bytes(read_value(servers, shard, names.entry(shard, id)).await?)?
        }
        _ => found,
    };
    archive::unless_archived(id, found)
}

/// The records of entries, in their order: all that are in the shard of their id in one call to every server.
///
/// # Errors
/// As [`crate::store::JournalStore`], for each of them.
pub async fn read_records(
    servers: &Servers,
    names: &RedisKeys,
    ids: &[EntryId],
) -> Vec<Result<Option<Vec<u8>>, StoreError>> {
    let shards = distinct(ids.iter().map(|id| Shard::of_entry(*id)).collect());
    let reads = |shard: Shard| {
        let mut command = cmd("MGET");
        ids.iter().filter(|id| Shard::of_entry(**id) == shard).for_each(|id| {
            command.arg(names.entry(shard, *id));
        });
        vec![command]
    };
    let replies = match servers.read_shards(&shards, reads, Access::ReadReplicated(|_| true)).await {
        Ok(replies) => replies,
        Err(error) => {
            let error = error.into_read_error();
            return ids.iter().map(|_| Err(error.clone())).collect();
        }
    };
    let in_shard = |replies: Vec<Value>| replies.into_iter().flat_map(|reply| list(reply).unwrap_or_default());
    let mut replies =
        RepliesByShard::new(shards, replies.into_iter().map(|of_shard| in_shard(of_shard).collect()).collect());
    let mut records = Vec::with_capacity(ids.len());
    for id in ids {
        records.push(match bytes(replies.next(Shard::of_entry(*id))) {
            Ok(Some(found)) if found.first() == Some(&REDIRECT) => read_record(servers, names, *id).await,
            found => found,
        });
    }
    records
}
