//! What is derived from the whole store for a caller: reports, statistics, the impact of a book.
//!
//! It is made on a thread of its own, so that claims do not wait for it, and one after the other. It ends when the server stops,
//! the deadline of the call passes, or the caller goes away.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};
use tonic::Request;

use crate::domain::fault::FaultReason;
use crate::engine::{Engine, EngineError};
use crate::reports::error::ReportError;
use crate::reports::tally;
use crate::store::Store;

use super::deadline::{time_limit, within_deadline};
use super::disclosures::Disclosures;
use super::error::CallError;
use super::waiting_rows::{ReservedRows, WaitingRows};

/// The most that a report may take, whatever deadline its caller has.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The time that a report may take: that of the `grpc-timeout` header, if there is one.
pub(super) fn report_deadline<T>(request: &Request<T>) -> Duration {
    time_limit(&request.metadata().clone().into_headers(), LONGEST)
}

/// What makes the reports of a server.
pub struct StoreReporter<S> {
    pub(super) engine: Arc<Engine<S>>,
    pub(super) disclosures: Arc<Disclosures>,
    pub(super) cache: Option<PathBuf>,
    /// Rows of answers whose callers have not taken them; with room for as many as one report may have.
    rows: Arc<WaitingRows>,
    /// The turn of the one whose work is done; until it ends, though nobody waits for it any more.
    running: Arc<Semaphore>,
    shutdown: watch::Receiver<bool>,
}

impl<S: Store> StoreReporter<S> {
    /// Reports of this engine's store; what is read for them is kept in the directory, if one is given. They end when `shutdown`
    /// becomes true.
    pub fn new(
        engine: Arc<Engine<S>>,
        disclosures: Arc<Disclosures>,
        cache: Option<PathBuf>,
        shutdown: watch::Receiver<bool>,
    ) -> StoreReporter<S> {
        let (rows, running) = (WaitingRows::new(tally::LIMIT), Arc::new(Semaphore::new(1)));
        StoreReporter { engine, disclosures, cache, rows, running, shutdown }
    }

    /// Does this work of a caller on a thread of its own, after all that was asked for before, once there is room for its rows.
    ///
    /// # Errors
    /// Those of the work; if rows wait for their callers; or if the deadline passes or the server stops first.
    pub(super) async fn alone<T, F>(
        self: &Arc<Self>,
        deadline: Duration,
        caller: &Arc<str>,
        work: impl FnOnce(Arc<Self>, ReservedRows) -> F + Send + 'static,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>>,
    {
        within_deadline(deadline, self.in_turn(caller, work)).await
    }

    async fn in_turn<T, F>(
        self: &Arc<Self>,
        caller: &Arc<str>,
        work: impl FnOnce(Arc<Self>, ReservedRows) -> F + Send + 'static,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>>,
    {
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let reserved = self.rows.reserve(caller)?;
        let (handle, reporter) = (Handle::current(), Arc::clone(self));
        let mut shutdown = self.shutdown.clone();
        // Dropped with this future, when nobody waits any more.
        let (_waiting, left) = oneshot::channel::<()>();
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            handle.block_on(async {
                tokio::select! {
                    biased;
                    _ = shutdown.wait_for(|stop| *stop) => Err(CallError::Stopping),
                    _ = left => Err(CallError::ReadTimedOut),
                    made = work(reporter, reserved) => made,
                }
            })
        });
        made.await.map_err(|ended| CallError::Internal(format!("a report ended: {ended}")))?
    }
}

/// The error of a call whose report cannot be made.
pub(super) fn call_error(error: ReportError) -> CallError {
    match error {
        ReportError::TooLarge(_) => CallError::invalid_field("by", FaultReason::TooMany, error.to_string()),
        ReportError::EndsWithinRevision => {
            let message = "ends between what a revision replaces and what it decides, where no report ends";
            CallError::invalid_field("line_count", FaultReason::Unreadable, message)
        }
        ReportError::Store(error) => EngineError::from_read_error(error).into(),
        error => CallError::Internal(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::access::log::AccessLog;
    use crate::engine::EngineSettings;
    use crate::policy::shipped;
    use crate::store::memory::MemoryStore;

    async fn reporter() -> (watch::Sender<bool>, Arc<StoreReporter<MemoryStore>>) {
        let book = shipped::book().expect("the shipped book");
        let engine = Engine::open(MemoryStore::default(), book, EngineSettings::default()).await.expect("an engine");
        let disclosures = Arc::new(Disclosures::new(AccessLog::Disabled));
        let (running, shutdown) = watch::channel(false);
        (running, Arc::new(StoreReporter::new(Arc::new(engine), disclosures, None, shutdown)))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_made_for_a_caller_that_has_not_taken_its_rows() {
        let (_running, reporter) = reporter().await;
        let made = async |caller: &Arc<str>| {
            let made = Arc::new(AtomicBool::new(false));
            let making = Arc::clone(&made);
            let work = move |_: Arc<StoreReporter<MemoryStore>>, reserved: ReservedRows| async move {
                making.store(true, Ordering::Relaxed);
                Ok(reserved.hold(tally::LIMIT / 2))
            };
            let answer = reporter.alone(Duration::from_secs(60), caller, work).await;
            (answer, made.load(Ordering::Relaxed))
        };
        let [one, other]: [Arc<str>; 2] = ["one", "other"].map(Arc::from);
        let (waiting, is_made) = made(&one).await;
        assert!(waiting.is_ok() && is_made);
        let (refused, is_made) = made(&one).await;
        assert!(matches!(refused, Err(CallError::Access(_))) && !is_made);
        let (answer, is_made) = made(&other).await;
        assert!(answer.is_ok() && is_made);
        drop((waiting, answer));
        assert!(made(&one).await.0.is_ok());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_report_that_nobody_waits_for_keeps_its_turn_until_it_ends() {
        let (_running, reporter) = reporter().await;
        let caller: Arc<str> = "one".into();
        let (begin, begun) = oneshot::channel::<()>();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        // It sees at no moment that its caller is gone.
        let busy = move |_: Arc<StoreReporter<MemoryStore>>, _: ReservedRows| async move {
            drop(begin);
            Ok(ends.recv().is_ok())
        };
        let mut left = Box::pin(reporter.alone(Duration::from_secs(60), &caller, busy));
        tokio::select! {
            _ = &mut left => panic!("it is busy"),
            _ = begun => drop(left),
        }
        assert_eq!(reporter.running.available_permits(), 0);
        drop(end);
        let next = reporter.alone(Duration::from_secs(60), &caller, |_, _| async { Ok(()) });
        assert!(next.await.is_ok());
    }
}
