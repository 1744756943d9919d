//! The thread that writes reference tables and policies: takes the pending writes, has them appended to the log, commits
//! them to the database as one transaction, publishes a snapshot, answers.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tracing::Span;

use super::database::{Persistence, Tables};
use super::database_file::sync_what_this_thread_writes;
use super::index::{KeyRange, Table};
use super::job::{Job, PreparedCommit, TracedJob};
use super::job_queue::JobSender;
use super::journal::{Journal, index_error};
use super::observation::{ObserverCell, observed};
use super::redb_table::{RedbTable, TableRow};
use super::reference_record;
use super::reply::{Reply, reply};
use crate::store::StoreError;
use crate::store::coordination::{ComponentFailed, PanicReport, Readiness};
use crate::store::thread_priority::lower_thread_priority;

/// The thread, as a failure of it is reported.
const COMPONENT: &str = "the thread of reference tables";

/// The maximum number of writes that share one sync.
const GROUP: usize = 64;

/// Settlements go before tables.
const NICE: i32 = 5;

/// The bytes of rows of persons that the database keeps in memory before it persists them: as many are written to it again
/// from the log when the store is opened after a crash.
const UNPERSISTED_BYTES: usize = 32 << 20;

/// Rows to write.
pub struct WriteJob {
    /// The rows.
    pub rows: Vec<TableRow>,
    /// The record that holds these rows beside others, and depends on something; otherwise they get a record of their own.
    pub commit: Option<Box<PreparedCommit>>,
    /// The channel for the outcome.
    pub reply: oneshot::Sender<Result<(), StoreError>>,
    /// The span of the call that waits for it.
    pub span: Span,
}

/// The state of the thread.
pub struct ReferenceWriter {
    tables: Arc<Tables>,
    journal: Arc<Journal>,
    commits: JobSender,
    readiness: watch::Sender<Readiness>,
    observer: ObserverCell,
    failed: Option<String>,
    /// The bytes of rows that the database does not have in its file.
    unpersisted: usize,
}

impl ReferenceWriter {
    /// A writer for this database, which sends what the log is to hold to the committing thread, and publishes when it
    /// accepts no more writes.
    pub fn new(
        tables: Arc<Tables>,
        (journal, commits): (Arc<Journal>, JobSender),
        readiness: watch::Sender<Readiness>,
        observer: ObserverCell,
    ) -> ReferenceWriter {
        ReferenceWriter { tables, journal, commits, readiness, observer, failed: None, unpersisted: 0 }
    }

    /// Runs until every sender is dropped and every job is answered.
    pub fn run(mut self, queue: mpsc::UnboundedReceiver<WriteJob>) {
        let _report = PanicReport { component: COMPONENT, readiness: self.readiness.clone() };
        lower_thread_priority(NICE);
        sync_what_this_thread_writes();
        // Dropped before the report: once a panic is published, no job can be submitted.
        let mut queue = queue;
        let mut group = Vec::with_capacity(GROUP);
        while queue.blocking_recv_many(&mut group, GROUP) > 0 {
            self.commit(std::mem::take(&mut group));
        }
    }

    /// Commits jobs together, but each that depends on something by itself, in their order.
    fn commit(&mut self, jobs: Vec<WriteJob>) {
        let mut together = Vec::new();
        for mut job in jobs {
            match job.commit.take() {
                None => together.push(job),
                Some(commit) => {
                    self.commit_jobs(std::mem::take(&mut together), None);
                    self.commit_jobs(vec![job], Some(commit));
                }
            }
        }
        self.commit_jobs(together, None);
    }

    fn commit_jobs(&mut self, jobs: Vec<WriteJob>, commit: Option<Box<PreparedCommit>>) {
        if jobs.is_empty() {
            return;
        }
        let (mut rows, mut replies, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for job in jobs {
            rows.push(job.rows);
            replies.push(job.reply);
            spans.push(job.span);
        }
        let observer = Arc::clone(&self.observer);
        observed(&observer, &spans, || self.write_and_answer(&rows, commit, replies));
    }

    fn write_and_answer(
        &mut self,
        rows: &[Vec<TableRow>],
        commit: Option<Box<PreparedCommit>>,
        replies: Vec<oneshot::Sender<Result<(), StoreError>>>,
    ) {
        let written = match &self.failed {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => self.write(rows, commit),
        };
        for reply in replies {
            // A caller that left has closed the channel; the rows stay.
            let _closed = reply.send(written.clone());
        }
    }

    fn write(&mut self, jobs: &[Vec<TableRow>], commit: Option<Box<PreparedCommit>>) -> Result<(), StoreError> {
        let commits = match commit {
            Some(commit) => vec![*commit],
            None => {
                let unconditional = |record| PreparedCommit { record, condition: None };
                reference_record::records(jobs.iter().flatten())?.into_iter().map(unconditional).collect()
            }
        };
        if commits.is_empty() {
            return Ok(());
        }
        match self.append(commits) {
            Ok(()) => {}
            // Nothing is in the log, and the next write tries again.
            Err(Appended::Nothing(error)) => return Err(error),
            Err(Appended::Part(error)) => return Err(self.fail(&error)),
        }
        self.write_appended(jobs).map_err(|error| self.fail(&error))
    }

    /// Appends the records to the log, and waits until they are durable.
    fn append(&self, commits: Vec<PreparedCommit>) -> Result<(), Appended> {
        let mut outcomes = Vec::new();
        for commit in commits {
            let (reply, outcome) = reply();
            self.commits.send(TracedJob { job: Job::Commit(Box::new(commit), reply), span: Span::current() });
            outcomes.push(outcome);
        }
        let outcomes: Vec<_> = outcomes.into_iter().map(Reply::wait).collect();
        let is_nothing = outcomes.iter().all(|outcome| matches!(outcome, Err(error) if error.is_nothing_written()));
        let error = outcomes.into_iter().find_map(Result::err);
        error.map_or(Ok(()), |error| Err(if is_nothing { Appended::Nothing(error) } else { Appended::Part(error) }))
    }

    /// Writes rows to the database that the log holds as its newest. Those of many persons are persisted together.
    fn write_appended(&mut self, jobs: &[Vec<TableRow>]) -> Result<(), StoreError> {
        let last = self.journal.index().last(KeyRange::all(Table::ReferenceWrite)).map_err(index_error)?;
        let last = last.ok_or_else(|| StoreError::Damaged("the index lacks a record of the log".to_owned()))?;
        let rows = || jobs.iter().flatten();
        self.unpersisted += rows().map(|row| row.key.len() + row.value.len()).sum::<usize>();
        let is_of_persons = rows().all(|row| row.table == RedbTable::Persons);
        let persistence = if is_of_persons && self.unpersisted < UNPERSISTED_BYTES {
            Persistence::WithALaterWrite
        } else {
            self.unpersisted = 0;
            Persistence::Now
        };
        let written = self.tables.write(rows(), last.position, persistence);
        written.map_err(|error| StoreError::Unknown(error.to_string()))
    }

    /// After a failed write it is unknown what reached the disk, so nothing more is written until the store is reopened:
    /// the process ends, and is started again.
    fn fail(&mut self, error: &StoreError) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the reference tables accept no writes until the store is reopened");
        self.failed = Some(why.clone());
        let failed = ComponentFailed { component: COMPONENT, why: why.clone() };
        self.readiness.send_replace(Readiness::Failed(failed));
        StoreError::Unknown(why)
    }
}

/// What is in the log after an append failed.
enum Appended {
    /// Nothing.
    Nothing(StoreError),
    /// A part, or it is unknown.
    Part(StoreError),
}
