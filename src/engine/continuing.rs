//! The settlement that a claim continues (`semantics`, section 4.3): found in the person's chain, and judged.
//!
//! A refusal does not say which condition failed: another hospital's stays are no caller's business.

use crate::domain::claim::{Claim, Continues};
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{ClaimId, EntryId, HospitalId};
use crate::domain::split::Split;
use crate::store::Store;

use super::live::LiveSettlement;
use super::{Engine, EngineError};

/// A settlement that a claim may continue, with its split in force.
pub(super) struct Continuable {
    pub settlement: EntryId,
    pub split: Split,
}

impl<S: Store> Engine<S> {
    /// The settlement that a claim continues; the fault if it may not be continued. A corrected claim takes the place of
    /// the settlement `replaced`, which continues nothing any more, and continues none that continues it.
    pub(super) async fn continuable(
        &self,
        claim: &Claim,
        continues: &Continues,
        head: Option<EntryId>,
        replaced: Option<EntryId>,
    ) -> Result<Result<Continuable, FieldFault>, EngineError> {
        let live = self.live_settlements_after(head, None, true).await?.live;
        let named = |one: &&LiveSettlement| is_claim_named(&one.claim, &continues.hospital_id, &continues.claim_id);
        let found = live.iter().find(named).filter(|one| {
            let continued = |other: &LiveSettlement| {
                other.continues() == Some(one.settlement) && Some(other.settlement) != replaced
            };
            let circular = replaced.is_some_and(|replaced| rests_on(&live, one, replaced));
            !circular && !live.iter().any(continued) && may_continue(claim, continues.kind, &one.claim)
        });
        Ok(found
            .map(|one| Continuable { settlement: one.settlement, split: one.split.clone() })
            .ok_or_else(not_continuable))
    }

    /// The split in force of a settlement.
    pub(super) async fn newest_split(&self, settlement: EntryId) -> Result<Split, EngineError> {
        let settled = self.required_entry(settlement).await?.try_into()?;
        let newest = self.status_of_settlement(&settled).await?.latest_revision();
        let split = self.required_entry(newest).await?.into_split();
        split.ok_or_else(|| EngineError::broken_invariant(format!("entry {newest} decides no split")))
    }
}

/// Whether a settlement is this one, or continues it through others.
fn rests_on(live: &[LiveSettlement], one: &LiveSettlement, id: EntryId) -> bool {
    let continued =
        |one: &EntryId| live.iter().find(|known| known.settlement == *one).and_then(LiveSettlement::continues);
    std::iter::successors(Some(one.settlement), continued).any(|part| part == id)
}

fn is_claim_named(claim: &Claim, hospital_id: &HospitalId, claim_id: &ClaimId) -> bool {
    claim.hospital_id == *hospital_id && claim.claim_id == *claim_id
}

pub(super) fn may_continue(claim: &Claim, kind: ContinueKind, earlier: &Claim) -> bool {
    let same_hospital = claim.hospital_id == earlier.hospital_id;
    let days = earlier.discharged.days_to(claim.admitted);
    match kind {
        ContinueKind::Interim => {
            same_hospital && claim.visit == earlier.visit && days <= 1 && claim.discharged >= earlier.discharged
        }
        ContinueKind::Transfer => !same_hospital && (-1..=1).contains(&days),
    }
}

fn not_continuable() -> FieldFault {
    FieldFault::new("claim.continues", FaultReason::NotContinuable, "names what this claim cannot continue")
}
