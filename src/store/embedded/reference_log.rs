//! Appends the records of writes of reference tables to the log.
//!
//! A write may take several records, of which the log may take some and refuse others, for example because the disk becomes
//! full. What was refused is sent again until all is in the log: rows that were never written to the database would be left out
//! of it, since the position that it notes is behind them. Records from the first that was refused on are sent again in their
//! order, also those that were appended: the log is replayed to the same rows as were written. Meanwhile other writes are refused,
//! since they would wait for as long.

use std::time::Duration;

use tokio::sync::watch;
use tracing::Span;

use super::job::{Job, PreparedCommit, TracedJob};
use super::job_queue::JobSender;
use super::redb_table::TableRow;
use super::reference_record;
use super::reply::{Reply, reply};
use crate::store::StoreError;
use crate::store::coordination::Readiness;

/// The pause before records that were refused are sent again. An attempt costs the committing thread a group for each record at
/// most, and a store that is closed waits for one pause.
const RESEND_PAUSE: Duration = Duration::from_millis(100);

/// The log as the thread of the reference tables appends to it.
pub struct ReferenceLog {
    commits: JobSender,
    readiness: watch::Sender<Readiness>,
}

/// What is in the log after an append failed.
pub enum Appended {
    /// Nothing.
    Nothing(StoreError),
    /// A part: the record with this number was refused, and those before it were appended.
    Part(usize, StoreError),
    /// Some of it, or it is unknown, and nothing is sent again.
    Unknown(StoreError),
}

impl ReferenceLog {
    /// The log of this committing thread, which publishes here when it fails.
    pub fn new(commits: JobSender, readiness: watch::Sender<Readiness>) -> ReferenceLog {
        ReferenceLog { commits, readiness }
    }

    /// Appends the records of rows to the log. If it takes only some of them, all from the first that it refused on are sent again
    /// after a pause, for as long as it may take them; before each pause, `refuse_others` refuses the writes that wait behind this
    /// one.
    ///
    /// # Errors
    /// What is in the log if not all of it is.
    pub fn append_rows(
        &self,
        jobs: &[Vec<TableRow>],
        mut refuse_others: impl FnMut(&StoreError),
    ) -> Result<(), Appended> {
        let (mut appended, mut is_part) = (0, false);
        loop {
            let records = reference_record::records(jobs.iter().flatten()).map_err(Appended::Nothing)?;
            let unconditional = |record| PreparedCommit { record, condition: None };
            let error = match self.append(records.into_iter().skip(appended).map(unconditional)) {
                Err(Appended::Part(first, error)) => {
                    (appended, is_part) = (appended + first, true);
                    error
                }
                Err(Appended::Nothing(error)) if is_part => error,
                done => return done,
            };
            if !self.may_be_taken_later(&error) {
                return Err(Appended::Unknown(error));
            }
            tracing::error!(%error, "a part of a write of tables is in the log, and the rest is sent again after a pause");
            refuse_others(&error);
            std::thread::sleep(RESEND_PAUSE);
        }
    }

    /// Whether the log may take later what it refused with this error.
    fn may_be_taken_later(&self, error: &StoreError) -> bool {
        let has_failed = matches!(*self.readiness.borrow(), Readiness::Failed(_));
        matches!(error, StoreError::Unavailable(_)) && !has_failed && !self.commits.is_last()
    }

    /// Appends the records to the log, and waits until they are durable.
    ///
    /// # Errors
    /// As [`ReferenceLog::append_rows`].
    pub fn append(&self, commits: impl IntoIterator<Item = PreparedCommit>) -> Result<(), Appended> {
        let mut outcomes = Vec::new();
        for commit in commits {
            let (reply, outcome) = reply();
            self.commits.send(TracedJob { job: Job::Commit(Box::new(commit), reply), span: Span::current() });
            outcomes.push(outcome);
        }
        let outcomes: Vec<_> = outcomes.into_iter().map(Reply::wait).collect();
        let is_part = outcomes.iter().any(Result::is_ok);
        let is_known = outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(StoreError::is_nothing_written);
        let refused = outcomes.into_iter().enumerate().find_map(|(number, outcome)| Some((number, outcome.err()?)));
        Err(match refused {
            None => return Ok(()),
            Some((_, error)) if !is_known => Appended::Unknown(error),
            Some((first, error)) if is_part => Appended::Part(first, error),
            Some((_, error)) => Appended::Nothing(error),
        })
    }
}
