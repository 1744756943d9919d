//! Why certificates were not created.

use std::path::PathBuf;

/// Why certificates were not created.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The directory contains something, which is not overwritten.
    #[error("{0} is not empty; no key is overwritten")]
    NotEmpty(PathBuf),
    /// The directory or a file cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// A certificate cannot be created.
    #[error("cannot create a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}
