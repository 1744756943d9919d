//! A store over [`MemoryStore`] that a test can make fail, or wait, at the one moment that matters.

use std::sync::{Arc, Mutex, PoisonError};

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
use tokio::sync::{Semaphore, mpsc};

/// How a store behaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// As it should.
    Works,
    /// Every read fails like this.
    FailsReads(StoreError),
    /// Every write fails like this, and writes nothing.
    FailsWrites(StoreError),
    /// Every write is done, and then fails like this.
    WritesAndFails(StoreError),
    /// So many writes are done; every one behind them fails, and writes nothing.
    Breaks(usize),
    /// Every write panics.
    Panics,
    /// Every write waits until it is let go.
    Holds,
}

/// What became of a write that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was asked for.
    ImportStart,
    /// It was done.
    Done,
    /// Whoever asked for it went away before it was done.
    Abandoned,
}

/// The test's end of a store.
pub struct Control {
    mode: Arc<Mutex<Mode>>,
    gate: Arc<Semaphore>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
}

impl Control {
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Lets one held write go.
    pub fn let_go(&self) {
        self.gate.add_permits(1);
    }

    /// The next event of held writes.
    pub async fn event(&self) -> Event {
        self.events.lock().await.recv().await.expect("the store is there")
    }
}

/// The store.
pub struct TrialStore {
    inner: MemoryStore,
    mode: Arc<Mutex<Mode>>,
    gate: Arc<Semaphore>,
    events: mpsc::UnboundedSender<Event>,
}

/// Tells what becomes of a held write, also if it is dropped.
struct Held(mpsc::UnboundedSender<Event>, Event);

impl Drop for Held {
    fn drop(&mut self) {
        // A test that is over listens no longer.
        let _nobody_listens = self.0.send(self.1);
    }
}

impl TrialStore {
    pub fn new() -> (TrialStore, Control) {
        let (mode, gate) = (Arc::new(Mutex::new(Mode::Works)), Arc::new(Semaphore::new(0)));
        let (events, received) = mpsc::unbounded_channel();
        let control =
            Control { mode: Arc::clone(&mode), gate: Arc::clone(&gate), events: tokio::sync::Mutex::new(received) };
        (TrialStore { inner: MemoryStore::default(), mode, gate, events }, control)
    }

    pub fn fingerprint(&self) -> Digest {
        self.inner.fingerprint()
    }

    /// A digest over what was settled alone.
    pub fn settled_fingerprint(&self) -> Digest {
        self.inner.settled_fingerprint()
    }

    pub fn journal(&self) -> Vec<Vec<u8>> {
        self.inner.journal()
    }

    fn mode(&self) -> Mode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn read(&self) -> Result<(), StoreError> {
        match self.mode() {
            Mode::FailsReads(error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn write(&self, work: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
        match self.mode() {
            Mode::Works | Mode::FailsReads(_) => work.await,
            Mode::FailsWrites(error) => Err(error),
            Mode::WritesAndFails(error) => work.await.and(Err(error)),
            Mode::Breaks(0) => Err(StoreError::Unavailable("broken".to_owned())),
            Mode::Breaks(writes) => {
                *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = Mode::Breaks(writes - 1);
                work.await
            }
            Mode::Panics => panic!("the store panics, as this test asked"),
            Mode::Holds => self.held(work).await,
        }
    }

    async fn held(&self, work: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
        let mut held = Held(self.events.clone(), Event::Abandoned);
        self.events.send(Event::ImportStart).expect("the test listens");
        self.gate.acquire().await.expect("a gate").forget();
        let written = work.await;
        held.1 = Event::Done;
        written
    }
}

impl Store for TrialStore {
    fn key_of(&self, person_id: &PersonId) -> StoreKey {
        self.inner.key_of(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        self.read()?;
        self.inner.look_up(scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.read()?;
        self.inner.entry(id).await
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?;
        self.inner.record(id).await
    }

    async fn states(&self, behind: Option<StoreKey>, most: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.read()?;
        self.inner.states(behind, most).await
    }

    async fn entries(&self) -> Result<u64, StoreError> {
        self.read()?;
        self.inner.entries().await
    }

    async fn listed(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        most: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        self.read()?;
        self.inner.listed(hospital_id, from, until, most).await
    }

    async fn list(&self, hospital_id: &HospitalId, day: Day, settlements: Vec<EntryId>) -> Result<(), StoreError> {
        self.write(self.inner.list(hospital_id, day, settlements)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(self.inner.commit(commit)).await
    }

    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.read()?;
        self.inner.persons(ids).await
    }

    async fn person_records(&self, behind: Option<StoreKey>, most: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.read()?;
        self.inner.person_records(behind, most).await
    }

    async fn reference(&self) -> Result<ReferenceRead, StoreError> {
        self.read()?;
        self.inner.reference().await
    }

    fn spool(&self) -> ExternalSort {
        self.inner.spool()
    }

    async fn put_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.write(self.inner.put_reference(import, part, write)).await
    }

    async fn note_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        self.write(self.inner.note_import(number, note)).await
    }

    async fn imports(&self, before: u64, most: usize) -> Result<Vec<Import>, StoreError> {
        self.read()?;
        self.inner.imports(before, most).await
    }

    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.write(self.inner.put_policy(digest, canonical)).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.read()?;
        self.inner.policy(digest).await
    }

    async fn policies(&self) -> Result<Vec<Digest>, StoreError> {
        self.read()?;
        self.inner.policies().await
    }
}
