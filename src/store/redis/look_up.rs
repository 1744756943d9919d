//! Look-ups on Redis: a person with a request and a claim in one round trip, and entries.
//!
//! All rows of a person are in one hash, so one command reads them at one moment. The binding of the claim, which may
//! be on another server, is read concurrently; it matters only if the person has no row of the claim.

use redis::{Value, cmd};

use super::archive;
use super::call_error::CallError;
use super::commit::{CLOSED, REDIRECT, decode_claim_binding};
use super::keys::{RedisKeys, claim_field, request_field};
use super::reply::{bytes, strings, unexpected_reply};
use super::servers::Servers;
use crate::domain::ids::{EntryId, PersonId};
use crate::domain::month::{ClosedMonths, Month};
use crate::journal::record;
use crate::store::rows::{ClaimRow, PersonState};
use crate::store::shard::Shard;
use crate::store::{LookUp, Scope, StoreError};

/// The length of the version before the record of a state.
pub const VERSION: usize = 8;

/// Looks up a person, a request and a claim.
///
/// # Errors
/// As [`crate::store::JournalStore`].
pub async fn look_up(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<LookUp, StoreError> {
    let (person, binding, closed_months) = tokio::join!(
        read_person(servers, names, scope),
        read_binding(servers, names, scope),
        read_closed_months(servers, names, scope)
    );
    let [person_record, state, request, claim] = person?;
    let claim = claim.map(|row| record::decode(&row)).transpose()?;
    let elsewhere = binding?.filter(|bound| bound != scope.person_id).map(ClaimRow::unsettled);
    Ok(LookUp {
        person: person_record.map(|row| record::decode(&row)).transpose()?,
        state: state.map(|row| decode_state(&row)).transpose()?.unwrap_or_default(),
        request: request.map(decode_entry_id).transpose()?,
        claim: claim.or(elsewhere),
        closed_months: closed_months?,
    })
}

/// Record, state, request and claim of the person's hash; the last two are empty if they are not looked up.
async fn read_person(
    servers: &Servers,
    names: &RedisKeys,
    scope: Scope<'_>,
) -> Result<[Option<Vec<u8>>; 4], StoreError> {
    let secret = names.secret();
    let request = scope.request.map(|(hospital_id, id)| secret.request(hospital_id, scope.person_id, id));
    let claim = scope.claim.map(|(hospital_id, id)| secret.claim(hospital_id, id));
    // A field that is never written replaces what is not looked up.
    let mut command = cmd("HMGET");
    command.arg(names.person(scope.person_id)).arg("p").arg("s");
    command.arg(request.as_ref().map_or_else(|| b"r".to_vec(), request_field));
    command.arg(claim.as_ref().map_or_else(|| b"c".to_vec(), claim_field));
    // The caller acts on a request or a claim that was found, so it must not be lost afterwards.
    let is_found = |reply: &Value| matches!(reply, Value::Array(fields) if fields[2..].iter().any(is_some));
    let reply = servers
        .read_replicated(Shard::of_person(scope.person_id), command, is_found)
        .await
        .map_err(CallError::into_read_error)?;
    strings(reply)?.try_into().map_err(|_| unexpected_reply("four fields"))
}

/// The person that the claim is bound to, if it is looked up and bound.
async fn read_binding(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<Option<PersonId>, StoreError> {
    let Some((hospital_id, claim_id)) = scope.claim else { return Ok(None) };
    let (shard, binding) = names.binding(&names.secret().claim(hospital_id, claim_id));
    decode_claim_binding(get(servers, shard, binding).await?)
}

/// The months that are closed for the person's shard, if they are looked up.
async fn read_closed_months(
    servers: &Servers,
    names: &RedisKeys,
    scope: Scope<'_>,
) -> Result<ClosedMonths, StoreError> {
    if !scope.closed_months {
        return Ok(ClosedMonths::default());
    }
    let shard = Shard::of_person(scope.person_id);
    let Some(text) = bytes(get(servers, shard, names.shard_key(shard, CLOSED)).await?)? else {
        return Ok(ClosedMonths::default());
    };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let month = number.and_then(Month::from_number).ok_or_else(|| unexpected_reply("a month"))?;
    Ok(ClosedMonths { through: Some(month) })
}

async fn get(servers: &Servers, shard: Shard, key: Vec<u8>) -> Result<Value, StoreError> {
    let mut command = cmd("GET");
    command.arg(key);
    servers.read_replicated(shard, command, is_some).await.map_err(CallError::into_read_error)
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
    let found = bytes(get(servers, named, names.entry(named, id)).await?)?;
    let found = match found.as_deref() {
        Some([REDIRECT, shard]) => {
            let shard = Shard::from_byte(*shard);
            bytes(get(servers, shard, names.entry(shard, id)).await?)?
        }
        _ => found,
    };
    archive::unless_archived(id, found)
}
