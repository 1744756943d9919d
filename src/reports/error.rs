//! Why a report cannot be made.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::derived_files::DerivedFileError;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The store cannot be read, or an entry is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory holds the cache of another store; nothing of it is used.
    #[error("{0} holds the report cache of another store: name another directory with --cache, or delete it")]
    ForeignCache(PathBuf),
    /// The groups and their persons do not fit into the memory that a report may take.
    #[error("the report would hold more than {0} groups and persons: ask for fewer days, regions or dimensions")]
    TooLarge(usize),
    /// The lines of the ledger that are asked for end between the two of a revision: what it replaces is taken away, and what it
    /// decides is not there.
    #[error(
        "the lines that are asked for end between what a revision replaces and what it decides, where no report ends"
    )]
    EndsWithinRevision,
    /// A file of the cache cannot be read or written.
    #[error(transparent)]
    File(#[from] DerivedFileError),
}
