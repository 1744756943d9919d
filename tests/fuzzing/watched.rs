//! A store in memory that counts what is written to it, so that "a refusal writes nothing" can be asked after every
//! call; and that may let commits go, so that one store serves any number of inputs that know nothing of each other.

use std::sync::atomic::{AtomicU64, Ordering};

use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use onestop::domain::journal::Entry;
use onestop::reference::person::PersonRecord;
use onestop::store::external_sort::ExternalSort;
use onestop::store::imports::{Import, ImportEvent};
use onestop::store::keys::StoreKey;
use onestop::store::memory::MemoryStore;
use onestop::store::rows::ListPosition;
use onestop::store::{
    Commit, KeyedPerson, KeyedState, LookUp, ReferenceRead, ReferenceWrite, Scope, Store, StoreError,
};

/// The store.
#[derive(Default)]
pub struct Watched {
    inner: MemoryStore,
    writes: AtomicU64,
    forgets: bool,
}

impl Watched {
    /// A store that counts commits and keeps none.
    pub fn forgetful() -> Watched {
        Watched { forgets: true, ..Watched::default() }
    }

    /// How often anything was written.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// A digest over everything that is kept.
    pub fn fingerprint(&self) -> Digest {
        self.inner.fingerprint()
    }

    fn note_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store for Watched {
    fn key_of(&self, person_id: &PersonId) -> StoreKey {
        self.inner.key_of(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        self.inner.look_up(scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.inner.entry(id).await
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.record(id).await
    }

    async fn states(&self, behind: Option<StoreKey>, most: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.inner.states(behind, most).await
    }

    async fn entries(&self) -> Result<u64, StoreError> {
        self.inner.entries().await
    }

    async fn listed(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        most: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        self.inner.listed(hospital_id, from, until, most).await
    }

    async fn list(&self, hospital_id: &HospitalId, day: Day, settlements: Vec<EntryId>) -> Result<(), StoreError> {
        self.note_write();
        self.inner.list(hospital_id, day, settlements).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.note_write();
        if self.forgets { Ok(()) } else { self.inner.commit(commit).await }
    }

    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.inner.persons(ids).await
    }

    async fn person_records(&self, behind: Option<StoreKey>, most: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.inner.person_records(behind, most).await
    }

    fn spool(&self) -> ExternalSort {
        self.inner.spool()
    }

    async fn reference(&self) -> Result<ReferenceRead, StoreError> {
        self.inner.reference().await
    }

    async fn put_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.note_write();
        self.inner.put_reference(import, part, write).await
    }

    async fn note_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        self.note_write();
        self.inner.note_import(number, note).await
    }

    async fn imports(&self, before: u64, most: usize) -> Result<Vec<Import>, StoreError> {
        self.inner.imports(before, most).await
    }

    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.note_write();
        self.inner.put_policy(digest, canonical).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.inner.policy(digest).await
    }

    async fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.inner.policies().await
    }
}
