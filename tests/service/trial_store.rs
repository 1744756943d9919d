//! A store in memory that a test makes fail or wait at a chosen write.

use std::sync::{Arc, Mutex, PoisonError};

use onestop::store::StoreError;
use tokio::sync::{Semaphore, mpsc};

use crate::support::intercepted_store::{Intercept, InterceptedStore, Write};

/// How a store behaves.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Reads and writes succeed.
    Works,
    /// Every read fails like this.
    FailsReads(StoreError),
    /// Every write fails like this, and writes nothing.
    FailsWrites(StoreError),
    /// Every write is done, and then fails like this.
    WritesAndFails(StoreError),
    /// This many writes succeed; every later one fails, and writes nothing.
    FailsAfter(usize),
    /// Every write panics.
    Panics,
    /// Every write waits until the test releases it.
    Holds,
}

/// An event of a held write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The write started.
    Started,
    /// The write completed.
    Done,
    /// The write was dropped before it completed.
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

    /// Releases one held write.
    pub fn release(&self) {
        self.gate.add_permits(1);
    }

    /// The next event of held writes.
    pub async fn event(&self) -> Event {
        self.events.lock().await.recv().await.expect("the store is there")
    }
}

/// The store.
pub type TrialStore = InterceptedStore<Faults>;

/// Makes reads and writes behave as the mode says.
pub struct Faults {
    mode: Arc<Mutex<Mode>>,
    gate: Arc<Semaphore>,
    events: mpsc::UnboundedSender<Event>,
}

/// Sends the outcome of a held write, even if its future is dropped.
struct Held(mpsc::UnboundedSender<Event>, Event);

impl Drop for Held {
    fn drop(&mut self) {
        // A test that ended has closed the channel.
        let _closed = self.0.send(self.1);
    }
}

impl InterceptedStore<Faults> {
    /// A store that works, and its control.
    pub fn with_control() -> (TrialStore, Control) {
        let (mode, gate) = (Arc::new(Mutex::new(Mode::Works)), Arc::new(Semaphore::new(0)));
        let (events, received) = mpsc::unbounded_channel();
        let control =
            Control { mode: Arc::clone(&mode), gate: Arc::clone(&gate), events: tokio::sync::Mutex::new(received) };
        (InterceptedStore::new(Faults { mode, gate, events }), control)
    }
}

impl Faults {
    fn mode(&self) -> Mode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn held(&self, work: impl Future<Output = Result<(), StoreError>> + Send) -> Result<(), StoreError> {
        let mut held = Held(self.events.clone(), Event::Abandoned);
        self.events.send(Event::Started).expect("the test listens");
        self.gate.acquire().await.expect("a gate").forget();
        let written = work.await;
        held.1 = Event::Done;
        written
    }
}

impl Intercept for Faults {
    fn before_read(&self) -> Result<(), StoreError> {
        match self.mode() {
            Mode::FailsReads(error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn write(
        &self,
        _kind: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        match self.mode() {
            Mode::Works | Mode::FailsReads(_) => work.await,
            Mode::FailsWrites(error) => Err(error),
            Mode::WritesAndFails(error) => work.await.and(Err(error)),
            Mode::FailsAfter(0) => Err(StoreError::Unavailable("broken".to_owned())),
            Mode::FailsAfter(writes) => {
                *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = Mode::FailsAfter(writes - 1);
                work.await
            }
            Mode::Panics => panic!("the store panics, as this test asked"),
            Mode::Holds => self.held(work).await,
        }
    }
}
