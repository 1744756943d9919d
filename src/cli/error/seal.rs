//! Why a seal cannot be read or written.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why a seal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read.
    #[error("cannot read the seal {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the seal {path}: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// A line is not of a seal, or was changed.
    #[error("{path}: line {line} is not a line of a seal, or the seal was changed")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The last line is missing.
    #[error("{0}: the seal is incomplete: its last line is missing")]
    Incomplete(PathBuf),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
