//! Errors of opening a store in a directory.

use std::path::PathBuf;

use crate::store::StoreError;

use super::index::IndexError;
use super::log::LogError;

/// Why a directory cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// There is no store.
    #[error("{0} holds no store")]
    NoStore(PathBuf),
    /// A part of the store does not exist, though the store was complete.
    #[error("{0} is missing: restore the store from a backup (`onestop restore`)")]
    PartMissing(PathBuf),
    /// A part of the store has no byte, though the store was complete.
    #[error("{0} is empty: restore the store from a backup (`onestop restore`)")]
    PartEmpty(PathBuf),
    /// A part of the store belongs to another store.
    #[error("{0} belongs to another store than the other files of its directory")]
    PartOfAnotherStore(PathBuf),
    /// The database of reference tables holds what the log does not.
    #[error(
        "{0} holds reference tables that the log beside it does not: the log is an older copy; restore the store from \
         a backup (`onestop restore`)"
    )]
    LogOlder(PathBuf),
    /// The log is damaged, or a part of it is missing or of another store.
    #[error("{path}: {error}")]
    Log {
        /// The directory of the log.
        path: PathBuf,
        /// What is wrong.
        error: LogError,
    },
    /// The index cannot be read or written.
    #[error("{path}: {error}")]
    Index {
        /// The directory of the index.
        path: PathBuf,
        /// The cause.
        error: IndexError,
    },
    /// A record of the log that is read first cannot be read.
    #[error("cannot read the commits in {path}: {error}")]
    Commits {
        /// The directory.
        path: PathBuf,
        /// The cause.
        error: StoreError,
    },
    /// Another release wrote it.
    #[error("{path} has store format {found}; this release reads format {known}")]
    OtherFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format that this release reads.
        known: u32,
    },
    /// A restore to the directory was interrupted.
    #[error("{0} holds a restore that did not end; run the same restore again")]
    RestoreNotEnded(PathBuf),
    /// A store is to be restored where one is.
    #[error("{0} holds a store; nothing was changed")]
    HoldsStore(PathBuf),
    /// The directory holds something else.
    #[error("{0} is not empty and holds no store")]
    NotAStore(PathBuf),
    /// The path is not a directory.
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    /// The file with the secret is missing.
    #[error(
        "the secret file {0} is missing, and nothing is found by name without it: take it from a backup, or restore the store \
         (`onestop restore`)"
    )]
    SecretMissing(PathBuf),
    /// The file with the secret has a wrong length.
    #[error("the secret file {0} must be exactly 32 bytes long")]
    SecretLength(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot read or write the file or directory {path}: {error}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// A page of the database is damaged.
    #[error("the database {0} is damaged")]
    DatabaseDamaged(PathBuf),
    /// The database cannot be opened.
    #[error("cannot open the database {path}: {error}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        error: redb::Error,
    },
}
