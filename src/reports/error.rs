//! Why a report cannot be made.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The store cannot be read, or an entry is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory holds the cache of another store; nothing of it is used.
    #[error("{0} holds the report cache of another store: name another directory with --cache, or delete it")]
    ForeignCache(PathBuf),
    /// A file of the cache cannot be read or written.
    #[error("cannot read or write {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
}

impl ReportError {
    /// A file that cannot be read or written.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> ReportError {
        |error| ReportError::File { path: path.into(), error }
    }
}
