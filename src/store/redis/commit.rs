//! Commits on Redis: one function compares the version and writes everything of the person, with the bindings of claims
//! where they are in the same hash slot, or on a server that has no slots. A binding in another slot of a Cluster is
//! written before.
//!
//! A binding is written once and never changed. On a Cluster an instance that ends, or loses a race, between the two steps
//! leaves a binding without a commit. It stays valid: removing it could break a commit in progress. So a claim id there
//! belongs to the person for whom it was first tried.

use std::sync::Arc;

use redis::{Value, from_redis_value};

use super::call_error::CallError;
use super::encoded_commit::EncodedCommit;
use super::keys::{RedisKeys, claim_field, request_field};
use super::reply::{bytes, unexpected_reply};
use super::servers::Servers;
use super::{expected_marker, functions};
use crate::domain::day::Day;
use crate::domain::ids::{EntryId, PersonId};
use crate::domain::month::ClosedMonths;
use crate::journal::record;
use crate::store::commit::CommitOrigin;
use crate::store::keys::StoreKey;
use crate::store::rows::ClaimBinding;
use crate::store::shard::Shard;
use crate::store::{Commit, StoreError};

/// The first byte of a redirect to the shard of an entry whose id names another shard. A record starts with its format,
/// which is never 0.
pub const REDIRECT: u8 = 0;

/// Writes a commit, all of it or nothing.
///
/// # Errors
/// As [`crate::store::JournalStore::commit`].
pub async fn commit(servers: &Servers, names: &RedisKeys, commit: Commit) -> Result<(), StoreError> {
    let shard = Shard::of_person(&commit.person_id);
    let mut bindings = Vec::new();
    for claim in commit.claims.iter().filter(|claim| claim.row.is_first()) {
        let (binding_shard, binding) = names.binding(&names.secret().claim(&claim.hospital_id, &claim.claim_id));
        if binding_shard == shard || !servers.have_slots() {
            bindings.push(binding);
        } else {
            bind_claim(servers, names, (binding_shard, binding), &commit.person_id).await?;
        }
    }
    for (id, _) in commit.entries.iter().filter(|(id, _)| Shard::of_entry(*id) != shard) {
        redirect(servers, names, *id, shard).await?;
    }
    let encoded = Arc::new(encode_commit(names, shard, commit, bindings));
    check_status(servers.commit(encoded).await.map_err(CallError::into_write_error)?, StoreError::Unknown)
}

/// Binds a claim to a person unless it is bound.
async fn bind_claim(
    servers: &Servers,
    names: &RedisKeys,
    (shard, binding): (Shard, Vec<u8>),
    person_id: &PersonId,
) -> Result<(), StoreError> {
    let mut command = functions::call(functions::BIND, &[names.shard_key(shard, "store"), binding]);
    command.arg(expected_marker::value(names)).arg(record::encode(&ClaimBinding(person_id.clone())));
    let reply = servers.write(shard, command).await.map_err(CallError::into_read_error)?;
    let Value::Array(mut reply) = reply else { return Err(unexpected_reply("a binding")) };
    match reply.pop() {
        Some(bound) if !reply.is_empty() => match decode_claim_binding(bound)? {
            Some(other) if other != *person_id => Err(StoreError::Conflict),
            _ => Ok(()),
        },
        Some(status) => check_status(status, StoreError::Unavailable),
        None => Err(unexpected_reply("a binding")),
    }
}

/// Decodes the person of a binding; `None` if there is none.
///
/// # Errors
/// If it is damaged.
pub fn decode_claim_binding(binding: Value) -> Result<Option<PersonId>, StoreError> {
    let bound = bytes(binding)?.map(|row| record::decode(&row)).transpose()?;
    Ok(bound.map(|ClaimBinding(person)| person))
}

/// Records, in the shard that an id names, the shard of its entry: for entries older than shards in ids.
async fn redirect(servers: &Servers, names: &RedisKeys, id: EntryId, shard: Shard) -> Result<(), StoreError> {
    let named = Shard::of_entry(id);
    let mut command = functions::call(functions::REDIRECT, &[names.shard_key(named, "store"), names.entry(named, id)]);
    command.arg(expected_marker::value(names)).arg(&[REDIRECT, shard.number()][..]);
    check_status(servers.write(named, command).await.map_err(CallError::into_read_error)?, StoreError::Unavailable)
}

/// Encodes what the commit function takes of a commit.
fn encode_commit(names: &RedisKeys, shard: Shard, commit: Commit, bindings: Vec<Vec<u8>>) -> EncodedCommit {
    let secret = names.secret();
    let member: StoreKey = secret.person(&commit.person_id);
    let request = secret.request(commit.hospital_id.as_ref(), &commit.person_id, &commit.request_id);
    let mut encoded = EncodedCommit::new(shard);
    encoded.key(&names.keyed_person(shard, &member));
    // The list of a commit that is appended to none is named, and not used.
    encoded.key(&match &commit.hospital_id {
        Some(hospital_id) => names.hospital_list_key(shard, hospital_id),
        None => names.shard_key(shard, "store"),
    });
    commit.entries.iter().for_each(|(id, _)| encoded.key(&names.entry(shard, *id)));
    bindings.iter().for_each(|binding| encoded.key(binding));
    encoded.argument(commit.expected.to_be_bytes());
    encoded.argument([&commit.state.version.to_be_bytes()[..], &record::encode(&commit.state)].concat());
    encoded.argument(member);
    encoded.argument(request_field(&request));
    encoded.argument(commit.request_entry.0);
    encoded.argument(commit.listed.map_or(Vec::new(), |day| day.number().to_be_bytes().to_vec()));
    encoded.number(commit.entries.len());
    encoded.number(commit.committed.china_day().number());
    encoded.argument(match commit.origin {
        CommitOrigin::Live => "live",
        CommitOrigin::Copied => "copied",
    });
    encoded.argument(commit.closed_months.map_or_else(|| "-".to_owned(), closed_text));
    encoded.number(bindings.len());
    encoded.argument(record::encode(&ClaimBinding(commit.person_id)));
    for ((id, record), notice) in commit.entries.iter().zip(&commit.notices) {
        let settlement = notice.settlement.map(|id| id.to_string()).unwrap_or_default();
        encoded.argument(record);
        encoded.argument(id.to_string());
        encoded.argument(notice.kind);
        encoded.argument(settlement);
        encoded.number(commit.committed.0);
    }
    for claim in &commit.claims {
        encoded.argument(claim_field(&secret.claim(&claim.hospital_id, &claim.claim_id)));
        encoded.argument(record::encode(&claim.row));
    }
    encoded
}

fn closed_text(months: ClosedMonths) -> String {
    months.through.map_or_else(String::new, |month| month.number().to_string())
}

/// Decodes the status that a function returns.
///
/// # Errors
/// The error that the status names; `otherwise` for an unknown status.
pub fn check_status(reply: Value, otherwise: fn(String) -> StoreError) -> Result<(), StoreError> {
    let status: String = from_redis_value(reply).map_err(|error| otherwise(error.to_string()))?;
    match status.as_str() {
        "done" => Ok(()),
        "conflict" => Err(StoreError::Conflict),
        "taken" => Err(StoreError::EntryIdTaken),
        "lease lost" => Err(StoreError::ImportLeaseLost),
        "another store" => Err(StoreError::Unavailable(expected_marker::LOST.to_owned())),
        other => match other.strip_prefix("earlier day ").and_then(|newest| Day::from_number(newest.parse().ok()?)) {
            Some(newest) => Err(StoreError::EarlierDay { newest }),
            None => Err(otherwise(format!("Redis replies {other:?}"))),
        },
    }
}
