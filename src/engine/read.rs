//! Reading what was settled.

use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::store::rows::SettlementStatus;
use crate::store::{Scope, Store};

use super::idempotency::RequestKeys;
use super::{Engine, EngineError};

/// A settlement with what became of it.
#[derive(Debug)]
pub struct SettlementView {
    /// The settlement, as it was first decided.
    pub settlement: Entry,
    /// Its further revisions, oldest first; the last is in force, or was when it was reversed.
    pub revisions: Vec<Entry>,
    /// Its reversal, if it was reversed.
    pub reversal: Option<Entry>,
}

impl<S: Store> Engine<S> {
    /// A settlement by its id.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none.
    pub async fn settlement(&self, id: EntryId) -> Result<SettlementView, EngineError> {
        let found = self.store.entry(id).await.map_err(EngineError::from_read)?;
        let settlement = found.filter(|entry| entry.settled().is_some()).ok_or(EngineError::NotFound)?;
        let standing = self.standing(&settlement).await?;
        self.view(settlement, standing).await
    }

    /// The newest settlement of a claim.
    ///
    /// # Errors
    /// `NOT_FOUND` if the claim was never settled for this person.
    pub async fn settlement_of(
        &self,
        hospital_id: &HospitalId,
        person_id: &PersonId,
        claim_id: &ClaimId,
    ) -> Result<SettlementView, EngineError> {
        let names = RequestKeys { hospital_id, person_id, request_id: None, claim_id: Some(claim_id) };
        names.check(&self.settings.limits, None)?;
        let row = self.seen(&names).await?.claim.filter(|row| row.person_id == *person_id);
        let standing = row.and_then(|mut row| row.settlements.pop()).ok_or(EngineError::NotFound)?;
        self.view(self.named_entry(standing.settlement).await?, standing).await
    }

    async fn view(&self, settlement: Entry, standing: SettlementStatus) -> Result<SettlementView, EngineError> {
        let mut revisions = Vec::with_capacity(standing.revisions.len());
        for id in standing.revisions {
            revisions.push(self.named_entry(id).await?);
        }
        let reversal = match standing.reversal {
            Some(id) => Some(self.named_entry(id).await?),
            None => None,
        };
        Ok(SettlementView { settlement, revisions, reversal })
    }

    /// What became of a settlement; that its claim does not know of it means that the store is damaged.
    pub(super) async fn standing(&self, settlement: &Entry) -> Result<SettlementStatus, EngineError> {
        let unknown =
            || EngineError::invariant(format!("the claim of settlement {} does not know of it", settlement.id));
        let claim = &settlement.settled().ok_or_else(unknown)?.claim;
        let scope = Scope {
            hospital_id: &claim.hospital_id,
            person_id: &claim.person_id,
            request_id: None,
            claim_id: Some(&claim.claim_id),
        };
        let row = self.store.look_up(scope).await.map_err(EngineError::from_read)?.claim;
        row.and_then(|row| row.of(settlement.id).cloned()).ok_or_else(unknown)
    }
}
