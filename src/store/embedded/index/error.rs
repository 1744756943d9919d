//! Errors of the index.

use std::io;

/// Why the index did not do what was requested. The log holds everything that the index does: the remedy is to discard
/// the index and to replay the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A file cannot be read or written.
    #[error("cannot {operation} the index file {file}: {why}")]
    File {
        /// The operation: `read`, `write`, `create`, …
        operation: &'static str,
        /// The name of the file in the directory of the index.
        file: String,
        /// The error of the system.
        why: String,
    },
    /// A file is not what was written.
    #[error("the index file {file} {damage}")]
    Damaged {
        /// The name of the file in the directory of the index.
        file: String,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Runs are not merged, because the disk has too little room for the run that replaces them.
    #[error("merging files of the index needs {needed} bytes of the disk beside {reserve} that are kept free")]
    NoRoom {
        /// The bytes that the new run takes at most.
        needed: u64,
        /// The bytes of the disk that are kept free.
        reserve: u64,
    },
    /// A background thread ended, so that the index accepts no more rows.
    #[error("the {thread} thread of the index ended")]
    ThreadPanicked {
        /// The thread: `checkpoint` or `merge`.
        thread: &'static str,
    },
}

/// What is wrong with a file of the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It does not exist.
    #[error("is missing")]
    Missing,
    /// It has no byte.
    #[error("is empty")]
    Empty,
    /// It has another length than was written.
    #[error("has {found} bytes in place of {expected}")]
    Length {
        /// Its length in bytes.
        found: u64,
        /// The length in bytes that was written.
        expected: u64,
    },
    /// It does not begin as a file of its kind does.
    #[error("is no file of the index: it begins with other bytes")]
    Magic,
    /// Another release wrote it.
    #[error("has format {found}; this release reads format {known}")]
    Format {
        /// Its format.
        found: u32,
        /// The format that this release reads.
        known: u32,
    },
    /// It belongs to another store.
    #[error("belongs to another store")]
    OtherStore,
    /// It is another file of the store.
    #[error("is another file of this store under this name")]
    OtherFile,
    /// A page, or the whole manifest as page 0, does not have its checksum.
    #[error("is damaged in the 4 KiB page {page}")]
    Checksum {
        /// The number of the page, from 0.
        page: u64,
    },
    /// A page has its checksum, but not the content that it must have.
    #[error("is inconsistent in the 4 KiB page {page}: {what}")]
    Content {
        /// The number of the page, from 0.
        page: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// A read found damage before, and the marker file says where.
    #[error("says that damage was found: {0}")]
    Reported(String),
}

impl IndexError {
    pub(super) fn file(operation: &'static str, file: &str, error: &io::Error) -> IndexError {
        IndexError::File { operation, file: file.to_owned(), why: error.to_string() }
    }

    pub(super) fn damaged(file: &str, damage: Damage) -> IndexError {
        IndexError::Damaged { file: file.to_owned(), damage }
    }
}
