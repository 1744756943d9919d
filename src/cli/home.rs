//! Where a store is, as the command line and the configuration name it: a directory, or a Redis.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::redis::address::Address;
use crate::store::redis::{RedisStore, Settings};
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

/// The store on this Redis, with the secret and the settings that the configuration names.
///
/// # Errors
/// Exit 1 if it is refused, 2 if no secret is named or its file is not one.
pub async fn redis(address: Address, config: &Config) -> Result<RedisStore, Failure> {
    let missing = || Failure::Usage("a store on Redis wants --secret FILE; `onestop secret FILE` makes one".to_owned());
    let secret = secret_file::read(config.secret.as_ref().ok_or_else(missing)?);
    let secret = secret.map_err(|fault| Failure::Usage(fault.to_string()))?;
    let settings =
        Settings { accept_volatile: config.accept_volatile, replicas: config.replicas, ..Settings::default() };
    RedisStore::open(address, secret, settings).await.map_err(|error| Failure::Refused(error.to_string()))
}

/// Makes the file with a secret.
///
/// # Errors
/// Exit 1 if it is there already, or cannot be made.
pub fn make_secret(path: &Path) -> Ended {
    secret_file::make(path).map_err(|fault| Failure::Refused(fault.to_string()))
}
