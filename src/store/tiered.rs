//! A live store with the archive of its closed years.
//!
//! An entry that the live store reports as archived is read from the archive; everything else is read from and written
//! to the live store. Nothing is written to the archive. A record from the archive is checked like any other: by its
//! checksum, and by the digest in the chain wherever the chain is walked.

use std::sync::Arc;

use super::administration::{AdministrationCommit, AdministrationState};
use super::entry_page::EntryPage;
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::keys::{DerivedKey, StoreKey};
use super::observer::{CheckpointLag, StoreObserver};
use super::rows::{CommitPosition, ListPosition};
use super::{
    Commit, JournalStore, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite,
    RowsOfPerson, Scope, Store, StoreError,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::person::PersonRecord;

/// A live store, with the archive of its closed years if it has one.
pub struct TieredStore<L, A> {
    live: L,
    archived_entries: Option<Arc<A>>,
}

impl<L: Store, A: JournalStore> TieredStore<L, A> {
    /// A live store with this archive.
    pub fn new(live: L, archived_entries: Option<Arc<A>>) -> TieredStore<L, A> {
        TieredStore { live, archived_entries }
    }

    /// The live store.
    pub fn live(&self) -> &L {
        &self.live
    }
}

/// What was read of an entry from the archive, which must contain it.
///
/// # Errors
/// `ArchiveRequired` if it does not: it is not the archive of this store.
fn require_in_archive<T>(id: EntryId, found: Option<T>) -> Result<Option<T>, StoreError> {
    found.map(Some).ok_or(StoreError::ArchiveRequired(id))
}

impl<L: Store, A: JournalStore> Store for TieredStore<L, A> {
    type Coordination = L::Coordination;

    fn coordination(&self) -> &L::Coordination {
        self.live.coordination()
    }

    fn set_observer(&self, observer: Arc<dyn StoreObserver>) {
        self.live.set_observer(observer);
    }

    fn set_disk_reserve(&self, bytes: u64) {
        self.live.set_disk_reserve(bytes);
    }

    fn checkpoint_lag(&self) -> Option<CheckpointLag> {
        self.live.checkpoint_lag()
    }
}

impl<L: Store, A: JournalStore> JournalStore for TieredStore<L, A> {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.live.person_key(person_id)
    }

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        self.live.derived_key(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        self.live.look_up(scope).await
    }

    async fn rows_of_persons(&self, persons: &[Vec<Scope<'_>>]) -> Vec<Result<RowsOfPerson, StoreError>> {
        self.live.rows_of_persons(persons).await
    }

    async fn records(&self, ids: &[EntryId]) -> Vec<Result<Option<Vec<u8>>, StoreError>> {
        let mut records = self.live.records(ids).await;
        for (id, record) in ids.iter().zip(&mut records) {
            if let (Err(StoreError::ArchiveRequired(_)), Some(archive)) = (&record, &self.archived_entries) {
                *record = archive.record(*id).await.and_then(|found| require_in_archive(*id, found));
            }
        }
        records
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        match (self.live.entry(id).await, &self.archived_entries) {
            (Err(StoreError::ArchiveRequired(_)), Some(archive)) => require_in_archive(id, archive.entry(id).await?),
            (found, _) => found,
        }
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        match (self.live.record(id).await, &self.archived_entries) {
            (Err(StoreError::ArchiveRequired(_)), Some(archive)) => require_in_archive(id, archive.record(id).await?),
            (found, _) => found,
        }
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        let mut page = self.live.entries_after(after, limit).await?;
        for entry in &mut page.entries {
            if let (Err(StoreError::ArchiveRequired(id)), Some(archive)) = (&entry.record, &self.archived_entries) {
                let found = archive.record(*id).await?;
                entry.record = found.ok_or(StoreError::ArchiveRequired(*id));
            }
        }
        Ok(page)
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        self.live.entry_at(position).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.live.states(after, limit).await
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.live.entry_count().await
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        self.live.hospital_settlements(hospital_id, from, before, limit).await
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        self.live.append_settlements(hospital_id, day, settlements).await
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        self.live.administration().await
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        self.live.commit_administration(commit).await
    }

    async fn restore_closed_months(&self, state: &AdministrationState) -> Result<(), StoreError> {
        self.live.restore_closed_months(state).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.live.commit(commit).await
    }
}

impl<L: Store, A: JournalStore> ReferenceStore for TieredStore<L, A> {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.live.persons(ids).await
    }

    async fn persons_in_order(
        &self,
        persons: &[(StoreKey, PersonId)],
    ) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.live.persons_in_order(persons).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.live.person_records(after, limit).await
    }

    fn external_sort(&self) -> ExternalSort {
        self.live.external_sort()
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        self.live.read_hospitals_and_catalogue().await
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.live.write_reference(import, part, write).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        self.live.log_import(number, note).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        self.live.imports(before, limit).await
    }
}

impl<L: Store, A: JournalStore> PolicyStore for TieredStore<L, A> {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.live.put_policy(digest, canonical).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.live.policy(digest).await
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        self.live.policy_digests().await
    }
}
