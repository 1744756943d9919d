//! Errors of a store.

use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId};
use crate::journal::RecordError;

/// Why a store did not do what was requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written: the store cannot be read, or does not take writes.
    #[error("the store is unavailable, and nothing was written: {0}")]
    Unavailable(String),
    /// The write may or may not have happened.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
    /// The person's version changed since it was read, or the claim id is bound to another person; nothing was written.
    #[error("the account changed since it was read")]
    Conflict,
    /// The record of the commit is longer than the store takes at once, today and later; nothing was written.
    #[error(
        "a commit of {bytes} bytes is longer than the {limit} bytes that the store takes at once; nothing was written"
    )]
    CommitTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The maximum in bytes.
        limit: usize,
    },
    /// An entry with an id of the commit exists, and entries are never replaced; nothing was written.
    #[error("an entry id of the commit is already used")]
    EntryIdTaken,
    /// A commit on a later day is in the store; nothing was written. Lists are in the order of commits and of days.
    #[error("the newest commit is of {newest}, a later day")]
    EarlierDay {
        /// The day of the newest commit.
        newest: Day,
    },
    /// Another instance, or a copy into the store, holds the import lease.
    #[error("another instance is importing")]
    ImportLeaseHeld,
    /// The lease of the import expired, and another instance may hold it; nothing was written.
    #[error("the import lease was lost: it expired before it was renewed")]
    ImportLeaseLost,
    /// This instance applies another book of policies than the one announced for all; nothing was written.
    #[error(
        "this instance applies the book of policies {own}, but {announced} is announced for all instances: give this \
         instance the same files, or announce its book with `onestop policy activate`"
    )]
    AnotherBook {
        /// The book that this instance applies.
        own: Digest,
        /// The book that was announced.
        announced: Digest,
    },
    /// The store is a copy that was not completed: settlements are missing.
    #[error("the store is an incomplete copy: run `onestop copy` again")]
    IncompleteCopy,
    /// A record is not what was written.
    #[error("a stored record is damaged: {0}")]
    Damaged(String),
    /// The position is behind the end of the journal: it is of another store, or this one is an older copy.
    #[error("the position is behind the end of the journal: it is of another store, or this store is an older copy")]
    UnknownPosition,
    /// The entry is in an archive that was not given.
    #[error("entry {0} is in an archive that was not given")]
    ArchiveRequired(EntryId),
}

impl StoreError {
    /// Whether a write that failed with it wrote nothing for certain.
    pub(crate) fn is_nothing_written(&self) -> bool {
        !matches!(self, StoreError::Unknown(_) | StoreError::Damaged(_))
    }
}

impl From<RecordError> for StoreError {
    fn from(error: RecordError) -> Self {
        StoreError::Damaged(error.to_string())
    }
}
