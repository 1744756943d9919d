//! Looking up on Redis: a person with a request and a claim, in one round trip; and entries.
//!
//! All of a person lies in one hash, so one command reads it as of one moment. The binding of the claim, which lies
//! elsewhere, is asked for at the same time; it matters only where the person has no row of the claim.

use redis::{Value, cmd};

use super::archive;
use super::commit::{ELSEWHERE, bound_to};
use super::failure::Failed;
use super::keys::{RedisKeys, claim_field, request_field};
use super::reply::{bytes, strings, unreadable};
use super::servers::Servers;
use crate::domain::ids::{EntryId, PersonId};
use crate::store::rows::{ClaimRow, PersonState};
use crate::store::shard::Shard;
use crate::store::{LookUp, Scope, StoreError, codec, record};

/// The bytes of a state's version, before its record.
pub const VERSION: usize = 8;

/// What is known of a person, a request and a claim.
///
/// # Errors
/// As the trait says.
pub async fn look_up(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<LookUp, StoreError> {
    let (person, binding) = tokio::join!(person(servers, names, scope), binding(servers, names, scope));
    let [record, state, request, claim] = person?;
    let claim = claim.map(|row| codec::decode_claim(&row)).transpose()?;
    let elsewhere = binding?.filter(|bound| bound != scope.person_id).map(ClaimRow::unsettled);
    Ok(LookUp {
        person: record.map(|record| record::decode(&record).map(|(person, _)| person)).transpose()?,
        state: state.map(|row| self::state(&row)).transpose()?.unwrap_or_default(),
        request: request.map(id).transpose()?,
        claim: claim.or(elsewhere),
    })
}

/// The four fields of the person's hash; the last two empty where they are not asked for.
async fn person(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<[Option<Vec<u8>>; 4], StoreError> {
    let secret = names.secret();
    let request = scope.request_id.map(|id| secret.request(scope.hospital_id, scope.person_id, id));
    let claim = scope.claim_id.map(|id| secret.claim(scope.hospital_id, id));
    // A field that nobody writes stands for what is not asked for.
    let mut command = cmd("HMGET");
    command.arg(names.person(scope.person_id)).arg("p").arg("s");
    command.arg(request.as_ref().map_or_else(|| b"r".to_vec(), request_field));
    command.arg(claim.as_ref().map_or_else(|| b"c".to_vec(), claim_field));
    // That a request or a claim was seen is told on: it must not be gone afterwards.
    let is_told = |answer: &Value| matches!(answer, Value::Array(fields) if fields[2..].iter().any(is_there));
    let answer = servers.read_to_tell(Shard::of(scope.person_id), command, is_told).await.map_err(Failed::of_read)?;
    strings(answer)?.try_into().map_err(|_| unreadable("four fields"))
}

/// The person that the claim is bound to, if it is asked for and bound.
async fn binding(servers: &Servers, names: &RedisKeys, scope: Scope<'_>) -> Result<Option<PersonId>, StoreError> {
    let Some(claim_id) = scope.claim_id else { return Ok(None) };
    let (shard, binding) = names.binding(&names.secret().claim(scope.hospital_id, claim_id));
    bound_to(get(servers, shard, binding).await?)
}

async fn get(servers: &Servers, shard: Shard, key: Vec<u8>) -> Result<Value, StoreError> {
    let mut command = cmd("GET");
    command.arg(key);
    servers.read_to_tell(shard, command, is_there).await.map_err(Failed::of_read)
}

fn is_there(value: &Value) -> bool {
    *value != Value::Nil
}

/// The state of a row: its version, then its record.
///
/// # Errors
/// If it is not what was written.
pub fn state(row: &[u8]) -> Result<PersonState, StoreError> {
    let record = row.get(VERSION..).ok_or_else(|| unreadable("a state"))?;
    record::decode(record).map(|(state, _)| state)
}

/// The entry id that these bytes are.
///
/// # Errors
/// If they are none.
pub fn id(bytes: Vec<u8>) -> Result<EntryId, StoreError> {
    bytes.try_into().map(EntryId).map_err(|_| unreadable("an entry id"))
}

/// The record of an entry: where its id says, or where what stands there leads to.
///
/// # Errors
/// As the trait says.
pub async fn record(servers: &Servers, names: &RedisKeys, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
    let named = Shard::named_in(id);
    let found = bytes(get(servers, named, names.entry(named, id)).await?)?;
    let found = match found.as_deref() {
        Some([ELSEWHERE, shard]) => {
            let shard = Shard::of_byte(*shard);
            bytes(get(servers, shard, names.entry(shard, id)).await?)?
        }
        _ => found,
    };
    archive::unless_archived(id, found)
}
