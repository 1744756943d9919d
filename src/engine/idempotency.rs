//! Stage 1: what request id and claim id say before any rule of business is looked at.

use crate::domain::claim::{ClaimLimits, check_id};
use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::refusal::{Detail, Reason, Refusal};
use crate::store::{LookUp, Scope, Store};

use super::{Engine, read_failed};

/// The names a request goes by.
#[derive(Clone, Copy)]
pub struct RequestKeys<'a> {
    /// The hospital.
    pub hospital_id: &'a HospitalId,
    /// The person.
    pub person_id: &'a PersonId,
    /// The idempotency key; a quote has none.
    pub request_id: Option<&'a RequestId>,
    /// The claim; outcome and fence have none.
    pub claim_id: Option<&'a ClaimId>,
}

impl RequestKeys<'_> {
    /// Refuses names that are missing or too long: nothing can be looked up under them. `unsound` is
    /// what else is wrong with the request, told along.
    ///
    /// # Errors
    /// All the faults.
    pub fn check(&self, limits: &ClaimLimits, unsound: Option<&Refusal>) -> Result<(), Refusal> {
        let mut faults = Vec::new();
        let mut check = |field: &str, id: &str| check_id(&mut faults, field, id, limits);
        if let Some(claim_id) = self.claim_id {
            check("claim_id", claim_id.as_str());
        }
        check("hospital_id", self.hospital_id.as_str());
        check("person_id", self.person_id.as_str());
        if let Some(request_id) = self.request_id {
            check("request_id", request_id.as_str());
        }
        if faults.is_empty() {
            return Ok(());
        }
        if let Some(unsound) = unsound {
            faults.retain(|fault| fault.field == "request_id");
            faults.splice(..0, unsound.faults.iter().cloned());
        }
        Err(Refusal::naming(Reason::InvalidRequest, faults))
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            hospital_id: self.hospital_id,
            person_id: self.person_id,
            request_id: self.request_id,
            claim_id: self.claim_id,
        }
    }
}

impl<S: Store> Engine<S> {
    /// What the store knows under these names.
    pub(super) async fn seen(&self, names: &RequestKeys<'_>) -> Result<LookUp, Refusal> {
        self.store.look_up(names.scope()).await.map_err(read_failed)
    }

    /// The entry that this request made before, if it did; with other content it is refused.
    pub(super) async fn replay(&self, seen: &LookUp, content: Digest) -> Result<Option<Entry>, Refusal> {
        let Some(id) = seen.request else { return Ok(None) };
        let entry = self.named_entry(id).await?;
        match entry.deed {
            EntryKind::Fenced(_) => Err(Refusal::because(Reason::RequestFenced)),
            _ if entry.content != content => Err(Refusal::because(Reason::RequestIdReused)),
            _ => Ok(Some(entry)),
        }
    }
}

/// The claim may be settled: it is bound to nobody else, and no settlement of it stands.
pub fn check_claim_free(seen: &LookUp, person_id: &PersonId) -> Result<(), Refusal> {
    match &seen.claim {
        None => Ok(()),
        Some(row) if row.person_id != *person_id => Err(Refusal::because(Reason::ClaimOfAnotherPerson)),
        Some(row) => row.live().map_or(Ok(()), |live| Err(settled(live.settlement))),
    }
}

fn settled(live: EntryId) -> Refusal {
    Refusal::because(Reason::ClaimSettled).with(Detail::Settlement(live))
}
