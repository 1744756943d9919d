//! Stage 1: what request id and claim id say before any rule of business is looked at.

use crate::domain::claim::{ClaimLimits, check_id};
use crate::domain::fault::{FieldFault, FieldFaults};
use crate::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::refusal::ClaimRefusal;
use crate::store::{LookUp, Scope, Store};

use super::{Engine, EngineError};

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
    pub fn check(&self, limits: &ClaimLimits, unsound: Option<&ClaimRefusal>) -> Result<(), ClaimRefusal> {
        let mut faults = FieldFaults::default();
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
        let Some(unsound) = unsound.and_then(ClaimRefusal::faults) else {
            return Err(ClaimRefusal::InvalidRequest(faults));
        };
        let in_claim = |field: &str| field.strip_prefix("claim.").is_some();
        let named = unsound.listed().iter().any(|fault| in_claim(&fault.field));
        let (mut all, mut after) = if named { (unsound.clone(), faults) } else { (faults, unsound.clone()) };
        if named {
            let request: Vec<FieldFault> =
                after.listed().iter().filter(|fault| fault.field == "request_id").cloned().collect();
            after = request.into_iter().collect();
        }
        all.append(after);
        Err(ClaimRefusal::InvalidRequest(all))
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
    pub(super) async fn seen(&self, names: &RequestKeys<'_>) -> Result<LookUp, EngineError> {
        self.store.look_up(names.scope()).await.map_err(EngineError::from_read)
    }

    /// The entry that this request made before, if it did; with other content it is refused.
    pub(super) async fn replay(&self, seen: &LookUp, content: Digest) -> Result<Option<Entry>, EngineError> {
        let Some(id) = seen.request else { return Ok(None) };
        let entry = self.named_entry(id).await?;
        match entry.deed {
            EntryKind::Fenced(_) => Err(ClaimRefusal::RequestFenced.into()),
            _ if entry.content != content => Err(ClaimRefusal::RequestIdReused.into()),
            _ => Ok(Some(entry)),
        }
    }
}

/// The claim may be settled: it is bound to nobody else, and no settlement of it stands.
pub fn check_claim_free(seen: &LookUp, person_id: &PersonId) -> Result<(), ClaimRefusal> {
    match &seen.claim {
        None => Ok(()),
        Some(row) if row.person_id != *person_id => Err(ClaimRefusal::ClaimOfAnotherPerson),
        Some(row) => row.live().map_or(Ok(()), |live| Err(settled(live.settlement))),
    }
}

fn settled(settlement: EntryId) -> ClaimRefusal {
    ClaimRefusal::ClaimSettled { settlement }
}
