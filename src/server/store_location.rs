//! Where a store is, as the command line and the configuration name it: a directory, or a Redis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::archive::ArchiveIdentity;
use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::keys::Secret;
use crate::store::redis::address::Address;
use crate::store::redis::{OpenError, RedisSettings, RedisStore};
use crate::store::secret_file;
use crate::store::tiered::TieredStore;

use crate::cli::exit::{Ended, Failure};

/// Where a store is.
pub enum StoreLocation {
    /// A directory, for one process.
    Directory(PathBuf),
    /// A Redis, which several processes share.
    Redis(Address),
}

impl StoreLocation {
    /// What is meant by a text.
    ///
    /// # Errors
    /// Exit 2 if it means a Redis and is no address.
    pub fn of(store: &Path) -> Result<StoreLocation, Failure> {
        match store.to_str().filter(|text| Address::is_meant(text)) {
            None => Ok(StoreLocation::Directory(store.to_owned())),
            // The address itself may hold a password.
            Some(text) => Address::parse(text)
                .map(StoreLocation::Redis)
                .map_err(|fault| Failure::Usage(format!("--store {fault}"))),
        }
    }
}

/// It as it may be told: without a password.
impl std::fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreLocation::Directory(path) => path.display().fmt(f),
            StoreLocation::Redis(address) => address.fmt(f),
        }
    }
}

/// The store in this directory.
///
/// # Errors
/// Exit 1 if it is refused.
pub fn directory(path: &Path, durability: Durability) -> Result<EmbeddedStore, Failure> {
    EmbeddedStore::open(path, durability).map_err(|error| Failure::Refused(error.to_string()))
}

/// What goes with a store on Redis.
#[derive(Clone, Copy, Debug, Default)]
pub struct With<'a> {
    /// The file with its secret.
    pub secret: Option<&'a Path>,
    /// The directory of its archive.
    pub archive: Option<&'a Path>,
}

/// The store on this Redis, made if there is none.
///
/// # Errors
/// Exit 1 if it is refused, or another archive is wanted, or none; 2 if no secret or no archive is where it is said to be.
pub async fn redis(
    address: Address,
    with: With<'_>,
    settings: RedisSettings,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, Failure> {
    let (secret, archive) = (secret(with.secret)?, archive(with.archive)?);
    let settings = RedisSettings { archive: identity(archive.as_deref()).await.map_err(refused)?, ..settings };
    let live = RedisStore::open(address, secret, settings).await.map_err(refused)?;
    Ok(TieredStore::new(live, archive))
}

/// The same of one that must be there, with this archive if there is one.
///
/// # Errors
/// Why it is refused.
pub async fn existing_redis(
    address: Address,
    secret: Secret,
    archive: Option<Arc<EmbeddedStore>>,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, OpenError> {
    let settings = RedisSettings { archive: identity(archive.as_deref()).await?, ..RedisSettings::default() };
    let live = RedisStore::open_existing(address, secret, settings).await?;
    Ok(TieredStore::new(live, archive))
}

/// The secret in this file.
///
/// # Errors
/// Exit 2 if none is named, or the file holds none.
pub fn secret(file: Option<&Path>) -> Result<Secret, Failure> {
    let missing = || Failure::Usage("a store on Redis wants its secret; `onestop secret FILE` makes one".to_owned());
    secret_file::read(file.ok_or_else(missing)?).map_err(|fault| Failure::Usage(fault.to_string()))
}

/// The archive in this directory, if one is named.
///
/// # Errors
/// Exit 1 if it is refused or in use, 2 if nothing is there.
pub fn archive(path: Option<&Path>) -> Result<Option<Arc<EmbeddedStore>>, Failure> {
    path.map(|path| existing_directory(path).map(Arc::new)).transpose()
}

async fn identity(archive: Option<&EmbeddedStore>) -> Result<Option<ArchiveIdentity>, OpenError> {
    let Some(archive) = archive else { return Ok(None) };
    ArchiveIdentity::read(archive).await.map(Some).map_err(|error| OpenError::Failed(error.to_string()))
}

/// That no archive is named, where the store is a directory.
///
/// # Errors
/// Exit 2 if one is.
pub fn no_archive(path: Option<&Path>) -> Ended {
    let told = || Failure::Usage("an archive goes with a store on Redis; a directory holds every year".to_owned());
    path.map_or(Ok(()), |_| Err(told()))
}

/// That a Redis is refused: exit 2 where it holds nothing.
pub fn refused(error: OpenError) -> Failure {
    match error {
        OpenError::Nothing => Failure::Usage(error.to_string()),
        error => Failure::Refused(error.to_string()),
    }
}

fn existing_directory(path: &Path) -> Result<EmbeddedStore, Failure> {
    if path.join("FORMAT").exists() {
        return directory(path, Durability::Synced);
    }
    Err(Failure::Usage(format!("{} holds no store", path.display())))
}

/// A store that a command works on by itself.
pub enum Opened {
    /// In a directory.
    Directory(EmbeddedStore),
    /// On a Redis.
    Redis(TieredStore<RedisStore, EmbeddedStore>),
}

impl Opened {
    /// The store of this name, made if there is none.
    ///
    /// # Errors
    /// Exit 1 if it is refused or in use, 2 if the name or the secret is none.
    pub async fn at(name: &Path, secret: Option<&Path>) -> Result<Opened, Failure> {
        let with = With { secret, archive: None };
        match StoreLocation::of(name)? {
            StoreLocation::Directory(path) => directory(&path, Durability::Synced).map(Opened::Directory),
            StoreLocation::Redis(address) => redis(address, with, RedisSettings::default()).await.map(Opened::Redis),
        }
    }

    /// The store of this name, which must be there.
    ///
    /// # Errors
    /// Exit 1 if it is refused or in use, 2 if there is none.
    pub async fn existing(name: &Path, with: With<'_>) -> Result<Opened, Failure> {
        match StoreLocation::of(name)? {
            StoreLocation::Directory(path) => {
                no_archive(with.archive)?;
                existing_directory(&path).map(Opened::Directory)
            }
            StoreLocation::Redis(address) => {
                let (secret, archive) = (secret(with.secret)?, archive(with.archive)?);
                existing_redis(address, secret, archive).await.map(Opened::Redis).map_err(refused)
            }
        }
    }
}

/// Makes the file with a secret.
///
/// # Errors
/// Exit 1 if it is there already, or cannot be made.
pub fn make_secret(path: &Path) -> Ended {
    secret_file::make(path).map_err(|fault| Failure::Refused(fault.to_string()))
}
