//! Stage 1: what request id and claim id say before any rule of business is applied; and the keys that are needed to
//! look that up.

use crate::domain::claim::{ClaimKeys, InvalidRequest, valid_text};
use crate::domain::fault::FieldFaults;
use crate::domain::ids::{Digest, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::refusal::ClaimRefusal;
use crate::store::{LookUp, Store};

use super::{Engine, EngineError};

/// The ids of a request about a claim, valid or not in the rest.
///
/// # Errors
/// All faults of the request, if one of its ids is none: nothing can be looked up under it.
pub(super) fn claim_keys(validated: Result<ClaimKeys, &InvalidRequest>) -> Result<ClaimKeys, ClaimRefusal> {
    match validated {
        Ok(keys) => Ok(keys),
        Err(InvalidRequest { keys: Some(keys), .. }) => Ok(keys.clone()),
        Err(error) => Err(invalid(error)),
    }
}

/// The same with the idempotency key.
///
/// # Errors
/// All faults of the request, if one of its ids or the key is none.
pub(super) fn request_keys(
    validated: Result<ClaimKeys, &InvalidRequest>,
    request_id: String,
    limit: usize,
) -> Result<(ClaimKeys, RequestId), ClaimRefusal> {
    let mut faults = validated.as_ref().map_or_else(|error| error.faults.clone(), |_| FieldFaults::default());
    match (claim_keys(validated), valid_text(&mut faults, "request_id", RequestId::parse(request_id, limit))) {
        (Ok(keys), Some(request_id)) => Ok((keys, request_id)),
        _ => Err(ClaimRefusal::InvalidRequest(faults)),
    }
}

/// The refusal of a request that is faulty by itself.
pub(super) fn invalid(error: &InvalidRequest) -> ClaimRefusal {
    ClaimRefusal::InvalidRequest(error.faults.clone())
}

impl<S: Store> Engine<S> {
    /// The entry that this request made before, if it did; with other content it is refused.
    pub(super) async fn replay(&self, seen: &LookUp, content: Digest) -> Result<Option<Entry>, EngineError> {
        let Some(id) = seen.request else { return Ok(None) };
        let entry = self.required_entry(id).await?;
        match entry.body {
            EntryKind::Fence(_) => Err(ClaimRefusal::RequestFenced.into()),
            _ if entry.content != content => Err(ClaimRefusal::RequestIdReused.into()),
            _ => Ok(Some(entry)),
        }
    }
}

/// Checks that the claim may be settled: it belongs to nobody else, and no settlement of it is in force.
///
/// # Errors
/// If it may not.
pub(super) fn check_claim_free(seen: &LookUp, person_id: &PersonId) -> Result<(), ClaimRefusal> {
    let Some(row) = &seen.claim else { return Ok(()) };
    if row.person_id != *person_id {
        return Err(ClaimRefusal::ClaimOfAnotherPerson);
    }
    match row.settlement_in_force() {
        None => Ok(()),
        Some(live) => Err(ClaimRefusal::ClaimSettled { settlement: live.settlement }),
    }
}
