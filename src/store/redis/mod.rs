//! The store on Redis, or on Valkey: one server, with or without replicas, or a Cluster, shared by several processes.
//!
//! A settle is three round trips: the look-up, the binding of a claim that is seen first, the commit. One commit is one
//! function inside Redis ([`commit`]), all of whose keys lie in the person's hash slot; no lock is held, and nobody
//! waits for another. What Redis cannot promise it is not trusted with: [`durability`] says what is asked of it.
//!
//! It does not cache: what one instance wrote the others see.

pub mod address;
mod archive;
mod commit;
mod durability;
mod failure;
mod functions;
mod link;
mod look_up;
mod marker;
mod names;
mod open;
mod persons;
mod remove;
mod reply;
mod routes;
mod scan;
mod servers;
mod tables;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;

use redis::{Value, cmd, from_redis_value};

use super::archived::{Fate, Moved};
use super::imports::{Import, Note};
use super::keys::{Key, Secret};
use super::rows::Place;
use super::spool::{Place as SpoolPlace, Spool};
use super::{Commit, KeyedPerson, KeyedState, ReferenceRead, ReferenceWrite, Scope, Seen, Store, StoreError, forms};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::person::PersonRecord;

use address::Address;
use failure::Failed;
use names::Names;
pub use open::Settings;
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
    names: Names,
    spools: SpoolPlace,
    known: Persons,
}

impl RedisStore {
    /// Opens the store at this address, or makes one where nothing is under its prefix.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(address: Address, secret: Secret, settings: Settings) -> Result<RedisStore, OpenError> {
        let store = RedisStore::at(address, secret, settings).await?;
        store.marked().await
    }

    /// Opens the store at this address, which must be there.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_existing(address: Address, secret: Secret, settings: Settings) -> Result<RedisStore, OpenError> {
        let store = RedisStore::at(address, secret, settings).await?;
        if !marker::is_there(&store.servers, &store.names).await? {
            return Err(OpenError::Nothing);
        }
        store.marked().await
    }

    /// The store, if the Redis holds it, or nothing yet, and the archive at hand is the one that it wants.
    async fn marked(self) -> Result<RedisStore, OpenError> {
        marker::find_or_make(&self.servers, &self.names).await?;
        archive::check(&self.servers, &self.names).await?;
        Ok(self)
    }

    /// Notes that entries of these years may be in this archive; durable when it returns. From then on the store is
    /// opened with that archive alone.
    ///
    /// # Errors
    /// As of a commit.
    pub async fn note_moved(&self, moved: Moved) -> Result<(), StoreError> {
        archive::note(&self.servers, &self.names, moved).await
    }

    /// Leaves entries of a person to the archive, each only if it is byte for byte the record there; tells of each what
    /// became of it.
    ///
    /// # Errors
    /// As of a commit; some of them may have been left.
    pub async fn leave(&self, person_id: &PersonId, entries: &[(EntryId, Vec<u8>)]) -> Result<Vec<Fate>, StoreError> {
        archive::leave(&self.servers, &self.names, person_id, entries).await
    }

    async fn at(address: Address, secret: Secret, settings: Settings) -> Result<RedisStore, OpenError> {
        let names = Names::new(address.prefix.clone(), secret);
        let opener = open::Opener::new(&address, settings)?;
        let servers = Arc::new(Servers::find(address, opener).await?);
        let spools = SpoolPlace::temporary().map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(RedisStore { servers, names, spools, known: Persons::default() })
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
    fn key_of(&self, person_id: &PersonId) -> Key {
        self.names.secret().person(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<Seen, StoreError> {
        look_up::look_up(&self.servers, &self.names, scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.record(id).await?;
        record.map(|record| forms::decode_entry(&record).map(|(entry, _)| entry)).transpose()
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        look_up::record(&self.servers, &self.names, id).await
    }

    async fn states(&self, behind: Option<Key>, most: usize) -> Result<Vec<KeyedState>, StoreError> {
        walk::states(&self.servers, &self.names, behind, most).await
    }

    async fn entries(&self) -> Result<u64, StoreError> {
        let length = |shard| {
            let mut command = cmd("XLEN");
            command.arg(self.names.of_shard(shard, "journal"));
            command
        };
        let lengths = self.servers.read_all(length).await.map_err(Failed::of_read)?;
        let length = |value: Value| from_redis_value::<u64>(value).map_err(|_| reply::unreadable("a length"));
        lengths.into_iter().map(length).sum()
    }

    async fn listed(
        &self,
        hospital_id: &HospitalId,
        from: Place,
        until: Day,
        most: usize,
    ) -> Result<Vec<(Place, EntryId)>, StoreError> {
        walk::listed(&self.servers, &self.names, hospital_id, (from, until), most).await
    }

    async fn list(&self, hospital_id: &HospitalId, day: Day, settlements: Vec<EntryId>) -> Result<(), StoreError> {
        walk::list(&self.servers, &self.names, (hospital_id, day), settlements).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (servers, names) = (Arc::clone(&self.servers), self.names.clone());
        let written = tokio::spawn(async move { commit::commit(&servers, &names, commit).await });
        written.await.unwrap_or_else(|ended| Err(StoreError::Unknown(ended.to_string())))
    }

    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        tables::persons(&self.servers, &self.names, ids).await
    }

    async fn person_records(&self, behind: Option<Key>, most: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.known.records(&self.servers, &self.names, behind, most).await
    }

    fn spool(&self) -> Spool {
        Spool::new(self.names.secret().clone(), Some(self.spools.path().to_owned()))
    }

    async fn reference(&self) -> Result<ReferenceRead, StoreError> {
        tables::reference(&self.servers, &self.names).await
    }

    async fn put_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        tables::put(&self.servers, &self.names, (import, part), write).await
    }

    async fn note_import(&self, number: u64, note: Note) -> Result<(), StoreError> {
        tables::note(&self.servers, &self.names, number, note).await
    }

    async fn imports(&self, before: u64, most: usize) -> Result<Vec<Import>, StoreError> {
        tables::imports(&self.servers, &self.names, before, most).await
    }

    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        tables::put_policy(&self.servers, &self.names, digest, canonical).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        tables::policy(&self.servers, &self.names, digest).await
    }

    async fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        tables::policies(&self.servers, &self.names).await
    }
}
