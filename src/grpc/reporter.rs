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
use super::waiting_rows::WaitingRows;

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
    /// Rows of answers whose callers have not taken them; together as many as one report may have.
    pub(super) rows: WaitingRows,
    running: Semaphore,
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
        let (rows, running) = (WaitingRows::new(tally::LIMIT), Semaphore::new(1));
        StoreReporter { engine, disclosures, cache, rows, running, shutdown }
    }

    /// Does this work on a thread of its own, after all that was asked for before.
    ///
    /// # Errors
    /// Those of the work; or if the deadline passes or the server stops first.
    pub(super) async fn alone<T, F>(
        self: &Arc<Self>,
        deadline: Duration,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>>,
    {
        within_deadline(deadline, self.in_turn(work)).await
    }

    async fn in_turn<T, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F + Send + 'static) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>>,
    {
        let _turn = self.running.acquire().await;
        let (handle, reporter) = (Handle::current(), Arc::clone(self));
        let mut shutdown = self.shutdown.clone();
        // Dropped with this future, when nobody waits any more.
        let (_waiting, left) = oneshot::channel::<()>();
        let made = tokio::task::spawn_blocking(move || {
            handle.block_on(async {
                tokio::select! {
                    biased;
                    _ = shutdown.wait_for(|stop| *stop) => Err(CallError::Stopping),
                    _ = left => Err(CallError::ReadTimedOut),
                    made = work(reporter) => made,
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
