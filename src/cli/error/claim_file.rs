//! Why a file of claims cannot be read.

use std::path::PathBuf;

/// The maximum size of one claim in bytes.
pub const MAX_CLAIM_BYTES: u64 = 16 << 20;

/// Why a file of claims cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ClaimFileError {
    /// The file cannot be read.
    #[error("cannot read the claim file {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// A line is text in another encoding.
    #[error("{path}: line {line} is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The claims of an array are not separated or ended as in JSON.
    #[error("{path}: line {line}: {message}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: &'static str,
    },
    /// A line is too long to be a claim.
    #[error("{path}: line {line} is longer than {MAX_CLAIM_BYTES} bytes")]
    LineTooLong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}
