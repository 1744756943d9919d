//! The store on Redis, or on Valkey: one server, with or without replicas, or a Cluster, shared by several processes.
//!
//! A settle takes two round trips: the look-up and the commit; three on a Cluster, where the binding of a new claim is
//! in another hash slot than the person. A commit is one function inside Redis (`commit`); it takes no lock. Commits that
//! wait for the same sync are sent as one call (`commit_queue`). `durability` states what is required of Redis and checks it.
//!
//! Nothing is cached: an instance sees at once what another wrote.

pub mod address;
mod administration;
mod administration_state;
mod archive;
mod attempts;
mod barrier;
mod call_error;
mod closing;
mod commit;
mod commit_queue;
mod connector;
mod coordination;
mod durability;
mod encoded_commit;
mod entries;
mod expected_marker;
mod functions;
mod import_lease;
mod keys;
mod look_up;
mod look_ups_in_flight;
mod marker;
mod monitor;
mod open_error;
mod person_rows;
mod persons;
mod remove;
mod reply;
mod request;
mod routes;
mod scan;
mod server;
mod servers;
mod shard_write;
mod tables;
mod walk;

use std::sync::Arc;

use redis::{Value, cmd, from_redis_value};
use tracing::Instrument;

use super::administration::{AdministrationCommit, AdministrationState};
use super::archive::{ArchivableStore, ArchiveOutcome, ArchivedYears};
use super::entry_page::EntryPage;
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::keys::{DerivedKey, Secret, StoreKey};
use super::rows::{CommitPosition, ListPosition};
use super::{
    Commit, JournalStore, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite,
    RowsOfPerson, Scope, Store, StoreError,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::journal::decode_entry;
use crate::reference::person::PersonRecord;

use address::Address;
use call_error::CallError;
pub use connector::RedisSettings;
use coordination::RedisCoordination;
use keys::RedisKeys;
pub use open_error::OpenError;
use persons::PersonScan;
use servers::Servers;

/// A store on Redis.
pub struct RedisStore {
    servers: Arc<Servers>,
    names: RedisKeys,
    coordination: RedisCoordination,
    person_scan: PersonScan,
}

impl RedisStore {
    /// Opens the store at this address, or creates one if nothing is under its prefix.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(address: Address, secret: Secret, settings: RedisSettings) -> Result<RedisStore, OpenError> {
        RedisStore::open_or_create(address, secret, settings, true).await
    }

    /// Opens the store at this address, which must exist.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_existing(
        address: Address,
        secret: Secret,
        settings: RedisSettings,
    ) -> Result<RedisStore, OpenError> {
        RedisStore::open_or_create(address, secret, settings, false).await
    }

    /// Whether anything is under the prefix of this address.
    ///
    /// # Errors
    /// If a server does not answer.
    pub async fn exists(address: Address, secret: Secret) -> Result<bool, OpenError> {
        let names = RedisKeys::new(address.prefix.clone(), secret);
        let connector = connector::Connector::new(&address, RedisSettings::default())?;
        let servers = Arc::new(Servers::connect(address, names.clone(), connector).await?);
        marker::exists(&servers, &names).await
    }

    async fn open_or_create(
        address: Address,
        secret: Secret,
        settings: RedisSettings,
        create: bool,
    ) -> Result<RedisStore, OpenError> {
        let names = RedisKeys::new(address.prefix.clone(), secret);
        let connector = connector::Connector::new(&address, settings)?;
        let servers = Arc::new(Servers::connect(address, names.clone(), connector).await?);
        if !create && !marker::exists(&servers, &names).await? {
            return Err(OpenError::Nothing);
        }
        marker::verify_or_create(&servers, &names).await?;
        archive::check(&servers, &names).await?;
        let coordination = RedisCoordination::start(Arc::clone(&servers), names.clone()).await?;
        Ok(RedisStore { servers, names, coordination, person_scan: PersonScan::default() })
    }

    /// Removes everything under the prefix, for temporary stores.
    ///
    /// # Errors
    /// If a server does not answer.
    pub async fn remove(&self) -> Result<(), StoreError> {
        remove::remove_all_keys(&self.servers, &self.names).await
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

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        self.names.secret().derived(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        look_up::look_up(&self.servers, &self.names, scope).await
    }

    async fn rows_of_persons(&self, persons: &[Vec<Scope<'_>>]) -> Vec<Result<RowsOfPerson, StoreError>> {
        person_rows::rows_of_persons(&self.servers, &self.names, persons).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let record = self.record(id).await?;
        Ok(record.map(|record| decode_entry(&record)).transpose()?.map(|(entry, _)| entry))
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        look_up::read_record(&self.servers, &self.names, id).await
    }

    async fn records(&self, ids: &[EntryId]) -> Vec<Result<Option<Vec<u8>>, StoreError>> {
        look_up::read_records(&self.servers, &self.names, ids).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        walk::states(&self.servers, &self.names, after, limit).await
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        let get = |shard| {
            let mut command = cmd("GET");
            command.arg(self.names.shard_key(shard, "entries"));
            command
        };
        let counts = self.servers.read_all(get).await.map_err(CallError::into_read_error)?;
        let count =
            |value: Value| from_redis_value::<Option<u64>>(value).map_err(|_| reply::unexpected_reply("a count"));
        counts.into_iter().map(|value| Ok(count(value)?.unwrap_or(0))).sum()
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        entries::entries_after(&self.servers, &self.names, after, limit).await
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        entries::entry_at(&self.servers, &self.names, position).await
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        walk::hospital_settlements(&self.servers, &self.names, hospital_id, (from, before), limit).await
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        walk::append_settlements(&self.servers, &self.names, (hospital_id, day), settlements).await
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        administration::state(&self.servers, &self.names).await
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        let (servers, names) = (Arc::clone(&self.servers), self.names.clone());
        let lease = self.coordination.import_lease().held();
        let written = tokio::spawn(async move { administration::commit(&servers, &names, commit, lease).await });
        written.await.unwrap_or_else(|ended| Err(StoreError::Unknown(ended.to_string())))
    }

    async fn restore_closed_months(&self, state: &AdministrationState) -> Result<(), StoreError> {
        closing::restore(&self.servers, &self.names, state).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.coordination.check_book()?;
        let (servers, names) = (Arc::clone(&self.servers), self.names.clone());
        let written = tokio::spawn(async move { commit::commit(&servers, &names, commit).await }.in_current_span());
        written.await.unwrap_or_else(|ended| Err(StoreError::Unknown(ended.to_string())))
    }
}

impl ReferenceStore for RedisStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        tables::persons(&self.servers, &self.names, ids).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.person_scan.next_page(&self.servers, &self.names, after, limit).await
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(self.names.secret().clone(), Some(std::env::temp_dir()))
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        tables::read_hospitals_and_catalogue(&self.servers, &self.names).await
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        let lease = self.coordination.import_lease();
        lease.renew().await?;
        tables::write(&self.servers, &self.names, (import, part), write, lease.held().as_ref()).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        let lease = self.coordination.import_lease().held();
        tables::log_import(&self.servers, &self.names, number, note, lease.as_ref()).await
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
        tables::policy_digests(&self.servers, &self.names).await
    }
}

impl ArchivableStore for RedisStore {
    async fn require_archive(&self, years: ArchivedYears) -> Result<(), StoreError> {
        archive::require_archive(&self.servers, &self.names, years).await
    }

    async fn archive_entries(
        &self,
        person_id: &PersonId,
        entries: &[(EntryId, Vec<u8>)],
    ) -> Result<Vec<ArchiveOutcome>, StoreError> {
        archive::archive_entries(&self.servers, &self.names, person_id, entries).await
    }
}
