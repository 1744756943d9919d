//! What an entry can hold.

use crate::domain::claim::Claim;
use crate::domain::facts::Facts;
use crate::domain::ids::{AccountKey, ClaimId, Digest, EntryId, HospitalId, PersonId};
use crate::domain::month::Month;
use crate::domain::notice::Notice;
use crate::domain::split::Split;

use super::Differences;

/// A settlement: whoever has it and the policy can recompute the split to the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The claim.
    pub claim: Claim,
    /// What was looked up for it.
    pub facts: Facts,
    /// The digest of the book in use.
    pub book: Digest,
    /// What was decided; it names the policy.
    pub split: Split,
    /// What the answer draws attention to.
    pub notices: Vec<Notice>,
}

/// A reversal.
#[derive(Clone, PartialEq)]
pub struct Reversal {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// Why, in the caller's words.
    pub reason: String,
    /// Which settlement.
    pub settlement: EntryId,
    /// The account that moved back.
    pub account: AccountKey,
    /// The entries that decide later settlements again, in their order; they follow this one in the
    /// chain.
    pub revisions: Vec<EntryId>,
    /// The settlement that corrects the claim, if the reversal is part of a correction; it stands after the revisions on
    /// which it rests, and before those of what continues it.
    pub correction: Option<EntryId>,
    /// The month in which it is booked, see [`booking_month`](super::booking_month).
    pub booking_month: Month,
}

/// A further revision of a settlement (重新结算): the same claim and facts, another split. The one before
/// stays as it is.
#[derive(Clone, PartialEq)]
pub struct Revision {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// The settlement, whose entry holds claim and facts and counts as revision 1.
    pub settlement: EntryId,
    /// Its number, from 2.
    pub number: u32,
    /// The revision that stood before.
    pub replaces: EntryId,
    /// The reversal that made it necessary.
    pub reversal: EntryId,
    /// The digest of the book in use.
    pub book: Digest,
    /// What was decided.
    pub split: Split,
    /// What changed against the revision before.
    pub differences: Differences,
    /// The month in which the differences are booked, see [`booking_month`](super::booking_month).
    pub booking_month: Month,
}

/// A fenced request id.
#[derive(Clone, Debug, PartialEq)]
pub struct Fence {
    /// In whose scope.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
}

crate::domain::ids::silent_debug!(Reversal, Revision);
