//! Why the engine does not do what it is asked, and how failures of a store appear there.

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::journal::UnexpectedEntryKind;
use crate::domain::refusal::ClaimRefusal;
use crate::store::StoreError;

/// Why the engine does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The claim or the reversal is refused; nothing changed.
    #[error(transparent)]
    Refused(#[from] ClaimRefusal),
    /// A query, or an import, is faulty by itself; nothing changed.
    #[error("{0}")]
    Invalid(FieldFaults),
    /// A month cannot be closed as things are; nothing changed.
    #[error("{0}")]
    MonthNotClosable(FieldFaults),
    /// What was asked for was never settled, or is not known.
    #[error("not found, or not found for this hospital and person")]
    NotFound,
    /// The journal does not hold the entry after which the feed was to go on: the store was restored to an earlier moment.
    #[error("the journal does not hold the entry of the cursor: the store was restored to an earlier moment")]
    FeedNotContinued,
    /// Other commits for the same person came first at every attempt; nothing was committed.
    #[error("other claims of this person kept winning; nothing was committed")]
    Conflict,
    /// Another import is running; nothing of this one was taken.
    #[error("another import is being taken; nothing of this one was: send it again later")]
    ImportRunning,
    /// The import stopped before its end, or lost its lease: rows about some persons, each whole, may have been taken, and no
    /// hospital and no row of the catalogue.
    #[error("the import stopped before its end; what it took of persons is whole: send the same import again")]
    ImportStopped,
    /// The store cannot be reached or refuses to write; nothing was committed.
    #[error("the store cannot be reached or takes no writes; nothing was committed")]
    StoreUnavailable,
    /// It may have been committed.
    #[error("it may have been committed; send the same request again, or ask the outcome")]
    OutcomeUnknown,
    /// A check failed inside; nothing was committed. The text is for the operator, never for a caller.
    #[error("a check failed inside; nothing was committed")]
    Invariant(String),
}

impl EngineError {
    /// One field of a query or an import is faulty.
    pub(crate) fn invalid(field: &str, reason: FaultReason, message: impl Into<String>) -> EngineError {
        EngineError::Invalid(FieldFault::new(field, reason, message).into())
    }

    /// Whether it depends on what is known about a person, rather than on the request or on the service alone.
    pub fn discloses(&self) -> bool {
        match self {
            EngineError::Refused(refusal) => refusal.discloses(),
            EngineError::NotFound | EngineError::Conflict => true,
            EngineError::Invalid(_)
            | EngineError::MonthNotClosable(_)
            | EngineError::FeedNotContinued
            | EngineError::ImportRunning
            | EngineError::ImportStopped
            | EngineError::StoreUnavailable
            | EngineError::OutcomeUnknown
            | EngineError::Invariant(_) => false,
        }
    }

    /// The faults that it names, if it names any.
    pub fn faults(&self) -> Option<&FieldFaults> {
        match self {
            EngineError::Refused(refusal) => refusal.faults(),
            EngineError::Invalid(faults) | EngineError::MonthNotClosable(faults) => Some(faults),
            _ => None,
        }
    }

    /// A check inside failed.
    pub(crate) fn broken_invariant(what: impl ToString) -> EngineError {
        EngineError::Invariant(what.to_string())
    }

    /// The error of a failed read: nothing was committed by it.
    pub(crate) fn from_read_error(error: StoreError) -> EngineError {
        match error {
            StoreError::Damaged(what) => EngineError::Invariant(what),
            StoreError::CommitTooLong { .. } => EngineError::Invariant(error.to_string()),
            StoreError::ImportLeaseHeld => EngineError::ImportRunning,
            StoreError::ImportLeaseLost => {
                tracing::warn!(%error, "an import ends");
                EngineError::ImportStopped
            }
            StoreError::UnknownPosition => EngineError::FeedNotContinued,
            StoreError::Unavailable(_)
            | StoreError::Unknown(_)
            | StoreError::Conflict
            | StoreError::EarlierDay { .. }
            | StoreError::EntryIdTaken
            | StoreError::AnotherBook { .. }
            | StoreError::IncompleteCopy
            | StoreError::ArchiveRequired(_) => {
                tracing::warn!(%error, "the store could not be read");
                EngineError::StoreUnavailable
            }
        }
    }

    /// The error of a failed write, other than a conflict.
    pub(crate) fn from_write_error(error: StoreError) -> EngineError {
        match error {
            StoreError::Unknown(_) => {
                tracing::error!(%error, "the outcome of a write to the store is unknown");
                EngineError::OutcomeUnknown
            }
            other => EngineError::from_read_error(other),
        }
    }
}

impl From<UnexpectedEntryKind> for EngineError {
    fn from(error: UnexpectedEntryKind) -> Self {
        EngineError::broken_invariant(error)
    }
}

/// Why one attempt to commit did not commit.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    /// Another commit for the person came first: look up again, decide again.
    #[error("another commit for the person came first")]
    Conflict,
    /// A commit of this later day is in the store: commit at its beginning.
    #[error("a commit of {0}, a later day, is in the store")]
    EarlierDay(Day),
    /// No further attempt helps.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

impl From<UnexpectedEntryKind> for CommitError {
    fn from(error: UnexpectedEntryKind) -> Self {
        CommitError::Failed(error.into())
    }
}

impl From<ClaimRefusal> for CommitError {
    fn from(refusal: ClaimRefusal) -> Self {
        CommitError::Failed(refusal.into())
    }
}

impl CommitError {
    /// The error of a failed commit, of which this field of the request takes most bytes.
    pub(super) fn from_commit_error(error: StoreError, longest: &str) -> CommitError {
        match error {
            StoreError::Conflict => CommitError::Conflict,
            StoreError::EarlierDay { newest } => CommitError::EarlierDay(newest),
            StoreError::CommitTooLong { bytes, limit } => {
                let message = format!("would need a commit of {bytes} bytes; the store takes {limit} at most");
                ClaimRefusal::CommitTooLong(FieldFault::new(longest, FaultReason::TooMany, message).into()).into()
            }
            other => CommitError::Failed(EngineError::from_write_error(other)),
        }
    }
}
