//! What is compared: the settlements of a person before and after, and why one cannot be.

use super::group::Change;
use crate::domain::ids::PersonId;
use crate::journal::recorded::DecidedAmounts;

/// Why a settlement cannot be decided under a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UndecidedReason {
    /// No policy of the book is in force for it.
    NoPolicy,
    /// What it continues cannot be decided.
    ContinuesUndecided,
    /// A policy cannot be applied to it, as one whose vocabulary lacks the class of an item.
    NotApplicable,
}

/// What a book changes for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonImpact {
    /// The person.
    pub person_id: PersonId,
    /// What changes.
    pub change: PersonChange,
}

/// What a book changes for one person, whoever it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonChange {
    /// The number of settlements that were compared.
    pub settlements: u64,
    /// What the person pays.
    pub patient: Change,
    /// Whether a cap cut something off: before and after.
    pub is_capped: [bool; 2],
    /// Whether a deductible was passed: before and after.
    pub passes_deductible: [bool; 2],
}

impl PersonChange {
    /// Adds a settlement.
    pub(super) fn add(&mut self, before: &DecidedAmounts, after: &DecidedAmounts) {
        self.settlements += 1;
        self.patient.before += before.patient;
        self.patient.after += after.patient;
        for (at, amounts) in [before, after].into_iter().enumerate() {
            self.is_capped[at] |= amounts.is_capped;
            self.passes_deductible[at] |= amounts.passes_deductible;
        }
    }
}
