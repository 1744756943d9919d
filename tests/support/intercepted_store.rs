//! A store in memory with a test's code around its reads and writes.

use onestop::domain::day::Day;
use onestop::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use onestop::domain::journal::Entry;
use onestop::reference::person::PersonRecord;
use onestop::store::administration::{AdministrationCommit, AdministrationState};
use onestop::store::coordination::{Readiness, SingleInstance};
use onestop::store::entry_page::EntryPage;
use onestop::store::external_sort::ExternalSort;
use onestop::store::imports::{Import, ImportEvent};
use onestop::store::keys::{DerivedKey, StoreKey};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::{CommitPosition, ListPosition};
use onestop::store::{
    Commit, JournalStore, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite,
    Scope, Store, StoreError,
};
use tokio::sync::watch;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// A commit.
    Commit,
    /// Anything else.
    Other,
}

/// A test's code around the reads and writes of a store.
pub trait Intercept: Send + Sync + 'static {
    /// Runs before a read, which fails if this fails.
    fn before_read(&self) -> Result<(), StoreError>;

    /// Runs in place of a write; `work` does the write.
    fn write(
        &self,
        kind: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A store in memory that runs every read and write through an interceptor.
pub struct InterceptedStore<I> {
    pub intercept: I,
    /// The readiness that the store publishes.
    pub readiness: watch::Sender<Readiness>,
    coordination: SingleInstance,
    inner: MemoryStore,
}

impl<I: Intercept + Default> Default for InterceptedStore<I> {
    fn default() -> Self {
        InterceptedStore::new(I::default())
    }
}

impl<I: Intercept> InterceptedStore<I> {
    /// An empty store with this interceptor.
    pub fn new(intercept: I) -> InterceptedStore<I> {
        let readiness = watch::Sender::new(Readiness::Ready);
        let coordination = SingleInstance::new(readiness.clone());
        InterceptedStore { intercept, readiness, coordination, inner: MemoryStore::default() }
    }

    /// A digest over everything that is kept.
    pub fn fingerprint(&self) -> Digest {
        self.inner.fingerprint()
    }

    /// A digest over settlements alone.
    pub fn settled_fingerprint(&self) -> Digest {
        self.inner.settled_fingerprint()
    }

    /// Every record of the journal, in the order of ids.
    pub fn journal(&self) -> Vec<Vec<u8>> {
        self.inner.journal()
    }

    fn read(&self) -> Result<&MemoryStore, StoreError> {
        self.intercept.before_read().map(|()| &self.inner)
    }

    async fn write(&self, work: impl Future<Output = Result<(), StoreError>> + Send) -> Result<(), StoreError> {
        self.intercept.write(Write::Other, work).await
    }
}

impl<I: Intercept> Store for InterceptedStore<I> {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }
}

impl<I: Intercept> JournalStore for InterceptedStore<I> {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.inner.person_key(person_id)
    }

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        self.inner.derived_key(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        self.read()?.look_up(scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.read()?.entry(id).await
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?.record(id).await
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.read()?.entry_count().await
    }

    async fn entries_after(&self, after: CommitPosition, limit: usize) -> Result<EntryPage, StoreError> {
        self.read()?.entries_after(after, limit).await
    }

    async fn entry_at(&self, position: CommitPosition) -> Result<Option<EntryId>, StoreError> {
        self.read()?.entry_at(position).await
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.read()?.states(after, limit).await
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        self.read()?.hospital_settlements(hospital_id, from, before, limit).await
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        self.write(self.inner.append_settlements(hospital_id, day, settlements)).await
    }

    async fn administration(&self) -> Result<AdministrationState, StoreError> {
        self.read()?.administration().await
    }

    async fn commit_administration(&self, commit: AdministrationCommit) -> Result<(), StoreError> {
        self.write(self.inner.commit_administration(commit)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.intercept.write(Write::Commit, self.inner.commit(commit)).await
    }
}

impl<I: Intercept> ReferenceStore for InterceptedStore<I> {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.read()?.persons(ids).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.read()?.person_records(after, limit).await
    }

    fn external_sort(&self) -> ExternalSort {
        self.inner.external_sort()
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        self.read()?.read_hospitals_and_catalogue().await
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.write(self.inner.write_reference(import, part, write)).await
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), StoreError> {
        self.write(self.inner.log_import(number, event)).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        self.read()?.imports(before, limit).await
    }
}

impl<I: Intercept> PolicyStore for InterceptedStore<I> {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.write(self.inner.put_policy(digest, canonical)).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.read()?.policy(digest).await
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        self.read()?.policy_digests().await
    }
}
