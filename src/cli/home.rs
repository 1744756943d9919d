//! Where a store is, as the command line and the configuration name it: a directory, or a Redis.

use std::path::{Path, PathBuf};

use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::keys::Secret;
use crate::store::redis::address::Address;
use crate::store::redis::{OpenError, RedisStore, Settings};
use crate::store::secret_file;

use super::exit::{Ended, Failure};

/// Where a store is.
pub enum Home {
    /// A directory, for one process.
    Directory(PathBuf),
    /// A Redis, which several processes share.
    Redis(Address),
}

impl Home {
    /// What is meant by a text.
    ///
    /// # Errors
    /// Exit 2 if it means a Redis and is no address.
    pub fn of(store: &Path) -> Result<Home, Failure> {
        match store.to_str().filter(|text| Address::is_meant(text)) {
            None => Ok(Home::Directory(store.to_owned())),
            // The address itself may hold a password.
            Some(text) => {
                Address::parse(text).map(Home::Redis).map_err(|fault| Failure::Usage(format!("--store {fault}")))
            }
        }
    }
}

/// It as it may be told: without a password.
impl std::fmt::Display for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Home::Directory(path) => path.display().fmt(f),
            Home::Redis(address) => address.fmt(f),
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

/// The store on this Redis, with the secret in this file.
///
/// # Errors
/// Exit 1 if it is refused, 2 if no secret is named or its file is not one.
pub async fn redis(address: Address, secret: Option<&Path>, settings: Settings) -> Result<RedisStore, Failure> {
    RedisStore::open(address, self::secret(secret)?, settings).await.map_err(refused)
}

fn secret(file: Option<&Path>) -> Result<Secret, Failure> {
    let missing = || Failure::Usage("a store on Redis wants its secret; `onestop secret FILE` makes one".to_owned());
    secret_file::read(file.ok_or_else(missing)?).map_err(|fault| Failure::Usage(fault.to_string()))
}

fn refused(error: OpenError) -> Failure {
    Failure::Refused(error.to_string())
}

/// A store that a command works on by itself.
pub enum Opened {
    /// In a directory.
    Directory(EmbeddedStore),
    /// On a Redis.
    Redis(RedisStore),
}

impl Opened {
    /// The store of this name, made if there is none.
    ///
    /// # Errors
    /// Exit 1 if it is refused or in use, 2 if the name or the secret is none.
    pub async fn at(name: &Path, secret: Option<&Path>) -> Result<Opened, Failure> {
        match Home::of(name)? {
            Home::Directory(path) => directory(&path, Durability::Synced).map(Opened::Directory),
            Home::Redis(address) => redis(address, secret, Settings::default()).await.map(Opened::Redis),
        }
    }

    /// The store of this name, which must be there.
    ///
    /// # Errors
    /// Exit 1 if it is refused or in use, 2 if there is none.
    pub async fn existing(name: &Path, secret: Option<&Path>) -> Result<Opened, Failure> {
        match Home::of(name)? {
            Home::Directory(path) if path.join("FORMAT").exists() => {
                directory(&path, Durability::Synced).map(Opened::Directory)
            }
            Home::Directory(path) => Err(Failure::Usage(format!("{} holds no store", path.display()))),
            Home::Redis(address) => {
                let opened = RedisStore::open_existing(address, self::secret(secret)?, Settings::default()).await;
                opened.map(Opened::Redis).map_err(|error| match error {
                    OpenError::Nothing => Failure::Usage(error.to_string()),
                    error => refused(error),
                })
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
