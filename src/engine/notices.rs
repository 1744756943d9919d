//! Notices of a claim that is settled or quoted.

use crate::domain::claim::Claim;
use crate::domain::ids::EntryId;
use crate::domain::notice::Notice;
use crate::domain::split::Split;
use crate::store::rows::{LiveStay, PersonState};

/// The most settlements that a notice names: the newest.
const NAMED: usize = 100;

/// What the answer to a claim that is decided on this state draws attention to.
pub(super) fn notices(state: &PersonState, claim: &Claim, split: &Split) -> Vec<Notice> {
    notices_of_correction(state, claim, split, None)
}

/// The same of a claim that takes the place of a reversed settlement: the stays that continue that one are its own parts.
pub(super) fn notices_of_correction(
    state: &PersonState,
    claim: &Claim,
    split: &Split,
    reversed: Option<EntryId>,
) -> Vec<Notice> {
    if !split.is_stay {
        return Vec::new();
    }
    let continued = continued_stays(state.stays(), split.opening.as_ref().map(|opening| opening.settlement));
    let overlapping = |stay: &&LiveStay| {
        let is_part = continued.contains(&stay.settlement)
            || reversed.is_some_and(|id| continued_stays(state.stays(), stay.continues).contains(&id));
        !is_part && claim.admitted < stay.discharged && stay.admitted < claim.discharged
    };
    let (own, others): (Vec<&LiveStay>, Vec<&LiveStay>) =
        state.stays().iter().filter(overlapping).partition(|stay| stay.hospital_id == claim.hospital_id);
    if own.is_empty() && others.is_empty() {
        return Vec::new();
    }
    let own = own[own.len().saturating_sub(NAMED)..].iter().map(|stay| stay.settlement).collect();
    vec![Notice::OverlappingStay { own, others: u32::try_from(others.len()).unwrap_or(u32::MAX) }]
}

/// The settlements that a claim continues, from the last one back to the first.
fn continued_stays(stays: &[LiveStay], last: Option<EntryId>) -> Vec<EntryId> {
    let previous = |id: &EntryId| stays.iter().find(|stay| stay.settlement == *id).and_then(|stay| stay.continues);
    std::iter::successors(last, previous).collect()
}
