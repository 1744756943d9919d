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

/// A further revision of a settlement (重新结算): the same claim, decided again. The one before stays as it is.
#[derive(Clone, PartialEq)]
pub struct Revision {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// The settlement, whose entry holds the claim and counts as revision 1.
    pub settlement: EntryId,
    /// Its number, from 2.
    pub number: u32,
    /// The revision that stood before.
    pub replaces: EntryId,
    /// Why it was decided again.
    pub cause: RevisionCause,
    /// The digest of the book in use.
    pub book: Digest,
    /// The facts from which it was decided.
    pub facts: Facts,
    /// What was decided.
    pub split: Split,
    /// What changed against the revision before.
    pub differences: Differences,
    /// The month in which the differences are booked, see [`booking_month`](super::booking_month).
    pub booking_month: Month,
}

/// Why a settlement was decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionCause {
    /// An earlier settlement was taken out by this reversal; the facts are those that were in force.
    Reversal(EntryId),
    /// A retroactive run, of which it is the first revision.
    RetroactiveRun(RetroactiveRun),
    /// A retroactive run that begins with this revision.
    LaterInRun(EntryId),
}

/// A retroactive run for a person: the settlements of a benefit year, and those that rest on them, are taken out of their
/// accounts and decided again in order, those of the year from facts that were looked up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetroactiveRun {
    /// The benefit year.
    pub benefit_year: i32,
    /// All settlements that were decided again, in their order.
    pub decided: Vec<DecidedAgain>,
}

/// A settlement that a retroactive run decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedAgain {
    /// The settlement.
    pub settlement: EntryId,
    /// The revision that was made of it; `None` if neither its facts nor its split changed.
    pub revision: Option<EntryId>,
}

impl RetroactiveRun {
    /// The revisions of the run, in their order.
    pub fn revisions(&self) -> impl Iterator<Item = EntryId> {
        self.decided.iter().filter_map(|decided| decided.revision)
    }
}

/// A fenced request id.
#[derive(Clone, Debug, PartialEq)]
pub struct Fence {
    /// The hospital in whose scope; `None` for a request of the administration, such as a retroactive run.
    pub hospital_id: Option<HospitalId>,
    /// For whom.
    pub person_id: PersonId,
}

crate::domain::ids::silent_debug!(Reversal, Revision);
