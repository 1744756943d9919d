//! The store on Redis, or on Valkey: one server, with or without replicas, or a Cluster, shared by several processes.
//!
//! A settle is three round trips: the look-up, the binding of a claim that is seen first, the commit. One commit is one
//! function inside Redis (`commit`), all of whose keys lie in the person's hash slot; no lock is held, and nobody
//! waits for another. What Redis cannot promise it is not trusted with: `durability` says what is asked of it.
//!
//! It does not cache: what one instance wrote the others see.

pub mod address;
mod archive;
mod barrier;
mod commit;
mod coordination;
mod durability;
mod failure;
mod functions;
mod import_lease;
mod keys;
mod link;
mod look_up;
mod marker;
mod open;
mod persons;
mod remove;
mod reply;
mod routes;
mod scan;
mod servers;
mod tables;
mod walk;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;

use redis::{Value, cmd, from_redis_value};

use super::external_sort::{ExternalSort, SpoolDirectory};
use super::imports::{Import, ImportEvent};
use super::keys::{Secret, StoreKey};
use super::rows::ListPosition;
use super::{
    Commit, JournalStore, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite,
    Scope, Store, StoreError, codec,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::person::PersonRecord;

use address::Address;
use coordination::RedisCoordination;
use failure::Failed;
use keys::RedisKeys;
pub use open::RedisSettings;
use persons::Persons;
use servers::Servers;

/// Why a Redis cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file that the address names cannot be read.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It holds a store of another secret or format.
    #[error("under this prefix Redis holds a store that was made with another secret or by another release ({0})")]
    AnotherStore(String),
    /// It holds a part of this store.
    #[error("Redis holds a part of this store only: the data of a server was lost; restore it from a backup")]
    Incomplete,
    /// It holds none, where one is to be read.
    #[error("under this prefix Redis holds no store")]
    Nothing,
    /// Some of its entries are in an archive, and none is at hand.
    #[error("settlements of years before {0} are in an archive: --archive DIR")]
    Archived(i32),
    /// Some of its entries are in another archive.
    #[error("settlements of years before {0} are in another archive, or in a newer copy of this one")]
    AnotherArchive(i32),
    /// An archive is at hand, and none of its entries is in one.
    #[error("no settlement of this store is in an archive: leave --archive away")]
    NoArchive,
    /// It cannot be reached, or refuses.
    #[error("{0}")]
    Failed(String),
}

/// A store on Redis.
pub struct RedisStore {
    servers: Arc<Servers>,
    names: RedisKeys,
    spools: SpoolDirectory,
    coordination: RedisCoordination,
    known: Persons,
}

impl RedisStore {
    /// Opens the store at this address, or makes one where nothing is under its prefix.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(address: Address, secret: Secret, settings: RedisSettings) -> Result<RedisStore, OpenError> {
        RedisStore::at(address, secret, settings, false).await
    }

    /// Opens the store at this address, which must be there.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_existing(
        address: Address,
        secret: Secret,
        settings: RedisSettings,
    ) -> Result<RedisStore, OpenError> {
        RedisStore::at(address, secret, settings, true).await
    }

    async fn at(
        address: Address,
        secret: Secret,
        settings: RedisSettings,
        must_be_there: bool,
    ) -> Result<RedisStore, OpenError> {
        let names = RedisKeys::new(address.prefix.clone(), secret);
        let opener = open::Opener::new(&address, settings)?;
        let servers = Arc::new(Servers::find(address, names.clone(), opener).await?);
        if must_be_there && !marker::is_there(&servers, &names).await? {
            return Err(OpenError::Nothing);
        }
        marker::find_or_make(&servers, &names).await?;
        archive::check(&servers, &names).await?;
        let spools = SpoolDirectory::temporary().map_err(|error| OpenError::Failed(error.to_string()))?;
        let coordination = RedisCoordination::start(Arc::clone(&servers), names.clone()).await;
        let coordination = coordination.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(RedisStore { servers, names, spools, coordination, known: Persons::default() })
    }

    /// Removes everything under the prefix, the store with it: for trials.
    ///
    /// # Errors
    /// If a server does not do it.
    pub async fn remove(&self) -> Result<(), StoreError> {
        remove::everything(&self.servers, &self.names).await
    }
}

impl Store for RedisStore {
    type Coordination = RedisCoordination;

    fn coordination(&self) -> &RedisCoordination {
        &self.coordination
    }
}

impl JournalStore for RedisStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.names.secret().person(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        look_up::look_up(&self.servers, &self.names, scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.record(id).await?;
        record.map(|record| codec::decode_entry(&record).map(|(entry, _)| entry)).transpose()
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        look_up::record(&self.servers, &self.names, id).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        walk::states(&self.servers, &self.names, after, limit).await
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        let count = |shard| {
            let mut command = cmd("GET");
            command.arg(self.names.of_shard(shard, "entries"));
            command
        };
        let counts = self.servers.read_all(count).await.map_err(Failed::of_read)?;
        let count = |value: Value| from_redis_value::<Option<u64>>(value).map_err(|_| reply::unreadable("a count"));
        counts.into_iter().map(|value| Ok(count(value)?.unwrap_or(0))).sum()
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        walk::listed(&self.servers, &self.names, hospital_id, (from, until), limit).await
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        walk::list(&self.servers, &self.names, (hospital_id, day), settlements).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.coordination.check_book()?;
        let (servers, names) = (Arc::clone(&self.servers), self.names.clone());
        let written = tokio::spawn(async move { commit::commit(&servers, &names, commit).await });
        written.await.unwrap_or_else(|ended| Err(StoreError::Unknown(ended.to_string())))
    }
}

impl ReferenceStore for RedisStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        tables::persons(&self.servers, &self.names, ids).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.known.records(&self.servers, &self.names, after, limit).await
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(self.names.secret().clone(), Some(self.spools.path().to_owned()))
    }

    async fn read_reference(&self) -> Result<ReferenceRead, StoreError> {
        tables::reference(&self.servers, &self.names).await
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.coordination.renew_import_lease().await?;
        tables::put(&self.servers, &self.names, (import, part), write).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        tables::note(&self.servers, &self.names, number, note).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        tables::imports(&self.servers, &self.names, before, limit).await
    }
}

impl PolicyStore for RedisStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        tables::put_policy(&self.servers, &self.names, digest, canonical).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        tables::policy(&self.servers, &self.names, digest).await
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        tables::policies(&self.servers, &self.names).await
    }
}
