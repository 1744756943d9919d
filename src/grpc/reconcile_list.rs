//! ReconcileList: receives a list, then compares it and answers the differences.
//!
//! While rows are awaited no thread is held. The comparison has a thread of its own, because it reads files; it reads on
//! only as the caller takes the responses. Lists are limited in number, per caller and in total, and in time.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::Instrument;

use crate::access::AccessError;
use crate::access::keyed_limit::{KeyedLimit, KeyedPermit};
use crate::domain::fault::FaultReason;
use crate::domain::journal::Instant as At;
use crate::engine::Engine;
use crate::engine::reconcile::{Batch, Comparison, ComparisonPosition, ReceivedList, ReconciledSpan};
use crate::pb::settlement as pb;
use crate::store::Store;

use super::authorize::{Authorizer, Permitted};
use super::disclosures::Disclosures;
use super::error::CallError;
use super::import_stream::{ImportLimits, RETRY_DELAY, on_blocking_thread};
use super::reconcile_rows::{RowReader, span};
use super::reconciliation_messages::{claim_difference, cursor, position, totals_message};
use super::to_proto::timestamp;

/// The most rows of a list.
const MAX_ROWS: u64 = 5_000_000;

/// The most rows of a message: an empty one takes two bytes there, and fifty times that in memory.
const MAX_MESSAGE_ROWS: usize = 10_000;

/// The most differences of a response.
const MAX_DIFFERENCES: usize = 200;

/// The responses that wait for the caller.
const PENDING: usize = 4;

/// How often progress is answered while settlements are read.
const PROGRESS_STEP: u64 = 10_000;

/// The lists of a server that are reconciled.
pub struct ListStreams {
    limits: ImportLimits,
    total: Arc<Semaphore>,
    callers: KeyedLimit<Arc<str>>,
    authorizer: Arc<Authorizer>,
    shutdown: watch::Receiver<bool>,
}

/// What reconciles a list of one caller.
pub(super) struct Reconciler<S> {
    pub(super) engine: Arc<Engine<S>>,
    pub(super) disclosures: Arc<Disclosures>,
    pub(super) permitted: Permitted,
}

/// The responses of a call.
type Responses = mpsc::Sender<Result<pb::ReconcileListResponse, Status>>;

impl ListStreams {
    /// No lists yet; all end once `shutdown` is true.
    pub fn new(limits: ImportLimits, authorizer: Arc<Authorizer>, shutdown: watch::Receiver<bool>) -> ListStreams {
        let (total, callers) = (Arc::new(Semaphore::new(limits.total)), KeyedLimit::new(limits.per_caller));
        ListStreams { limits, total, callers, authorizer, shutdown }
    }

    /// Begins to receive a list, and answers the responses as they come.
    ///
    /// # Errors
    /// If too many lists are reconciled.
    pub(super) fn reconcile<S: Store>(
        &self,
        reconciler: Reconciler<S>,
        messages: Streaming<pb::ReconcileListRequest>,
    ) -> Result<ReceiverStream<Result<pb::ReconcileListResponse, Status>>, CallError> {
        let own = self.callers.try_acquire(&reconciler.permitted.caller.name);
        let own = own.ok_or(AccessError::LimitExceeded { retry_after: RETRY_DELAY })?;
        let of_all = Arc::clone(&self.total).try_acquire_owned().map_err(|_full| CallError::Overloaded)?;
        let (responses, read) = mpsc::channel(PENDING);
        let call = ListCall {
            reconciler,
            limits: self.limits,
            deadline: Instant::now() + self.limits.duration,
            authorizer: Arc::clone(&self.authorizer),
            shutdown: self.shutdown.clone(),
            responses,
            _held: (own, of_all),
        };
        tokio::spawn(call.run(messages).in_current_span());
        Ok(ReceiverStream::new(read))
    }
}

/// A list that is being reconciled.
struct ListCall<S> {
    reconciler: Reconciler<S>,
    limits: ImportLimits,
    deadline: Instant,
    authorizer: Arc<Authorizer>,
    shutdown: watch::Receiver<bool>,
    responses: Responses,
    _held: (KeyedPermit<Arc<str>>, OwnedSemaphorePermit),
}

/// A list with what it is compared with, and where the responses begin.
struct Received {
    list: ReceivedList,
    reader: RowReader,
    span: ReconciledSpan,
    after: Option<ComparisonPosition>,
    is_complete: bool,
}

impl<S: Store> ListCall<S> {
    async fn run(self, messages: Streaming<pb::ReconcileListRequest>) {
        let responses = self.responses.clone();
        let (mut shutdown, deadline) = (self.shutdown.clone(), self.deadline);
        let end = tokio::select! {
            biased;
            () = responses.closed() => return,
            _ = shutdown.wait_for(|stop| *stop) => Err(CallError::Stopping.into()),
            () = tokio::time::sleep_until(deadline) => Err(CallError::RequestTimedOut.into()),
            ended = self.receive_and_compare(messages) => ended,
        };
        if let Err(status) = end {
            // Whoever is gone needs no end.
            let _gone = responses.send(Err(status)).await;
        }
    }

    async fn receive_and_compare(self, mut messages: Streaming<pb::ReconcileListRequest>) -> Result<(), Status> {
        let first = self.next_message(&mut messages).await?;
        let first = first.ok_or_else(|| CallError::missing_field("span"))?;
        let mut received = self.begin(first).await?;
        while let Some(message) = self.next_message(&mut messages).await? {
            received = on_blocking_thread(move || received.add(message)).await?;
        }
        if !received.is_complete {
            return Err(CallError::invalid_field("last", FaultReason::Missing, "is not set in the last message").into());
        }
        let runtime = Handle::current();
        Ok(on_blocking_thread(move || runtime.block_on(self.compare(received))).await?)
    }

    async fn next_message(
        &self,
        messages: &mut Streaming<pb::ReconcileListRequest>,
    ) -> Result<Option<pb::ReconcileListRequest>, Status> {
        let message = tokio::time::timeout(self.limits.idle, messages.message()).await;
        message.unwrap_or_else(|_elapsed| Err(CallError::RequestTimedOut.into()))
    }

    async fn begin(&self, mut first: pb::ReconcileListRequest) -> Result<Received, CallError> {
        let Reconciler { engine, permitted, .. } = &self.reconciler;
        let span = span(engine, &permitted.caller, first.span.take())?;
        let columns = first.columns.take().unwrap_or_default();
        let after = position(&std::mem::take(&mut first.cursor))?;
        let reader = RowReader::new(&span, columns, engine.settings().limits.clone());
        let list = engine.receive_list(span.clone());
        let received = Received { list, reader, span, after, is_complete: false };
        on_blocking_thread(move || received.add(first)).await
    }

    async fn compare(self, received: Received) -> Result<(), CallError> {
        let Received { list, reader, span, after, .. } = received;
        let rows = reader.rows();
        if self.responses.send(Ok(progress_response(span.cutoff, rows, 0, 0))).await.is_err() {
            return Ok(());
        }
        let (responses, cutoff) = (self.responses.clone(), span.cutoff);
        let progress = move |settlements_read: u64| {
            if settlements_read.is_multiple_of(PROGRESS_STEP) {
                // Progress that the caller does not read in time is not repeated.
                let _full = responses.try_send(Ok(progress_response(cutoff, rows, settlements_read, 0)));
            }
            if responses.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let comparison = self.reconciler.engine.compare_list(list, &progress).await?;
        let Some(mut comparison) = comparison else { return Ok(()) };
        while let Some(batch) = comparison.next_batch(&self.reconciler.engine, MAX_DIFFERENCES).await? {
            let response = self.batch_response(&span, rows, after, batch)?;
            if self.responses.send(Ok(response)).await.is_err() {
                return Ok(());
            }
        }
        let summary = Some(summary(&span, rows, &comparison));
        let _gone = self.responses.send(Ok(pb::ReconcileListResponse { summary, ..Default::default() })).await;
        Ok(())
    }

    /// The differences of a batch after the position of the request, once the access log has their persons. The caller may
    /// be another one by now.
    fn batch_response(
        &self,
        span: &ReconciledSpan,
        rows: u64,
        after: Option<ComparisonPosition>,
        batch: Batch,
    ) -> Result<pb::ReconcileListResponse, CallError> {
        let Reconciler { engine: _, disclosures, permitted } = &self.reconciler;
        let permitted = self.authorizer.reauthorize(permitted)?;
        permitted.caller.authorize_settlements_of(span.hospital_id.as_str())?;
        let is_new = |(position, _): &(ComparisonPosition, _)| after.is_none_or(|after| *position > after);
        let differences: Vec<_> = batch.differences.into_iter().filter(is_new).collect();
        let mut persons: Vec<_> =
            differences.iter().filter_map(|(_, difference)| Some(difference.here.as_ref()?.person)).collect();
        persons.sort_unstable();
        persons.dedup();
        disclosures.log_read_of_keys(&permitted, &persons)?;
        Ok(pb::ReconcileListResponse {
            cursor: differences.last().map(|(position, _)| cursor(*position)).unwrap_or_default(),
            differences: differences.iter().map(|(_, difference)| claim_difference(span, difference)).collect(),
            ..progress_response(span.cutoff, rows, 0, batch.rows_compared)
        })
    }
}

impl Received {
    /// Adds the rows of a message.
    fn add(mut self, message: pb::ReconcileListRequest) -> Result<Received, CallError> {
        let pb::ReconcileListRequest { span, columns, cursor, rows, last } = message;
        for (field, given) in [("span", span.is_some()), ("columns", columns.is_some()), ("cursor", !cursor.is_empty())]
        {
            if given {
                return Err(CallError::invalid_field(
                    field,
                    FaultReason::MustBeEmpty,
                    "is given after the first message",
                ));
            }
        }
        if self.is_complete {
            return Err(CallError::invalid_field("last", FaultReason::Unreadable, "is set before the last message"));
        }
        if rows.len() > MAX_MESSAGE_ROWS {
            let message = format!("holds {} rows; at most {MAX_MESSAGE_ROWS} are taken in a message", rows.len());
            return Err(CallError::invalid_field("rows", FaultReason::TooMany, message));
        }
        if self.reader.rows() + rows.len() as u64 > MAX_ROWS {
            let message = format!("are more than {MAX_ROWS}; compare fewer days at once");
            return Err(CallError::invalid_field("rows", FaultReason::TooMany, message));
        }
        for row in self.reader.read(rows)? {
            self.list.add(&row)?;
        }
        self.is_complete = last;
        Ok(self)
    }
}

fn progress_response(cutoff: At, rows: u64, settlements_read: u64, rows_compared: u64) -> pb::ReconcileListResponse {
    let cutoff_time = Some(timestamp(cutoff));
    let progress = Some(pb::ReconciliationProgress { rows, settlements_read, rows_compared, cutoff_time });
    pb::ReconcileListResponse { progress, ..Default::default() }
}

fn summary(span: &ReconciledSpan, rows: u64, comparison: &Comparison) -> pb::ReconciliationSummary {
    let (sums, classes) = (comparison.sums(), comparison.classes());
    let count = |(class, differences): (&_, &u64)| pb::ClassCount {
        class: pb::DifferenceClass::from(*class).into(),
        differences: *differences,
    };
    pb::ReconciliationSummary {
        equal: classes.is_empty(),
        cutoff_time: Some(timestamp(span.cutoff)),
        rows,
        settlements: sums.here.settlements.unwrap_or_default(),
        agreeing: comparison.agreeing(),
        differences: classes.iter().map(count).collect(),
        here: Some(totals_message(span, None, &sums.here)),
        there: Some(totals_message(span, None, &sums.there)),
    }
}
