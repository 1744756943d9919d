//! The two stores between which closed years move: a store on Redis, and the directory that becomes its archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::redis::{OpenError, RedisStore};
use crate::store::tiered::TieredStore;

use super::store_location::{
    SecretAndArchivePaths, StoreLocation, holds_store, is_same_store, open_archive, open_existing_redis, read_secret,
};
use super::store_location_error::StoreLocationError;

/// A store on Redis and the directory that its closed years move to.
pub struct YearMove {
    source: TieredStore<RedisStore, EmbeddedStore>,
    directory: PathBuf,
    existing_target: Option<Arc<EmbeddedStore>>,
}

impl YearMove {
    /// Opens the source; `None` if the locations are not a Redis and a directory.
    ///
    /// The source may already have noted the target as its archive, in a move that was interrupted: then it is opened
    /// with the target as its archive.
    ///
    /// # Errors
    /// If a store cannot be opened.
    pub async fn open(
        from: &Path,
        files: SecretAndArchivePaths<'_>,
        to: &Path,
    ) -> Result<Option<YearMove>, StoreLocationError> {
        let (StoreLocation::Redis(address), StoreLocation::Directory(directory)) =
            (StoreLocation::parse(from)?, StoreLocation::parse(to)?)
        else {
            return Ok(None);
        };
        let existing_target = open_archive(Some(&*directory).filter(|directory| holds_store(directory)))?;
        let secret = read_secret(files.secret)?;
        let archive = open_archive(files.archive.filter(|archive| !is_same_store(archive, to)))?;
        let source = match open_existing_redis(address.clone(), secret.clone(), archive).await {
            Err(error) if is_missing_archive(&error) && existing_target.is_some() => {
                let with_target = open_existing_redis(address, secret, existing_target.clone()).await;
                with_target.map_err(|second| if is_other_archive(&second) { error } else { second })?
            }
            opened => opened?,
        };
        Ok(Some(YearMove { source, directory, existing_target }))
    }

    /// The store on Redis, with its archive.
    pub fn source(&self) -> &TieredStore<RedisStore, EmbeddedStore> {
        &self.source
    }

    /// The store in the directory, created if there is none.
    ///
    /// # Errors
    /// If it cannot be opened or created.
    pub fn target(&self) -> Result<Arc<EmbeddedStore>, StoreLocationError> {
        match &self.existing_target {
            Some(target) => Ok(Arc::clone(target)),
            None => Ok(Arc::new(EmbeddedStore::open(&self.directory, Durability::Synced)?)),
        }
    }
}

fn is_missing_archive(error: &StoreLocationError) -> bool {
    matches!(error, StoreLocationError::Redis(OpenError::Archived(_))) || is_other_archive(error)
}

fn is_other_archive(error: &StoreLocationError) -> bool {
    matches!(error, StoreLocationError::Redis(OpenError::AnotherArchive(_)))
}
