//! A commit on Redis: the claim is bound to its person first, in a slot of its own; then one function compares and
//! writes everything in the person's.
//!
//! A binding is written once and never changed. One without a commit is left by a server that ended, or lost a race,
//! between the two; it holds as one with a commit does, since whoever took it away could not know whether it was taken
//! from a commit under way. So the claim id stays with the person for whom it was first tried.

use redis::{Value, from_redis_value};

use super::failure::Failed;
use super::keys::{RedisKeys, claim_field, request_field};
use super::reply::{bytes, unreadable};
use super::servers::Servers;
use super::{functions, marker};
use crate::domain::ids::{EntryId, PersonId};
use crate::store::commit::ClaimWrite;
use crate::store::keys::StoreKey;
use crate::store::shard::Shard;
use crate::store::{Commit, StoreError, record};

/// What stands first where an entry lies in another shard than its id names; a record begins with its format, from 1.
pub const ELSEWHERE: u8 = 0;

/// Writes a commit, all of it or nothing.
///
/// # Errors
/// As the trait says.
pub async fn commit(servers: &Servers, names: &RedisKeys, commit: Commit) -> Result<(), StoreError> {
    let shard = Shard::of(&commit.person_id);
    for claim in commit.claims.iter().filter(|claim| claim.row.is_first()) {
        bind(servers, names, claim, &commit.person_id).await?;
    }
    for (id, _) in commit.entries.iter().filter(|(id, _)| Shard::named_in(*id) != shard) {
        lead(servers, names, *id, shard).await?;
    }
    let command = command(names, shard, commit)?;
    verdict(servers.write(shard, command).await.map_err(Failed::of_write)?, StoreError::Unknown)
}

/// Binds a claim to a person, if it is bound to nobody.
async fn bind(
    servers: &Servers,
    names: &RedisKeys,
    claim: &ClaimWrite,
    person_id: &PersonId,
) -> Result<(), StoreError> {
    let key = names.secret().claim(&claim.hospital_id, &claim.claim_id);
    let (shard, binding) = names.binding(&key);
    let mut command = functions::call(functions::BIND, &[names.of_shard(shard, "store"), binding]);
    command.arg(marker::of(names)).arg(record::encode(person_id)?.0);
    let answer = servers.write(shard, command).await.map_err(Failed::of_read)?;
    let Value::Array(mut answer) = answer else { return Err(unreadable("a binding")) };
    match answer.pop() {
        Some(bound) if !answer.is_empty() => match bound_to(bound)? {
            Some(other) if other != *person_id => Err(StoreError::Conflict),
            _ => Ok(()),
        },
        Some(told) => verdict(told, StoreError::Unavailable),
        None => Err(unreadable("a binding")),
    }
}

/// The person that a binding names, if there is one.
///
/// # Errors
/// If it is not what was written.
pub fn bound_to(binding: Value) -> Result<Option<PersonId>, StoreError> {
    bytes(binding)?.map(|record| record::decode(&record).map(|(person, _)| person)).transpose()
}

/// Notes in the shard that an id names where its entry lies: for entries that were made before ids named shards.
async fn lead(servers: &Servers, names: &RedisKeys, id: EntryId, shard: Shard) -> Result<(), StoreError> {
    let named = Shard::named_in(id);
    let mut command = functions::call(functions::LEAD, &[names.of_shard(named, "store"), names.entry(named, id)]);
    command.arg(marker::of(names)).arg(&[ELSEWHERE, shard.number()][..]);
    verdict(servers.write(named, command).await.map_err(Failed::of_read)?, StoreError::Unavailable)
}

/// The call of the function.
fn command(names: &RedisKeys, shard: Shard, commit: Commit) -> Result<redis::Cmd, StoreError> {
    let secret = names.secret();
    let first = commit.entries.first().map(|(id, _)| *id);
    let first = first.ok_or_else(|| StoreError::Unavailable("a commit without an entry".to_owned()))?;
    let member: StoreKey = secret.person(&commit.person_id);
    let request = secret.request(&commit.hospital_id, &commit.person_id, &commit.request_id);
    let mut keys = vec![names.of_shard(shard, "store"), names.person(&commit.person_id)];
    keys.extend(["persons", "journal", "entries", "clock"].map(|name| names.of_shard(shard, name)));
    keys.push(names.listed(shard, &commit.hospital_id));
    keys.extend(commit.entries.iter().map(|(id, _)| names.entry(shard, *id)));
    let mut command = functions::call(functions::COMMIT, &keys);
    command.arg(marker::of(names)).arg(&commit.expected.to_be_bytes()[..]);
    command.arg([&commit.state.version.to_be_bytes()[..], &record::encode(&commit.state)?.0].concat());
    command.arg(&member[..]).arg(request_field(&request)).arg(&first.0[..]);
    command.arg(commit.listed.map_or(Vec::new(), |day| day.number().to_be_bytes().to_vec()));
    command.arg(&[shard.number()][..]).arg(commit.entries.len());
    for ((id, record), notice) in commit.entries.iter().zip(&commit.notices) {
        let settlement = notice.settlement.map(|id| id.to_string()).unwrap_or_default();
        command.arg(record).arg(id.to_string()).arg(notice.deed).arg(settlement).arg(commit.committed.0);
    }
    for claim in &commit.claims {
        let key = secret.claim(&claim.hospital_id, &claim.claim_id);
        command.arg(claim_field(&key)).arg(record::encode(&claim.row)?.0);
    }
    Ok(command)
}

/// What the functions answer.
///
/// # Errors
/// As they say; what they never say is told `otherwise`.
pub fn verdict(answer: Value, otherwise: fn(String) -> StoreError) -> Result<(), StoreError> {
    let told: String = from_redis_value(answer).map_err(|error| otherwise(error.to_string()))?;
    match told.as_str() {
        "done" => Ok(()),
        "conflict" => Err(StoreError::Conflict),
        "taken" => Err(StoreError::EntryIdTaken),
        "another store" => Err(StoreError::Unavailable(marker::LOST.to_owned())),
        other => Err(otherwise(format!("Redis answers {other:?}"))),
    }
}
