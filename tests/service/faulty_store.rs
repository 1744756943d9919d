//! A store in memory that a test makes fail or wait at a chosen write.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use onestop::store::StoreError;
use onestop::store::coordination::Readiness;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::support::intercepted_store::{Intercept, InterceptedStore, Write};

/// How a [`FaultyStore`] behaves.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreMode {
    /// Reads and writes succeed.
    Healthy,
    /// Every read fails with this error.
    FailReads(StoreError),
    /// Every write fails with this error and writes nothing.
    FailWrites(StoreError),
    /// Every write is done and then reports this error.
    WriteThenFail(StoreError),
    /// This many writes succeed; every later one fails, and writes nothing.
    FailAfter(usize),
    /// Every read panics.
    PanicOnRead,
    /// Every write panics.
    PanicOnWrite,
    /// Every write waits until the test releases it.
    HoldWrites,
}

/// An event of a held write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteEvent {
    /// The write started.
    Started,
    /// The write completed.
    Done,
    /// The write was dropped before it completed.
    Abandoned,
}

/// Controls a [`FaultyStore`] from the test.
pub struct FaultControl {
    /// The readiness that the store publishes.
    pub readiness: watch::Sender<Readiness>,
    mode: Arc<Mutex<StoreMode>>,
    reads: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<WriteEvent>>,
}

impl FaultControl {
    /// Changes how the store behaves from now on.
    pub fn set_mode(&self, mode: StoreMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// How many reads there were.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    /// Releases one held write.
    pub fn release_write(&self) {
        self.gate.add_permits(1);
    }

    /// Waits for the next event of a held write.
    pub async fn next_write_event(&self) -> WriteEvent {
        self.events.lock().await.recv().await.expect("the store exists")
    }
}

/// A store in memory with injected faults.
pub type FaultyStore = InterceptedStore<Faults>;

/// Makes reads and writes behave as the mode says.
pub struct Faults {
    mode: Arc<Mutex<StoreMode>>,
    reads: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    events: mpsc::UnboundedSender<WriteEvent>,
}

/// Sends the outcome of a held write, even if its future is dropped.
struct HeldWrite(mpsc::UnboundedSender<WriteEvent>, WriteEvent);

impl Drop for HeldWrite {
    fn drop(&mut self) {
        // A test that ended has closed the channel.
        let _closed = self.0.send(self.1);
    }
}

impl InterceptedStore<Faults> {
    /// A store that works, and its control.
    pub fn with_control() -> (FaultyStore, FaultControl) {
        let (mode, gate) = (Arc::new(Mutex::new(StoreMode::Healthy)), Arc::new(Semaphore::new(0)));
        let (events, received) = mpsc::unbounded_channel();
        let reads = Arc::<AtomicUsize>::default();
        let faults = Faults { mode: Arc::clone(&mode), reads: Arc::clone(&reads), gate: Arc::clone(&gate), events };
        let store = InterceptedStore::new(faults);
        let events = tokio::sync::Mutex::new(received);
        let control = FaultControl { readiness: store.readiness.clone(), mode, reads, gate, events };
        (store, control)
    }
}

impl Faults {
    fn mode(&self) -> StoreMode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn hold(&self, work: impl Future<Output = Result<(), StoreError>> + Send) -> Result<(), StoreError> {
        let mut held = HeldWrite(self.events.clone(), WriteEvent::Abandoned);
        self.events.send(WriteEvent::Started).expect("the test listens");
        self.gate.acquire().await.expect("a gate").forget();
        let written = work.await;
        held.1 = WriteEvent::Done;
        written
    }
}

impl Intercept for Faults {
    fn before_read(&self) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        match self.mode() {
            StoreMode::FailReads(error) => Err(error),
            StoreMode::PanicOnRead => panic!("the store panics, as this test requested"),
            _ => Ok(()),
        }
    }

    async fn write(
        &self,
        _kind: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        match self.mode() {
            StoreMode::Healthy | StoreMode::FailReads(_) | StoreMode::PanicOnRead => work.await,
            StoreMode::FailWrites(error) => Err(error),
            StoreMode::WriteThenFail(error) => work.await.and(Err(error)),
            StoreMode::FailAfter(0) => Err(StoreError::Unavailable("broken".to_owned())),
            StoreMode::FailAfter(writes) => {
                *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = StoreMode::FailAfter(writes - 1);
                work.await
            }
            StoreMode::PanicOnWrite => panic!("the store panics, as this test requested"),
            StoreMode::HoldWrites => self.hold(work).await,
        }
    }
}
