//! Errors of backups.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::embedded::log::LogError;
use crate::store::embedded::open_error::OpenError;

/// Why a backup was not written, verified or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no backup.
    #[error("{0} holds no backup")]
    NoBackup(PathBuf),
    /// The first call that writes the backup did not end.
    #[error("{0} holds a backup that was never completed; back up again to the same directory")]
    NeverCompleted(PathBuf),
    /// The directory holds something else.
    #[error("{0} is not empty and holds no backup")]
    OtherContent(PathBuf),
    /// Another process writes it.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// A line of the manifest is not what was written.
    #[error("{path} is damaged in line {line}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Another release wrote it.
    #[error("{path} has backup format {found}; this release reads format {known}")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format that this release reads.
        known: u32,
    },
    /// The secret is missing.
    #[error("{0} is missing, and nothing is found by a person's id without it")]
    SecretMissing(PathBuf),
    /// The secret is not the one of the store.
    #[error("{0} is damaged, or the secret of another store")]
    OtherSecret(PathBuf),
    /// The backup is of another store than the server's.
    #[error("{0} is the backup of another store")]
    OtherStore(PathBuf),
    /// The log is damaged, or a part of it is missing or of another store.
    #[error("{path}: {error}")]
    Log {
        /// The directory of the log.
        path: PathBuf,
        /// What is wrong.
        error: LogError,
    },
    /// A record has its checksums, but not the form of a commit.
    #[error("{path}: byte {lsn} of the log: {error}")]
    Record {
        /// The directory of the log.
        path: PathBuf,
        /// The position of the record.
        lsn: u64,
        /// What is wrong.
        error: StoreError,
    },
    /// A segment is not the one that was backed up.
    #[error("{0} does not have the digest that the manifest lists")]
    OtherDigest(PathBuf),
    /// The log does not end where the manifest says.
    #[error("{0} says that the log ends where no frame of it ends")]
    OtherEnd(PathBuf),
    /// The server sent something else than the next part of its log.
    #[error("the server did not send the next part of its log: {0}")]
    OutOfOrder(&'static str),
    /// The store cannot be made.
    #[error(transparent)]
    Target(#[from] OpenError),
    /// A file cannot be read or written.
    #[error("cannot read or write {path}: {error}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
}

/// Why a store does not continue a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupRefusal {
    /// The backup is of another store.
    #[error("the backup is of another store")]
    OtherStore,
    /// The log of the store does not lead up to the end of the backup.
    #[error(
        "the log of the store does not lead up to the end of the backup: the store is an older copy, or was restored"
    )]
    NotContinued,
    /// The log cannot be read.
    #[error(transparent)]
    Unreadable(LogError),
}
