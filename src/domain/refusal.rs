//! Why a claim, or a reversal of one, is refused: then no settlement is made and nothing changes.
//!
//! A refusal is about the request and what was settled before. Failures of a store, of a caller's rights or of a
//! connection are errors of other layers; status codes belong to the wire.

use super::fault::FieldFaults;
use super::ids::{Digest, EntryId};
use super::split::Split;

/// Why a claim or a reversal is refused, in order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// The request id was fenced: it may never commit.
    #[error("the request id was fenced: it may never commit")]
    RequestFenced,
    /// The request id was used before with other content; each field that differs is named.
    #[error("the request id was used before with other content: {0}")]
    RequestIdReused(FieldFaults),
    /// The claim is settled and not reversed.
    #[error("the claim is settled and not reversed")]
    ClaimSettled {
        /// The settlement in force.
        settlement: EntryId,
    },
    /// The claim id belongs to another person for ever.
    #[error("the claim id belongs to another person")]
    ClaimOfAnotherPerson,
    /// The claim's settlement is reversed already.
    #[error("the settlement of the claim is reversed already")]
    AlreadyReversed,
    /// Later settlements of the benefit year are in force and depend on the one to be reversed.
    #[error("later settlements of the benefit year stand; reverse them first, newest first")]
    LaterSettlements(LaterSettlements),
    /// The request is faulty by itself.
    #[error("{0}")]
    InvalidRequest(FieldFaults),
    /// The quote that the request presents is none that the caller was given for this claim, or has expired.
    #[error("{0}")]
    InvalidQuote(FieldFaults),
    /// Hospital or person does not qualify on the day of discharge.
    #[error("{0}")]
    NotEligible(FieldFaults),
    /// The catalogue of the hospital's region does not hold every code on its day; refunds that exceed what was charged under
    /// the same row are named beside the codes.
    #[error("{0}")]
    UnknownItem(FieldFaults),
    /// Refunds exceed what was charged under the same row of the catalogue.
    #[error("{0}")]
    UnchargedRefund(FieldFaults),
    /// No policy is in force.
    #[error("{0}")]
    NoPolicy(FieldFaults),
    /// A retroactive run would change a settlement so that it could not be settled; nothing changes.
    #[error("settlement {settlement} could not be settled today: {faults}")]
    CannotDecideAgain {
        /// The first such settlement.
        settlement: EntryId,
        /// Why, with the settlement in the path of each field.
        faults: FieldFaults,
    },
    /// The split is not the one that the quote showed.
    #[error("the split is no longer the one that the quote showed; the details hold the new one")]
    QuoteChanged {
        /// The split as it is now.
        split: Box<Split>,
        /// The digest of that split.
        digest: Digest,
    },
    /// What would be committed is longer than the store takes at once.
    #[error("{0}")]
    CommitTooLong(FieldFaults),
}

impl ClaimRefusal {
    /// Whether it depends on what is known about the person, rather than on the request alone.
    pub fn discloses(&self) -> bool {
        match self {
            ClaimRefusal::InvalidRequest(_) | ClaimRefusal::InvalidQuote(_) => false,
            ClaimRefusal::RequestFenced
            | ClaimRefusal::RequestIdReused(_)
            | ClaimRefusal::ClaimSettled { .. }
            | ClaimRefusal::ClaimOfAnotherPerson
            | ClaimRefusal::AlreadyReversed
            | ClaimRefusal::LaterSettlements(_)
            | ClaimRefusal::NotEligible(_)
            | ClaimRefusal::UnknownItem(_)
            | ClaimRefusal::UnchargedRefund(_)
            | ClaimRefusal::NoPolicy(_)
            | ClaimRefusal::CannotDecideAgain { .. }
            | ClaimRefusal::QuoteChanged { .. }
            | ClaimRefusal::CommitTooLong(_) => true,
        }
    }

    /// The faults that it names, if it names any.
    pub fn faults(&self) -> Option<&FieldFaults> {
        match self {
            ClaimRefusal::RequestIdReused(faults)
            | ClaimRefusal::InvalidRequest(faults)
            | ClaimRefusal::InvalidQuote(faults)
            | ClaimRefusal::NotEligible(faults)
            | ClaimRefusal::UnknownItem(faults)
            | ClaimRefusal::UnchargedRefund(faults)
            | ClaimRefusal::NoPolicy(faults)
            | ClaimRefusal::CommitTooLong(faults)
            | ClaimRefusal::CannotDecideAgain { faults, .. } => Some(faults),
            ClaimRefusal::RequestFenced
            | ClaimRefusal::ClaimSettled { .. }
            | ClaimRefusal::ClaimOfAnotherPerson
            | ClaimRefusal::AlreadyReversed
            | ClaimRefusal::LaterSettlements(_)
            | ClaimRefusal::QuoteChanged { .. } => None,
        }
    }
}

/// Settlements of the same benefit year that were committed after the one to be reversed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaterSettlements {
    /// Those of the caller's own hospital, newest first.
    pub own: Vec<EntryId>,
    /// How many others there are.
    pub others: usize,
}
