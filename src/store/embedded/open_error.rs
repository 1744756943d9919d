//! Errors of opening a store in a directory.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why a directory cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// A row that is read first cannot be read.
    #[error("cannot read the newest day of commits in {path}: {error}")]
    NewestDay {
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
    /// The directory holds something else.
    #[error("{0} is not empty and holds no store")]
    NotAStore(PathBuf),
    /// The path is not a directory.
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    /// The file with the secret is missing.
    #[error(
        "the secret file {0} is missing, and nothing is found by name without it: restore it from a backup of the directory"
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
    /// The database cannot be opened.
    #[error("cannot open the database {path}: {error}")]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        error: redb::Error,
    },
}
