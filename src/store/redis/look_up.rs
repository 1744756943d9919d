//! Look-ups on Redis: a person with a request and a claim in one round trip, and entries.
//!
//! All rows of a person are in one hash, so one command reads them at one moment. The binding of the claim is read with
//! them, or at the same time where another server has it; it matters only if the person has no row of the claim.

use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tokio::time::Instant;

use super::administration_state;
use super::archive;
use super::call_error::CallError;
use super::commit::{REDIRECT, decode_claim_binding};
use super::encoded_commit::CLOSED;
use super::expected_marker::ShardReads;
use super::keys::{RedisKeys, claim_field, common_shard, request_field};
use super::reply::{RepliesByShard, VERSION, bytes, distinct, list, strings, unexpected_reply};
use super::request::Access;
use super::servers::Servers;
use crate::domain::ids::EntryId;
use crate::domain::month::{ClosedMonths, Month};
use crate::journal::record;
use crate::store::rows::{ClaimRow, PersonState};
use crate::store::shard::Shard;
use crate::store::{LookUp, Scope, StoreError};

/// Looks up a person, with a request and a claim: in one call to every server. While a month is closed for a part of the
/// shards, a look-up of closed months waits until it is for all.
///
/// # Errors
/// As [`crate::store::JournalStore`]; also if a closing was interrupted and is not repeated in time.
pub async fn look_up(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<LookUp, StoreError> {
    let keys = LookUpKeys::new(names, scope);
    let shards = distinct(keys.shards().collect());
    let until = Instant::now() + servers.settings().timeout;
    loop {
        let read = servers.read_shards(&shards, |shard| keys.reads(shard), Access::ReadReplicated(must_be_kept)).await;
        let mut replies = RepliesByShard::new(shards.clone(), read.map_err(CallError::into_read_error)?);
        match decode_look_up(scope, keys.take(&mut replies))? {
            Some(found) => return Ok(found),
            None if Instant::now() < until => tokio::time::sleep(CLOSING_PAUSE).await,
            None => return Err(StoreError::Unavailable(CLOSING_INTERRUPTED.to_owned())),
        }
    }
}

/// How long a look-up waits for a closing before it reads again.
const CLOSING_PAUSE: Duration = Duration::from_millis(20);

/// Why it is unknown which months are closed.
const CLOSING_INTERRUPTED: &str = "a closing of a month was interrupted, or a server of Redis lost it, and it is in force for a \
    part of the persons: close the month again";

/// The replies to the reads of a look-up.
struct LookUpReplies {
    person: Value,
    /// The last closed month of the shard, and the state of the administration.
    closed: Option<[Value; 2]>,
    binding: Option<Value>,
}

/// The rows of a look-up; `None` while a month is closed for a part of the shards.
fn decode_look_up(scope: Scope<'_>, replies: LookUpReplies) -> Result<Option<LookUp>, StoreError> {
    let fields = strings(replies.person)?.try_into().map_err(|_| unexpected_reply("four fields"));
    let [person, state, request, claim]: [Option<Vec<u8>>; 4] = fields?;
    let bound = replies.binding.map(decode_claim_binding).transpose()?.flatten();
    let claim = claim.map(|row| record::decode(&row)).transpose()?;
    let closed_months = match replies.closed {
        None => Some(ClosedMonths::default()),
        Some([of_shard, state]) => {
            let (closed, state) = (decode_closed_months(of_shard)?, administration_state::decode(state)?);
            Some(closed).filter(|closed| *closed == state.closed_months)
        }
    };
    let Some(closed_months) = closed_months else { return Ok(None) };
    Ok(Some(LookUp {
        person: person.map(|row| record::decode(&row)).transpose()?,
        state: state.map(|row| decode_state(&row)).transpose()?.unwrap_or_default(),
        request: request.map(decode_entry_id).transpose()?,
        claim: claim.or(bound.filter(|bound| bound != scope.person_id).map(ClaimRow::unsettled)),
        closed_months,
    }))
}

/// The keys of a look-up.
struct LookUpKeys {
    shard: Shard,
    person: Vec<u8>,
    request_field: Vec<u8>,
    claim_field: Vec<u8>,
    /// The key of the last closed month of the shard, and that of the state of the administration.
    closed: Option<[(Shard, Vec<u8>); 2]>,
    binding: Option<(Shard, Vec<u8>)>,
}

impl LookUpKeys {
    fn new(names: &RedisKeys, scope: Scope<'_>) -> LookUpKeys {
        let shard = Shard::of_person(scope.person_id);
        let (request_field, claim_field) = fields_of(names, scope);
        LookUpKeys {
            shard,
            person: names.person(scope.person_id),
            request_field,
            claim_field,
            closed: scope.closed_months.then(|| {
                let state = names.common_key(administration_state::KEY);
                [(shard, names.shard_key(shard, CLOSED)), (common_shard(), state)]
            }),
            binding: scope.claim.map(|(hospital_id, id)| names.binding(&names.secret().claim(hospital_id, id))),
        }
    }

    /// The strings that are read beside the rows of the person: those of closed months, and the binding.
    fn strings(&self) -> impl Iterator<Item = &(Shard, Vec<u8>)> {
        self.closed.iter().flatten().chain(&self.binding)
    }

    /// The person's shard, and those of the strings.
    fn shards(&self) -> impl Iterator<Item = Shard> {
        [self.shard].into_iter().chain(self.strings().map(|(shard, _)| *shard))
    }

    /// The reads in a shard: record, state, request and claim of the person's hash; the closed months; the binding.
    fn reads(&self, shard: Shard) -> ShardReads {
        let mut reads = ShardReads::default();
        if shard == self.shard {
            let mut person = cmd("HMGET");
            person.arg(&self.person).arg("p").arg("s").arg(&self.request_field).arg(&self.claim_field);
            reads.commands.push(person);
        }
        reads.keys.extend(self.strings().filter(|(of_string, _)| *of_string == shard).map(|(_, key)| key.clone()));
        reads
    }

    /// Takes the replies to these reads, of which each shard has the next ones.
    fn take(&self, replies: &mut RepliesByShard) -> LookUpReplies {
        LookUpReplies {
            person: replies.next(self.shard),
            closed: self.closed.as_ref().map(|closed| [replies.next(closed[0].0), replies.next(closed[1].0)]),
            binding: self.binding.as_ref().map(|(shard, _)| replies.next(*shard)),
        }
    }
}

/// The fields of the request and the claim of a scope in the hash of its person.
pub fn fields_of(names: &RedisKeys, scope: Scope<'_>) -> (Vec<u8>, Vec<u8>) {
    let secret = names.secret();
    let request = scope.request.map(|(hospital_id, id)| secret.request(hospital_id, scope.person_id, id));
    let claim = scope.claim.map(|(hospital_id, id)| secret.claim(hospital_id, id));
    // A field that is never written replaces what is not looked up.
    let request = request.as_ref().map_or_else(|| b"r".to_vec(), request_field);
    (request, claim.as_ref().map_or_else(|| b"c".to_vec(), claim_field))
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
