//! The committing thread: takes the pending jobs, compares versions, writes one batch, syncs once, answers.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use redb::{ReadableTable, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Span;

use super::database::{NEWEST_DAY, RedbTable, Tables, definition};
use super::list_keys::{DayKey, number_of_key, position_key};
use crate::domain::day::Day;
use crate::domain::ids::EntryId;
use crate::journal::record;
use crate::store::StoreError;
use crate::store::commit::CommitOrigin;
use crate::store::coordination::{ComponentFailed, PanicReport, Readiness};
use crate::store::keys::StoreKey;
use crate::store::observer::StoreObserver;
use crate::store::rows::NewestDay;

/// The committing thread, as a failure of it is reported.
const COMPONENT: &str = "the committing thread";

/// The maximum number of jobs that share one sync.
const GROUP: usize = 512;

/// The channel for the outcome of a job.
pub type ReplySender = oneshot::Sender<Result<(), StoreError>>;

/// A job for the committing thread.
pub enum Job {
    /// Writes a commit if the person's version is unchanged.
    Commit(Box<WriteBatch>, ReplySender),
    /// Writes rows unconditionally.
    Write(Vec<KeyValue>, ReplySender),
    /// Appends settlements to the list of a hospital's day.
    Append(DayKey, Vec<Vec<u8>>, ReplySender),
    /// Panics.
    #[cfg(test)]
    Panic(ReplySender),
}

/// A job, and the span of the call that waits for it.
pub struct TracedJob {
    pub job: Job,
    pub span: Span,
}

/// A row to write: table, key, value.
pub type KeyValue = (RedbTable, Vec<u8>, Vec<u8>);

/// The encoded rows of a commit.
pub struct WriteBatch {
    /// The day of the commit.
    pub day: Day,
    /// Where the commit comes from.
    pub origin: CommitOrigin,
    /// The journal entries.
    pub entries: Vec<(EntryId, Vec<u8>)>,
    /// The person's version that was read.
    pub expected: u64,
    /// The person's new state.
    pub state: (StoreKey, Vec<u8>),
    /// The request's row.
    pub request: (StoreKey, Vec<u8>),
    /// The rows of claims; `true` if the row is the first of the claim, which binds it to the person.
    pub claims: Vec<(StoreKey, Vec<u8>, bool)>,
    /// The hospital's day whose list the first entry is appended to, and the row for it.
    pub listed: Option<(DayKey, Vec<u8>)>,
}

/// The state of the committing thread.
pub struct Committer {
    tables: Arc<Tables>,
    readiness: watch::Sender<Readiness>,
    observer: Arc<OnceLock<Arc<dyn StoreObserver>>>,
    failed: Option<String>,
    /// The newest day of commits, if there is one.
    newest_day: Option<Day>,
}

/// The outcome of a job, sent when the group is durable.
type Outcome = (ReplySender, Result<(), StoreError>);

impl Committer {
    /// A committer for this database, which publishes when it accepts no more writes.
    ///
    /// # Errors
    /// If the newest day of commits cannot be read.
    pub fn new(
        tables: Arc<Tables>,
        readiness: watch::Sender<Readiness>,
        observer: Arc<OnceLock<Arc<dyn StoreObserver>>>,
    ) -> Result<Committer, StoreError> {
        let newest_day = tables.snapshot().get(RedbTable::Clock, NEWEST_DAY)?.map(|NewestDay(day)| day);
        Ok(Committer { tables, readiness, observer, failed: None, newest_day })
    }

    /// Runs until every sender is dropped and every job is answered.
    pub fn run(mut self, queue: mpsc::UnboundedReceiver<TracedJob>) {
        let _report = PanicReport { component: COMPONENT, readiness: self.readiness.clone() };
        // Dropped before the report: once a panic is published, no job can be submitted.
        let mut queue = queue;
        let mut group = Vec::with_capacity(GROUP);
        while queue.blocking_recv_many(&mut group, GROUP) > 0 {
            let (span, start, writes) = (batch_span(&group), Instant::now(), group.len());
            span.in_scope(|| self.commit(group.drain(..).map(|traced| traced.job)));
            if let Some(observer) = self.observer.get() {
                observer.synced(writes, start.elapsed());
            }
        }
    }

    /// Commits one group. Every outcome is sent after the sync, also a conflict, so that a retry sees the commit that
    /// won.
    fn commit(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut outcomes = Vec::with_capacity(GROUP);
        let written = match &self.failed {
            Some(why) => {
                outcomes.extend(jobs.map(|job| (job.into_reply_sender(), Ok(()))));
                Err(StoreError::Unavailable(why.clone()))
            }
            None => self.write(jobs, &mut outcomes).map_err(|error| self.fail(&error)),
        };
        for (reply, outcome) in outcomes {
            // A caller that left has closed the channel; the commit stays.
            let _closed = reply.send(written.clone().and(outcome));
        }
    }

    fn write(&mut self, jobs: impl Iterator<Item = Job>, outcomes: &mut Vec<Outcome>) -> Result<(), redb::Error> {
        // Collect the replies first: each is answered whatever fails below.
        let (replies, works): (Vec<_>, Vec<_>) = jobs.map(Job::split).unzip();
        outcomes.extend(replies.into_iter().map(|reply| (reply, Ok(()))));
        let transaction = self.tables.begin()?;
        let mut group = Group::open(&transaction, self.newest_day)?;
        for (work, outcome) in works.into_iter().zip(outcomes) {
            outcome.1 = group.run(work)?;
        }
        let newest_day = group.newest_day;
        drop(group);
        if let Some(day) = newest_day.filter(|_| newest_day != self.newest_day) {
            write_newest_day(&transaction, day)?;
        }
        self.newest_day = newest_day;
        transaction.commit()?;
        self.tables.publish()
    }

    /// After a failed write it is unknown what reached the disk, so nothing more is written until the store is reopened:
    /// the process ends, and is started again.
    fn fail(&mut self, error: &redb::Error) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the store accepts no writes until it is reopened");
        self.failed = Some(why.clone());
        let failed = ComponentFailed { component: COMPONENT, why: why.clone() };
        self.readiness.send_replace(Readiness::Failed(failed));
        StoreError::Unknown(why)
    }
}

/// The span of a batch, linked to the calls that wait for it; none if none of them is traced.
fn batch_span(group: &[TracedJob]) -> Span {
    if group.iter().all(|traced| traced.span.is_none()) {
        return Span::none();
    }
    let span = tracing::debug_span!(parent: None, "sync", onestop.writes = group.len() as u64);
    group.iter().for_each(|traced| {
        span.follows_from(&traced.span);
    });
    span
}

fn write_newest_day(transaction: &WriteTransaction, day: Day) -> Result<(), redb::Error> {
    transaction.open_table(definition(RedbTable::Clock))?.insert(NEWEST_DAY, &*record::encode(&NewestDay(day)))?;
    Ok(())
}

/// A job without its reply.
enum Work {
    Commit(Box<WriteBatch>),
    Write(Vec<KeyValue>),
    Append(DayKey, Vec<Vec<u8>>),
    #[cfg(test)]
    Panic,
}

impl Job {
    fn split(self) -> (ReplySender, Work) {
        match self {
            Job::Commit(rows, reply) => (reply, Work::Commit(rows)),
            Job::Write(rows, reply) => (reply, Work::Write(rows)),
            Job::Append(day, rows, reply) => (reply, Work::Append(day, rows)),
            #[cfg(test)]
            Job::Panic(reply) => (reply, Work::Panic),
        }
    }

    fn into_reply_sender(self) -> ReplySender {
        self.split().0
    }
}

type OpenTable<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// The open tables of a group's transaction.
struct Group<'t> {
    transaction: &'t WriteTransaction,
    journal: OpenTable<'t>,
    states: OpenTable<'t>,
    requests: OpenTable<'t>,
    claims: OpenTable<'t>,
    listed: OpenTable<'t>,
    newest_day: Option<Day>,
}

impl<'t> Group<'t> {
    fn open(transaction: &'t WriteTransaction, newest_day: Option<Day>) -> Result<Group<'t>, redb::Error> {
        let open = |table| transaction.open_table(definition(table));
        Ok(Group {
            transaction,
            journal: open(RedbTable::Journal)?,
            states: open(RedbTable::States)?,
            requests: open(RedbTable::Requests)?,
            claims: open(RedbTable::Claims)?,
            listed: open(RedbTable::Listed)?,
            newest_day,
        })
    }

    fn run(&mut self, work: Work) -> Result<Result<(), StoreError>, redb::Error> {
        match work {
            Work::Commit(rows) => self.commit(*rows),
            Work::Write(rows) => {
                for rows in rows.chunk_by(|one, other| one.0 == other.0) {
                    let mut open = self.transaction.open_table(definition(rows[0].0))?;
                    for (_, key, value) in rows {
                        open.insert(&**key, &**value)?;
                    }
                }
                Ok(Ok(()))
            }
            Work::Append(day, rows) => rows.iter().try_for_each(|row| self.append(&day, row)).map(Ok),
            #[cfg(test)]
            Work::Panic => panic!("the committing thread panics, as this test requested"),
        }
    }

    fn commit(&mut self, rows: WriteBatch) -> Result<Result<(), StoreError>, redb::Error> {
        if let Err(refused) = self.check(&rows)? {
            return Ok(Err(refused));
        }
        for (id, _) in &rows.entries {
            if self.journal.get(&id.0[..])?.is_some() {
                return Ok(Err(StoreError::EntryIdTaken));
            }
        }
        self.newest_day = self.newest_day.max(Some(rows.day));
        let WriteBatch { entries, state, request, claims, listed, .. } = rows;
        for (id, entry) in entries {
            self.journal.insert(&id.0[..], &*entry)?;
        }
        self.states.insert(&state.0[..], &*state.1)?;
        self.requests.insert(&request.0[..], &*request.1)?;
        for (key, row, _) in claims {
            self.claims.insert(&key[..], &*row)?;
        }
        if let Some((day, row)) = listed {
            self.append(&day, &row)?;
        }
        Ok(Ok(()))
    }

    /// Appends after the last settlement of the hospital's day: the list is in the order of commits.
    fn append(&mut self, day: &DayKey, row: &[u8]) -> Result<(), redb::Error> {
        let of_day = position_key(day, 0)..=position_key(day, u64::MAX);
        let last = self.listed.range(&of_day.start()[..]..=&of_day.end()[..])?.next_back().transpose()?;
        let number = last.map_or(0, |(key, _)| number_of_key(key.value())) + 1;
        self.listed.insert(&position_key(day, number)[..], row)?;
        Ok(())
    }

    /// Checks that the person's version is unchanged, that no later day was committed to, and that no new claim was bound to another person meanwhile; for the
    /// claims of one person the version suffices.
    fn check(&self, rows: &WriteBatch) -> Result<Result<(), StoreError>, redb::Error> {
        let version = match self.states.get(&rows.state.0[..])? {
            None => Ok(0),
            Some(row) => record::first_number(row.value()).map_err(StoreError::from),
        };
        for (claim, _, _) in rows.claims.iter().filter(|(_, _, first)| *first) {
            if self.claims.get(&claim[..])?.is_some() {
                return Ok(Err(StoreError::Conflict));
            }
        }
        let unchanged =
            version.and_then(|version| if version == rows.expected { Ok(()) } else { Err(StoreError::Conflict) });
        Ok(unchanged.and_then(|()| match self.newest_day {
            Some(newest) if rows.origin == CommitOrigin::Live && rows.day < newest => {
                Err(StoreError::EarlierDay { newest })
            }
            _ => Ok(()),
        }))
    }
}
