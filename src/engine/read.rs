//! Reading what was settled.

use bytes::Bytes;

use crate::domain::claim::ClaimKeys;
use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, Reversal, Revision, Settlement};
use crate::journal::decode_answered;
use crate::store::rows::SettlementStatus;
use crate::store::{Scope, Store};

use super::{Engine, EngineError};

/// A settlement with what became of it.
#[derive(PartialEq)]
pub struct SettlementView {
    /// The settlement, as it was first decided.
    pub settlement: Entry<Settlement>,
    /// Its answer, as it was committed.
    pub answer: Bytes,
    /// Its further revisions, oldest first; the last is in force, or was when it was reversed.
    pub revisions: Vec<Entry<Revision>>,
    /// Its reversal, if it was reversed.
    pub reversal: Option<Entry<Reversal>>,
}

crate::domain::ids::silent_debug!(SettlementView);

impl<S: Store> Engine<S> {
    /// A settlement by its id.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none.
    pub async fn settlement(&self, id: EntryId) -> Result<SettlementView, EngineError> {
        let record = self.store.record(id).await.map_err(EngineError::from_read_error)?.ok_or(EngineError::NotFound)?;
        let (entry, answer) = decode_answered(&record).map_err(|error| EngineError::from_read_error(error.into()))?;
        let settlement = Entry::<Settlement>::try_from(entry).map_err(|_other_kind| EngineError::NotFound)?;
        let standing = self.status_of_settlement(&settlement).await?;
        self.settlement_view((settlement, answer), standing).await
    }

    /// The newest settlement of a claim.
    ///
    /// # Errors
    /// `NOT_FOUND` if the claim was never settled for this person.
    pub async fn settlement_of_claim(&self, keys: &ClaimKeys) -> Result<SettlementView, EngineError> {
        let ClaimKeys { hospital_id, person_id, claim_id } = keys;
        let scope = Scope::of_person(person_id).with_claim(hospital_id, claim_id);
        let seen = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?;
        let row = seen.claim.filter(|row| row.person_id == *person_id);
        let standing = row.and_then(|mut row| row.settlements.pop()).ok_or(EngineError::NotFound)?;
        let (entry, answer) = self.answered_entry(standing.settlement).await?;
        self.settlement_view((entry.try_into()?, answer), standing).await
    }

    /// The person to whom a hospital's claim is bound; `None` if it was never settled.
    pub(super) async fn person_of_claim(
        &self,
        hospital_id: &HospitalId,
        claim_id: &ClaimId,
    ) -> Result<Option<PersonId>, EngineError> {
        // The row of a claim names its person whoever it is looked up with.
        let anybody = PersonId::from_stored("-").map_err(EngineError::broken_invariant)?;
        let scope = Scope::of_person(&anybody).with_claim(hospital_id, claim_id);
        let found = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?;
        Ok(found.claim.map(|row| row.person_id))
    }

    async fn settlement_view(
        &self,
        (settlement, answer): (Entry<Settlement>, Bytes),
        standing: SettlementStatus,
    ) -> Result<SettlementView, EngineError> {
        let mut revisions = Vec::with_capacity(standing.revisions.len());
        for id in standing.revisions {
            revisions.push(self.required_entry(id).await?.try_into()?);
        }
        let reversal = match standing.reversal {
            Some(id) => Some(self.required_entry(id).await?.try_into()?),
            None => None,
        };
        Ok(SettlementView { settlement, answer, revisions, reversal })
    }

    /// What became of a settlement; that its claim does not know of it means that the store is damaged.
    pub(super) async fn status_of_settlement(
        &self,
        settlement: &Entry<Settlement>,
    ) -> Result<SettlementStatus, EngineError> {
        let unknown =
            || EngineError::broken_invariant(format!("the claim of settlement {} does not know of it", settlement.id));
        let claim = &settlement.body.claim;
        let scope = Scope::of_person(&claim.person_id).with_claim(&claim.hospital_id, &claim.claim_id);
        let row = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?.claim;
        row.and_then(|row| row.status_of(settlement.id).cloned()).ok_or_else(unknown)
    }
}
