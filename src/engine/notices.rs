//! Notices of a claim that is settled or quoted.

use crate::domain::claim::Claim;
use crate::domain::ids::EntryId;
use crate::domain::notice::Notice;
use crate::domain::split::Split;
use crate::store::live_stays::{LiveStay, LiveStays};
use crate::store::rows::PersonState;

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
    let stays = state.stays();
    let continued = continued_stays(stays, split.opening.as_ref().map(|opening| opening.settlement));
    let (admitted, discharged) = (claim.admitted.number(), claim.discharged.number());
    let is_part = |stay: &LiveStay| {
        let is_continued_by = |id| continued_stays(stays, stays.continued_by(stay.settlement)).contains(&id);
        continued.contains(&stay.settlement) || reversed.is_some_and(is_continued_by)
    };
    let overlapping = |stay: &LiveStay| admitted < stay.discharged && stay.admitted < discharged && !is_part(stay);
    let hospital = state.hospital_number(&claim.hospital_id);
    let (own, others): (Vec<LiveStay>, Vec<LiveStay>) =
        stays.iter().filter(overlapping).partition(|stay| Some(stay.hospital) == hospital);
    if own.is_empty() && others.is_empty() {
        return Vec::new();
    }
    let own = own[own.len().saturating_sub(NAMED)..].iter().map(|stay| stay.settlement).collect();
    vec![Notice::OverlappingStay { own, others: u32::try_from(others.len()).unwrap_or(u32::MAX) }]
}

/// The settlements that a claim continues, from the last one back to the first.
fn continued_stays(stays: &LiveStays, last: Option<EntryId>) -> Vec<EntryId> {
    std::iter::successors(last, |id| stays.continued_by(*id)).collect()
}
