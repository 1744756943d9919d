//! Where a store is, and opening it: the only place that selects between a directory and a Redis.
//!
//! A command that works on any store implements [`StoreTask`] and passes it to [`StoreLocation::open_existing`] or
//! [`StoreLocation::open_or_create`].

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::impact;
use crate::store::Store;
use crate::store::archive::ArchiveIdentity;
use crate::store::embedded::{self, Durability, EmbeddedStore};
use crate::store::keys::Secret;
use crate::store::redis::address::Address;
use crate::store::redis::{RedisSettings, RedisStore};
use crate::store::secret_file;
use crate::store::tiered::TieredStore;

use super::store_location_error::StoreLocationError;

/// The name of the access log, unless the configuration names another.
const ACCESS_LOG: &str = "access.log";

/// The name of the directory of the cache of reports.
const REPORT_CACHE: &str = "reports";

/// Where a store is.
#[derive(Clone)]
pub enum StoreLocation {
    /// In a directory, for one process at a time.
    Directory(PathBuf),
    /// On a Redis, shared by several instances.
    Redis(Address),
}

/// The files that belong to a store on Redis.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecretAndArchivePaths<'a> {
    /// The file with its secret.
    pub secret: Option<&'a Path>,
    /// The directory of its archive, if closed years were moved to one.
    pub archive: Option<&'a Path>,
}

/// How durable a commit must be before it is answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommitSafety {
    /// Whether a commit is answered before it is synced to disk.
    pub accept_volatile: bool,
    /// The Redis replicas that must acknowledge a commit.
    pub replicas: usize,
}

/// Whether a missing store is created. A store that lost its data looks like a missing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingStore {
    /// It is refused.
    Refuse,
    /// It is created.
    Create,
}

/// Work on a store of any kind.
pub trait StoreTask {
    /// The result.
    type Output;

    /// Does the work.
    fn run<S: Store>(self, store: S) -> impl Future<Output = Self::Output>;
}

impl StoreLocation {
    /// Parses `--store`: a Redis URL, otherwise a directory.
    ///
    /// # Errors
    /// If the text begins as a Redis URL and is not a valid one.
    pub fn parse(store: &Path) -> Result<StoreLocation, StoreLocationError> {
        match store.to_str().filter(|text| Address::has_redis_scheme(text)) {
            None => Ok(StoreLocation::Directory(store.to_owned())),
            Some(url) => Ok(StoreLocation::Redis(Address::parse(url)?)),
        }
    }

    /// Parses `--store` where it must be a Redis URL.
    ///
    /// # Errors
    /// If it is not a valid one.
    pub fn parse_redis(url: &str) -> Result<Address, StoreLocationError> {
        match StoreLocation::parse(Path::new(url))? {
            StoreLocation::Redis(address) => Ok(address),
            StoreLocation::Directory(path) => Err(StoreLocationError::NotRedis(path)),
        }
    }

    /// Opens the store, which must exist, and runs a task on it.
    ///
    /// # Errors
    /// If there is no store, or it cannot be opened.
    pub async fn open_existing<T: StoreTask>(
        &self,
        files: SecretAndArchivePaths<'_>,
        task: T,
    ) -> Result<T::Output, StoreLocationError> {
        match self {
            StoreLocation::Directory(path) => {
                check_no_archive(files)?;
                Ok(task.run(open_existing_directory(path, Durability::Synced)?).await)
            }
            StoreLocation::Redis(address) => {
                let (secret, archive) = (read_secret(files.secret)?, open_archive(files.archive)?);
                Ok(task.run(open_existing_redis(address.clone(), secret, archive).await?).await)
            }
        }
    }

    /// Creates the store.
    ///
    /// # Errors
    /// If there is one, or it cannot be created.
    pub async fn create(
        &self,
        files: SecretAndArchivePaths<'_>,
        safety: CommitSafety,
    ) -> Result<(), StoreLocationError> {
        let exists = || StoreLocationError::Exists(self.to_string());
        match self {
            StoreLocation::Directory(path) if holds_store(path) => return Err(exists()),
            StoreLocation::Directory(_) => {}
            StoreLocation::Redis(address) => {
                if RedisStore::exists(address.clone(), read_secret(files.secret)?).await? {
                    return Err(exists());
                }
            }
        }
        self.open_or_create(files, safety, MissingStore::Create, NoTask).await
    }

    /// Opens the store, creates it if there is none and that is allowed, and runs a task on it.
    ///
    /// # Errors
    /// If it cannot be opened or created.
    pub async fn open_or_create<T: StoreTask>(
        &self,
        files: SecretAndArchivePaths<'_>,
        safety: CommitSafety,
        missing: MissingStore,
        task: T,
    ) -> Result<T::Output, StoreLocationError> {
        match self {
            StoreLocation::Directory(path) => {
                check_no_archive(files)?;
                let durability = if safety.accept_volatile { Durability::Volatile } else { Durability::Synced };
                let store = match missing {
                    MissingStore::Create => EmbeddedStore::open(path, durability)?,
                    MissingStore::Refuse => open_existing_directory(path, durability)?,
                };
                Ok(task.run(store).await)
            }
            StoreLocation::Redis(address) => {
                Ok(task.run(open_or_create_redis(address.clone(), files, safety, missing).await?).await)
            }
        }
    }

    /// The directory of the store, if it is in one.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            StoreLocation::Directory(path) => Some(path),
            StoreLocation::Redis(_) => None,
        }
    }

    /// Where what reports read is kept. A relative path, and the default, are in the directory of the store, or beside the secret
    /// of a store on Redis.
    pub(crate) fn report_cache(&self, configured: Option<&Path>, secret: Option<&Path>) -> PathBuf {
        let name = configured.unwrap_or(Path::new(REPORT_CACHE));
        match self {
            StoreLocation::Directory(path) => path.join(name),
            StoreLocation::Redis(_) => secret.and_then(Path::parent).unwrap_or(Path::new("")).join(name),
        }
    }

    /// Where the columns of `policy impact` are kept: beside what reports read.
    pub(crate) fn impact_columns(&self, secret: Option<&Path>) -> PathBuf {
        self.report_cache(None, secret).join(impact::DIRECTORY)
    }

    /// The access log of a server over this store. A relative path, and the default, are in the directory of the store, or
    /// beside the secret of a store on Redis: never where the server happens to be started.
    pub(crate) fn access_log(&self, configured: Option<&Path>, secret: Option<&Path>) -> PathBuf {
        let name = configured.unwrap_or(Path::new(ACCESS_LOG));
        match self {
            StoreLocation::Directory(path) => path.join(name),
            StoreLocation::Redis(_) => secret.and_then(Path::parent).unwrap_or(Path::new("")).join(name),
        }
    }
}

/// Opening alone.
struct NoTask;

impl StoreTask for NoTask {
    type Output = ();

    async fn run<S: Store>(self, _store: S) {}
}

/// Without a password.
impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Without a password.
impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreLocation::Directory(path) => path.display().fmt(f),
            StoreLocation::Redis(address) => address.fmt(f),
        }
    }
}

/// Whether two texts name the same store.
pub fn is_same_store(one: &Path, other: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    one == other || canonical(one).is_some_and(|one| canonical(other) == Some(one))
}

fn check_no_archive(files: SecretAndArchivePaths<'_>) -> Result<(), StoreLocationError> {
    files.archive.map_or(Ok(()), |_| Err(StoreLocationError::ArchiveOfDirectory))
}

async fn open_or_create_redis(
    address: Address,
    files: SecretAndArchivePaths<'_>,
    safety: CommitSafety,
    missing: MissingStore,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, StoreLocationError> {
    let (secret, archive) = (read_secret(files.secret)?, open_archive(files.archive)?);
    let CommitSafety { accept_volatile, replicas } = safety;
    let archive_identity = archive_identity(archive.as_deref()).await?;
    let settings = RedisSettings { archive: archive_identity, accept_volatile, replicas, ..RedisSettings::default() };
    let live = match missing {
        MissingStore::Create => RedisStore::open(address, secret, settings).await?,
        MissingStore::Refuse => RedisStore::open_existing(address, secret, settings).await?,
    };
    Ok(TieredStore::new(live, archive))
}

/// Opens a store on Redis, which must exist, with its archive if it has one.
pub(super) async fn open_existing_redis(
    address: Address,
    secret: Secret,
    archive: Option<Arc<EmbeddedStore>>,
) -> Result<TieredStore<RedisStore, EmbeddedStore>, StoreLocationError> {
    let settings = RedisSettings { archive: archive_identity(archive.as_deref()).await?, ..RedisSettings::default() };
    Ok(TieredStore::new(RedisStore::open_existing(address, secret, settings).await?, archive))
}

pub(super) fn read_secret(file: Option<&Path>) -> Result<Secret, StoreLocationError> {
    Ok(secret_file::read(file.ok_or(StoreLocationError::SecretRequired)?)?)
}

pub(super) fn open_archive(path: Option<&Path>) -> Result<Option<Arc<EmbeddedStore>>, StoreLocationError> {
    path.map(|path| open_existing_directory(path, Durability::Synced).map(Arc::new)).transpose()
}

async fn archive_identity(archive: Option<&EmbeddedStore>) -> Result<Option<ArchiveIdentity>, StoreLocationError> {
    let Some(archive) = archive else { return Ok(None) };
    ArchiveIdentity::read(archive).await.map(Some).map_err(StoreLocationError::Archive)
}

fn open_existing_directory(path: &Path, durability: Durability) -> Result<EmbeddedStore, StoreLocationError> {
    EmbeddedStore::open_existing(path, durability).map_err(|error| match error {
        embedded::OpenError::NoStore(path) => StoreLocationError::NoStore(path),
        error => StoreLocationError::Directory(error),
    })
}

pub(super) fn holds_store(directory: &Path) -> bool {
    directory.join("FORMAT").exists()
}
