//! Why certificates were not created.

use std::path::PathBuf;

/// Why certificates were not created.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The directory contains something, which is not overwritten.
    #[error("the directory {0} is not empty; certificates and private keys are only written to an empty directory")]
    NotEmpty(PathBuf),
    /// The directory or a file cannot be written.
    #[error("cannot write {path}: {error}")]
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
