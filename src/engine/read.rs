//! Reading what was settled.

use crate::domain::ids::{ClaimId, EntryId, HospitalId, PersonId};
use crate::domain::journal::{Entry, Settled};
use crate::domain::refusal::{Reason, Refusal};
use crate::store::rows::ClaimRow;
use crate::store::{Scope, Store};

use super::keys_stage::Names;
use super::{Engine, read_failed};

/// A settlement with what became of it.
#[derive(Debug)]
pub struct SettlementView {
    /// The settlement.
    pub settlement: Entry,
    /// Its reversal, if it was reversed.
    pub reversal: Option<Entry>,
}

impl<S: Store> Engine<S> {
    /// A settlement by its id.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is none.
    pub async fn settlement(&self, id: EntryId) -> Result<SettlementView, Refusal> {
        let found = self.store.entry(id).await.map_err(read_failed)?;
        let settlement = found.filter(|entry| entry.settled().is_some()).ok_or_else(not_found)?;
        let row = match settlement.settled() {
            Some(settled) => self.claim_row(settled).await?,
            None => None,
        };
        let reversal = row.and_then(|row| row.settlements.into_iter().find(|(known, _)| *known == id)?.1);
        self.view(settlement, reversal).await
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
    ) -> Result<SettlementView, Refusal> {
        let names = Names { hospital_id, person_id, request_id: None, claim_id: Some(claim_id) };
        names.check(&self.settings.limits, None)?;
        let row = self.seen(&names).await?.claim.filter(|row| row.person_id == *person_id);
        let (settlement, reversal) = row.and_then(|mut row| row.settlements.pop()).ok_or_else(not_found)?;
        self.view(self.named_entry(settlement).await?, reversal).await
    }

    async fn view(&self, settlement: Entry, reversal: Option<EntryId>) -> Result<SettlementView, Refusal> {
        let reversal = match reversal {
            Some(id) => Some(self.named_entry(id).await?),
            None => None,
        };
        Ok(SettlementView { settlement, reversal })
    }

    async fn claim_row(&self, settled: &Settled) -> Result<Option<ClaimRow>, Refusal> {
        let claim = &settled.claim;
        let scope = Scope {
            hospital_id: &claim.hospital_id,
            person_id: &claim.person_id,
            request_id: None,
            claim_id: Some(&claim.claim_id),
        };
        Ok(self.store.look_up(scope).await.map_err(read_failed)?.claim)
    }
}

fn not_found() -> Refusal {
    Refusal::because(Reason::NotFound)
}
