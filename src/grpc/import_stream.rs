//! ImportReference: receives the rows of an import, then imports them all.
//!
//! While rows are awaited no thread is held: each message is checked on a blocking thread by itself, so an import that
//! is idle costs its memory only. Imports are limited in number, per caller and in total, and in time. One import at a
//! time is written; a short one is waited for, beside a long one the caller comes again.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tonic::{Status, Streaming};

use crate::access::keyed_limit::KeyedLimit;
use crate::access::{AccessError, Caller, Role};
use crate::domain::fault::FaultReason;
use crate::engine::import::{ImportContext, ImportPermit, ImportSource, Imported};
use crate::engine::import_rows::ImportRows;
use crate::engine::import_unmatched::UnmatchedName;
use crate::engine::{Engine, EngineError};
use crate::pb::reference as pb;
use crate::reference::columns::ColumnOrder;
use crate::reference::table::ReferenceTable;
use crate::store::Store;

use super::authorize::{Authorizer, Permitted};
use super::error::CallError;
use super::{commit_stamp, imports};

/// How long an import waits while another is written.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a caller that has as many imports as it may is asked to wait.
pub(super) const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The most bytes of what a caller says about an import.
const SOURCE_BYTES: usize = 200;
const IMPORTED_BY_BYTES: usize = 64;

/// The limits of imports.
#[derive(Clone, Copy, Debug)]
pub struct ImportLimits {
    /// Imports at once.
    pub total: usize,
    /// Imports of one caller at once.
    pub per_caller: usize,
    /// The time between two messages of an import.
    pub idle: Duration,
    /// The time of a whole import.
    pub duration: Duration,
}

/// The imports of a server.
pub struct ImportStreams {
    limits: ImportLimits,
    total: Arc<Semaphore>,
    callers: KeyedLimit<Arc<str>>,
    authorizer: Arc<Authorizer>,
    shutdown: watch::Receiver<bool>,
}

impl ImportStreams {
    /// No imports yet; all end once `shutdown` is true.
    pub fn new(limits: ImportLimits, authorizer: Arc<Authorizer>, shutdown: watch::Receiver<bool>) -> ImportStreams {
        let (total, callers) = (Arc::new(Semaphore::new(limits.total)), KeyedLimit::new(limits.per_caller));
        ImportStreams { limits, total, callers, authorizer, shutdown }
    }

    /// Receives the rows and imports them. The caller may be another one at every message, and at the end.
    ///
    /// # Errors
    /// If there are too many imports, the rows do not arrive in time, they are refused, or the caller may no longer import.
    pub async fn import<S: Store>(
        &self,
        engine: Arc<Engine<S>>,
        permitted: Permitted,
        mut messages: Streaming<pb::ImportReferenceRequest>,
    ) -> Result<pb::ImportReferenceResponse, Status> {
        let own = self.callers.try_acquire(&permitted.caller.name);
        let _own = own.ok_or_else(|| CallError::from(AccessError::LimitExceeded { retry_after: RETRY_DELAY }))?;
        let _of_all = self.total.try_acquire().map_err(|_full| CallError::Overloaded)?;
        let deadline = Instant::now() + self.limits.duration;
        let mut received = ReceivedImport::new(engine.incoming());
        let caller = loop {
            let message = self.next_message(&mut messages, deadline).await?;
            let caller = self.authorizer.reauthorize(&permitted)?.caller;
            let Some(message) = message else { break caller };
            received = on_blocking_thread(move || received.add(message)).await?;
        };
        let (rows, Imported { changed, unchanged, not_enrolled, unmatched }) =
            self.import_received(engine, &caller, received, deadline).await?;
        Ok(pb::ImportReferenceResponse {
            taken: rows,
            changed,
            unchanged,
            not_enrolled,
            unknown_insurance: unmatched_message(unmatched.insurance),
            uncovered_region: unmatched_message(unmatched.insured_region),
            unknown_hospital: unmatched_message(unmatched.hospital),
        })
    }

    async fn next_message(
        &self,
        messages: &mut Streaming<pb::ImportReferenceRequest>,
        deadline: Instant,
    ) -> Result<Option<pb::ImportReferenceRequest>, Status> {
        let mut shutdown = self.shutdown.clone();
        let until = deadline.min(Instant::now() + self.limits.idle);
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => Err(CallError::from(EngineError::ImportStopped).into()),
            message = messages.message() => message,
            () = tokio::time::sleep_until(until) => Err(CallError::RequestTimedOut.into()),
        }
    }

    /// Imports what was received. Sorting and deciding take time, so it has a thread of its own; only the import that
    /// holds the lease has one.
    async fn import_received<S: Store>(
        &self,
        engine: Arc<Engine<S>>,
        caller: &Caller,
        received: ReceivedImport,
        deadline: Instant,
    ) -> Result<(u64, Imported), CallError> {
        let (rows, table, source) = received.complete(caller)?;
        let permit = tokio::time::timeout(PERMIT_TIMEOUT, engine.acquire_import_permit()).await;
        let permit = permit.map_err(|_elapsed| EngineError::ImportRunning)?;
        let (runtime, shutdown) = (Handle::current(), self.shutdown.clone());
        let stop = move || *shutdown.borrow() || Instant::now() > deadline;
        on_blocking_thread(move || Ok(runtime.block_on(write_rows(&engine, permit, rows, table, source, &stop))?)).await
    }
}

async fn write_rows<S: Store>(
    engine: &Engine<S>,
    permit: ImportPermit,
    rows: ImportRows,
    table: ReferenceTable,
    source: ImportSource,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(u64, Imported), EngineError> {
    let context = ImportContext { now: &|| commit_stamp::instant(), stamps: Some(&commit_stamp::now), stop };
    let count = rows.rows();
    Ok((count, engine.import_rows(permit, rows, table.as_str(), source, &context).await?))
}

/// Runs work that takes time on a blocking thread.
pub(super) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
) -> Result<T, CallError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(CallError::Internal("a thread ended early".to_owned())))
}

/// What an import has received so far.
struct ReceivedImport {
    rows: ImportRows,
    table: Option<(ReferenceTable, ColumnOrder)>,
    source: ImportSource,
    committed: bool,
}

impl ReceivedImport {
    fn new(rows: ImportRows) -> ReceivedImport {
        ReceivedImport { rows, table: None, source: ImportSource::default(), committed: false }
    }

    /// Adds the rows of the next message. The first one names the table, its columns and the source.
    fn add(mut self, message: pb::ImportReferenceRequest) -> Result<ReceivedImport, CallError> {
        let (table, columns) = match self.table.take() {
            None => {
                let table = imports::required_table(message.table())?;
                let columns = imports::column_order(table, &message.columns)?;
                self.source = import_source(message.source, message.imported_by)?;
                (table, columns)
            }
            Some(named) => {
                check_same_table(&named, message.table, &message.columns)?;
                named
            }
        };
        self.committed = message.commit;
        message.rows.iter().try_for_each(|row| self.rows.add_named(table, &columns, &row.cells))?;
        self.table = Some((table, columns));
        Ok(self)
    }

    /// All rows with their table and source, once the last message has committed. An authenticated caller is the one
    /// that imports, whatever the message says.
    fn complete(self, caller: &Caller) -> Result<(ImportRows, ReferenceTable, ImportSource), CallError> {
        let ReceivedImport { rows, table, source, committed } = self;
        let not_set = || CallError::invalid_field("commit", FaultReason::Missing, "is not set in the last message");
        let (table, _) = table.filter(|_| committed).ok_or_else(not_set)?;
        let imported_by = if caller.role == Role::Anyone { source.imported_by } else { caller.name.to_string() };
        Ok((rows, table, ImportSource { imported_by, source: source.source }))
    }
}

/// A later message names the same table and columns as the first, or none.
fn check_same_table(
    (table, columns): &(ReferenceTable, ColumnOrder),
    message_table: i32,
    message_columns: &[String],
) -> Result<(), CallError> {
    let other =
        |field| CallError::invalid_field(field, FaultReason::Unreadable, "is another than in the first message");
    let same_table = [i32::from(imports::table(*table)), i32::from(pb::Table::Unspecified)].contains(&message_table);
    if !same_table {
        return Err(other("table"));
    }
    let same_columns = message_columns.is_empty() || imports::column_order(*table, message_columns)? == *columns;
    if same_columns { Ok(()) } else { Err(other("columns")) }
}

fn import_source(source: String, imported_by: String) -> Result<ImportSource, CallError> {
    for (field, text, limit) in [("source", &source, SOURCE_BYTES), ("imported_by", &imported_by, IMPORTED_BY_BYTES)] {
        if text.len() > limit {
            return Err(CallError::invalid_field(field, FaultReason::TooLong, format!("has more than {limit} bytes")));
        }
    }
    Ok(ImportSource { source, imported_by })
}

/// `None` if there are no such rows.
fn unmatched_message(UnmatchedName { rows, names }: UnmatchedName) -> Option<pb::UnmatchedRows> {
    let names = || names.iter().map(|name| name.to_string()).collect();
    (rows > 0).then(|| pb::UnmatchedRows { rows, names: names() })
}
