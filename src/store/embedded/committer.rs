//! The committing thread: takes what waits, compares, writes one batch, syncs once, answers.

use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};
use tokio::sync::{mpsc, oneshot, watch};

use super::database::{RedbTable, Tables, definition};
use crate::domain::ids::EntryId;
use crate::store::coordination::Readiness;
use crate::store::keys::StoreKey;
use crate::store::{StoreError, record};

/// The most jobs that share one sync.
const GROUP: usize = 512;

/// Where the answer to a job goes.
pub type Reply = oneshot::Sender<Result<(), StoreError>>;

/// What the thread is asked to write.
pub enum Job {
    /// A commit, if its person has not moved.
    Commit(Box<WriteBatch>, Reply),
    /// Rows that depend on nothing.
    Write(Vec<KeyValue>, Reply),
    /// Rows that name settlements, behind those of a hospital's day.
    List(DayKey, Vec<Vec<u8>>, Reply),
}

/// A row to be written: table, key, value.
pub type KeyValue = (RedbTable, Vec<u8>, Vec<u8>);

/// The encoded rows of a commit.
pub struct WriteBatch {
    /// The journal entries.
    pub entries: Vec<(EntryId, Vec<u8>)>,
    /// The person's version that was read.
    pub expected: u64,
    /// The person's state.
    pub state: (StoreKey, Vec<u8>),
    /// The request's row.
    pub request: (StoreKey, Vec<u8>),
    /// The rows of claims, and whether this is the first of a claim, which binds it to the person.
    pub claims: Vec<(StoreKey, Vec<u8>, bool)>,
    /// The hospital's day in which the first entry is listed, and the row that names it.
    pub listed: Option<(DayKey, Vec<u8>)>,
}

/// A hospital's key and a day; with the number of a settlement in the day, the key of its place.
pub type DayKey = [u8; 20];

/// The key of a place in the list of a hospital's settlements.
pub fn place_key(day: &DayKey, number: u64) -> [u8; 28] {
    let mut key = [0; 28];
    key[..20].copy_from_slice(day);
    key[20..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number of the settlement with this key in its hospital's day; 0 for what is no such key.
pub fn number_of(key: &[u8]) -> u64 {
    key.get(20..).and_then(|number| number.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// The thread's state.
pub struct Committer {
    tables: Arc<Tables>,
    readiness: watch::Sender<Readiness>,
    failed: Option<String>,
}

/// A verdict on a job, which leaves when the group is durable.
type Verdict = (Reply, Result<(), StoreError>);

impl Committer {
    /// A committer of this database, which tells when it takes no more writes.
    pub fn new(tables: Arc<Tables>, readiness: watch::Sender<Readiness>) -> Committer {
        Committer { tables, readiness, failed: None }
    }

    /// Runs until every sender is gone and every job is answered.
    pub fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.blocking_recv_many(&mut group, GROUP) > 0 {
            self.commit(group.drain(..));
        }
    }

    /// One group. Every answer leaves after the sync, those of conflicts too, so that whoever looks
    /// again sees what won.
    fn commit(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut verdicts = Vec::with_capacity(GROUP);
        let written = match &self.failed {
            Some(why) => {
                verdicts.extend(jobs.map(|job| (job.reply(), Ok(()))));
                Err(StoreError::Unavailable(why.clone()))
            }
            None => self.write(jobs, &mut verdicts).map_err(|error| self.fail(&error)),
        };
        for (reply, verdict) in verdicts {
            // Whoever asked may be gone; what was committed stays committed.
            let _gone = reply.send(written.clone().and(verdict));
        }
    }

    fn write(&self, jobs: impl Iterator<Item = Job>, verdicts: &mut Vec<Verdict>) -> Result<(), redb::Error> {
        // Replies first: whatever fails below, each is answered.
        let (replies, works): (Vec<_>, Vec<_>) = jobs.map(Job::split).unzip();
        verdicts.extend(replies.into_iter().map(|reply| (reply, Ok(()))));
        let transaction = self.tables.begin()?;
        let mut group = Group::open(&transaction)?;
        for (work, verdict) in works.into_iter().zip(verdicts) {
            verdict.1 = group.take(work)?;
        }
        drop(group);
        transaction.commit()?;
        self.tables.publish()
    }

    /// A failure leaves it open what reached the disk, so nothing is written after it until the store is
    /// opened anew.
    fn fail(&mut self, error: &redb::Error) -> StoreError {
        let why = format!("a write failed: {error}");
        tracing::error!(why, "the store takes no more writes until it is opened anew");
        self.failed = Some(why.clone());
        self.readiness
            .send_replace(Readiness::NotReady(format!("{why}; the store takes no more until it is opened anew")));
        StoreError::Unknown(why)
    }
}

/// A job without its reply.
enum Work {
    Commit(Box<WriteBatch>),
    Write(Vec<KeyValue>),
    List(DayKey, Vec<Vec<u8>>),
}

impl Job {
    fn split(self) -> (Reply, Work) {
        match self {
            Job::Commit(rows, reply) => (reply, Work::Commit(rows)),
            Job::Write(rows, reply) => (reply, Work::Write(rows)),
            Job::List(day, rows, reply) => (reply, Work::List(day, rows)),
        }
    }

    fn reply(self) -> Reply {
        self.split().0
    }
}

type Open<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// The tables that a group writes, open.
struct Group<'t> {
    transaction: &'t WriteTransaction,
    journal: Open<'t>,
    states: Open<'t>,
    requests: Open<'t>,
    claims: Open<'t>,
    listed: Open<'t>,
}

impl<'t> Group<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Group<'t>, redb::Error> {
        let open = |table| transaction.open_table(definition(table));
        Ok(Group {
            transaction,
            journal: open(RedbTable::Journal)?,
            states: open(RedbTable::States)?,
            requests: open(RedbTable::Requests)?,
            claims: open(RedbTable::Claims)?,
            listed: open(RedbTable::Listed)?,
        })
    }

    fn take(&mut self, work: Work) -> Result<Result<(), StoreError>, redb::Error> {
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
            Work::List(day, rows) => rows.iter().try_for_each(|row| self.list(&day, row)).map(Ok),
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
            self.list(&day, &row)?;
        }
        Ok(Ok(()))
    }

    /// Behind the last of the hospital's day: the list is in the order of commits.
    fn list(&mut self, day: &DayKey, row: &[u8]) -> Result<(), redb::Error> {
        let of_day = place_key(day, 0)..=place_key(day, u64::MAX);
        let last = self.listed.range(&of_day.start()[..]..=&of_day.end()[..])?.next_back().transpose()?;
        let number = last.map_or(0, |(key, _)| number_of(key.value())) + 1;
        self.listed.insert(&place_key(day, number)[..], row)?;
        Ok(())
    }

    /// The person has not moved; and a claim that was seen for the first time has not been bound
    /// meanwhile. Within one person the version sees to that.
    fn check(&self, rows: &WriteBatch) -> Result<Result<(), StoreError>, redb::Error> {
        let version = match self.states.get(&rows.state.0[..])? {
            None => Ok(0),
            Some(row) => record::first_field::<u64>(row.value()),
        };
        for (claim, _, _) in rows.claims.iter().filter(|(_, _, first)| *first) {
            if self.claims.get(&claim[..])?.is_some() {
                return Ok(Err(StoreError::Conflict));
            }
        }
        Ok(version.and_then(|version| if version == rows.expected { Ok(()) } else { Err(StoreError::Conflict) }))
    }
}
