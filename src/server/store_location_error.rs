//! Why a store cannot be opened.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::store::embedded;
use crate::store::redis;
use crate::store::redis::address::AddressFault;
use crate::store::secret_file::SecretFault;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreLocationError {
    /// The text is not a valid Redis URL.
    #[error("--store {0}")]
    Address(#[from] AddressFault),
    /// A store on Redis requires a secret.
    #[error("a store on Redis requires --secret FILE; `onestop secret FILE` creates one")]
    SecretRequired,
    /// The file with the secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFault),
    /// The text is not a Redis URL, and one is required.
    #[error("--store {0} is not a Redis URL")]
    NotRedis(PathBuf),
    /// Only a store on Redis has an archive.
    #[error("--archive requires a store on Redis; a store in a directory holds every year itself")]
    ArchiveOfDirectory,
    /// The directory contains no store, and one is required.
    #[error("{path} holds no store; `onestop init --store {path}` creates one", path = .0.display())]
    NoStore(PathBuf),
    /// A store is to be created where one is.
    #[error("{0} holds a store; nothing was changed")]
    Exists(String),
    /// The directory cannot be opened.
    #[error(transparent)]
    Directory(#[from] embedded::OpenError),
    /// The Redis cannot be opened.
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
    /// The archive cannot be read.
    #[error("cannot read the identity of the archive: {0}")]
    Archive(StoreError),
}
