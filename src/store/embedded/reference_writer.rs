//! The thread that writes reference tables and policies: takes the pending writes, commits them as one transaction,
//! publishes a snapshot once it is durable, answers.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::Span;

use super::database::{RedbTable, Tables, definition};
use super::observation::{ObserverCell, observed};
use crate::store::StoreError;
use crate::store::coordination::{ComponentFailed, PanicReport, Readiness};

/// The thread, as a failure of it is reported.
const COMPONENT: &str = "the thread of reference tables";

/// The maximum number of writes that share one sync.
const GROUP: usize = 64;

/// A row to write: table, key, value.
pub type KeyValue = (RedbTable, Vec<u8>, Vec<u8>);

/// Rows to write.
pub struct WriteJob {
    /// The rows.
    pub rows: Vec<KeyValue>,
    /// The channel for the outcome.
    pub reply: oneshot::Sender<Result<(), StoreError>>,
    /// The span of the call that waits for it.
    pub span: Span,
}

/// The state of the thread.
pub struct ReferenceWriter {
    tables: Arc<Tables>,
    readiness: watch::Sender<Readiness>,
    observer: ObserverCell,
    failed: Option<String>,
}

impl ReferenceWriter {
    /// A writer for this database, which publishes when it accepts no more writes.
    pub fn new(tables: Arc<Tables>, readiness: watch::Sender<Readiness>, observer: ObserverCell) -> ReferenceWriter {
        ReferenceWriter { tables, readiness, observer, failed: None }
    }

    /// Runs until every sender is dropped and every job is answered.
    pub fn run(mut self, queue: mpsc::UnboundedReceiver<WriteJob>) {
        let _report = PanicReport { component: COMPONENT, readiness: self.readiness.clone() };
        // Dropped before the report: once a panic is published, no job can be submitted.
        let mut queue = queue;
        let mut group = Vec::with_capacity(GROUP);
        while queue.blocking_recv_many(&mut group, GROUP) > 0 {
            self.commit(std::mem::take(&mut group));
        }
    }

    fn commit(&mut self, jobs: Vec<WriteJob>) {
        let (mut rows, mut replies, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            rows.push(job.rows);
            replies.push(job.reply);
            spans.push(job.span);
        }
        let observer = Arc::clone(&self.observer);
        observed(&observer, &spans, || self.write_and_answer(&rows, replies));
    }

    fn write_and_answer(&mut self, rows: &[Vec<KeyValue>], replies: Vec<oneshot::Sender<Result<(), StoreError>>>) {
        let written = match &self.failed {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => self.write(rows).map_err(|error| self.fail(&error)),
        };
        for reply in replies {
            // A caller that left has closed the channel; the rows stay.
            let _closed = reply.send(written.clone());
        }
    }

    fn write(&self, jobs: &[Vec<KeyValue>]) -> Result<(), redb::Error> {
        let transaction = self.tables.begin()?;
        for rows in jobs.iter().flat_map(|rows| rows.chunk_by(|one, other| one.0 == other.0)) {
            let mut table = transaction.open_table(definition(rows[0].0))?;
            for (_, key, value) in rows {
                table.insert(&**key, &**value)?;
            }
        }
        transaction.commit()?;
        self.tables.publish()
    }

    /// After a failed write it is unknown what reached the disk, so nothing more is written until the store is reopened:
    /// the process ends, and is started again.
    fn fail(&mut self, error: &redb::Error) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the reference tables accept no writes until the store is reopened");
        self.failed = Some(why.clone());
        let failed = ComponentFailed { component: COMPONENT, why: why.clone() };
        self.readiness.send_replace(Readiness::Failed(failed));
        StoreError::Unknown(why)
    }
}
