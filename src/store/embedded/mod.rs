//! The store in a directory: a log of commits, an index that is derived from it, and reference tables in redb.
//!
//! The log is the truth: one append and one sync a group of commits. The committing thread takes all pending commits,
//! compares versions, appends them as one frame, publishes their rows in the index once they are durable, and only then
//! answers. Readers follow the index, so they never see what is not durable yet; after following a position the key in
//! the record is compared, so that a wrong index never serves another person or claim.
//!
//! Reference tables, policies and the log of imports are rows of a B-tree in one file (redb), written by a thread of
//! their own. The log holds them too and is written first, so that what the file lacks after a crash, or because an older
//! one was put in its place, is written again at the next opening. A backup is the log, and the secret.
//!
//! One process uses the directory; a second is refused, and so are a newer format, and a part that is missing, empty or
//! of another store.
//!
//! Why a log and an index of one's own: `benches/stores` measures the candidates with this workload. A B-tree costs two
//! syncs and a page for each key; LSM trees stall at saturation, and damage in the journal of one passed unnoticed.

mod administration;
pub mod backup;
mod commit_record;
mod committer;
mod cursor;
mod database;
mod database_file;
mod directory;
pub mod disk;
mod durability;
mod entries;
pub mod index;
mod index_replay;
mod job;
mod job_queue;
mod journal;
mod journal_store;
mod list_keys;
pub mod log;
mod log_scan;
mod observation;
mod open_error;
mod open_parts;
mod redb_panic;
mod redb_table;
mod reference;
mod reference_log;
mod reference_record;
mod reference_replay;
mod reference_store;
mod reference_writer;
mod reply;
mod scanned_commit;
mod seen_rows;
mod snapshot;
mod write_queue;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::commit_log::CommitLog;
use super::coordination::SingleInstance;
use super::keys::{Secret, StoreKey};
use super::observer::{CheckpointLag, StoreObserver};
use super::rows::{ListedRow, RequestRow};
use super::{Commit, Store, StoreError};
use crate::journal::record;

use backup::BackupReader;
use commit_record::RecordBuilder;
use committer::Committer;
use database::Tables;
use directory::{Missing, StoreDirectory, identity_of};
pub use durability::Durability;
use index::{Key, LogPosition, Table};
use job::{CommitCondition, Job, PreparedCommit, TracedJob};
use job_queue::{JobSender, job_queue};
use journal::{Journal, Seen};
use list_keys::day_key;
use log_scan::LogScan;
use observation::ObserverCell;
pub use open_error::OpenError;
use open_parts::{open_journal, open_tables};
use reference_writer::ReferenceWriter;
use reply::{ReplySender, reply};
use seen_rows::SeenRows;
use write_queue::{WriteJob, write_queue};

/// A store in a directory.
pub struct EmbeddedStore {
    // Dropped before the lock on the directory is.
    journal: Arc<Journal>,
    tables: Arc<Tables>,
    path: PathBuf,
    secret: Secret,
    seen: SeenRows,
    coordination: SingleInstance,
    observer: ObserverCell,
    commits: Option<JobSender>,
    writes: Option<mpsc::UnboundedSender<WriteJob>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    _lock: directory::Lock,
}

impl EmbeddedStore {
    /// Opens the store in this directory, or creates one in an empty or missing directory.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open_parts(directory::prepare(path, Missing::Create)?, durability)
    }

    /// Opens the store in this directory, which must exist.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_existing(path: &Path, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open_parts(directory::prepare(path, Missing::Refuse)?, durability)
    }

    fn open_parts(directory: StoreDirectory, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        let readiness = watch::Sender::new(durability.readiness());
        let tables = Arc::new(open_tables(&directory, durability, readiness.clone())?);
        let (log, journal) = open_journal(&directory, durability)?;
        reference_replay::replay(&tables, &journal, &directory)?;
        if directory.is_new {
            directory.complete()?;
        } else {
            directory.sync()?;
        }
        let observer = ObserverCell::default();
        let (commits, queue) = job_queue();
        let committer = Committer::new(log, Arc::clone(&journal), readiness.clone(), Arc::clone(&observer));
        let (writes, arriving_writes) = write_queue();
        let log = (Arc::clone(&journal), commits.clone());
        let writer = ReferenceWriter::new(Arc::clone(&tables), log, readiness.clone(), Arc::clone(&observer));
        let StoreDirectory { path, lock, secret, .. } = directory;
        let failed = |error| OpenError::File { path: path.clone(), error };
        let threads = vec![
            spawn("committer", move || committer.run(queue)).map_err(failed)?,
            spawn("reference tables", move || writer.run(arriving_writes)).map_err(failed)?,
        ];
        Ok(EmbeddedStore {
            journal,
            tables,
            path,
            secret,
            seen: SeenRows::default(),
            coordination: SingleInstance::new(readiness),
            observer,
            commits: Some(commits),
            writes: Some(writes),
            threads,
            _lock: lock,
        })
    }

    /// Sends a job to the committing thread, which runs it even if the caller stops waiting.
    async fn submit(&self, job: impl FnOnce(ReplySender) -> Job) -> Result<(), StoreError> {
        let (reply, outcome) = reply();
        let ended = || StoreError::Unavailable("the committing thread ended".to_owned());
        let traced = TracedJob { job: job(reply), span: tracing::Span::current() };
        self.commits.as_ref().ok_or_else(ended)?.submit(traced);
        outcome.await
    }

    /// Compares the person's version, and encodes the record of a commit.
    fn prepare(&self, commit: Commit) -> Result<PreparedCommit, StoreError> {
        let person = self.secret.person(&commit.person_id);
        let chain = self.see_version(person, commit.expected)?;
        let request = self.secret.request(commit.hospital_id.as_ref(), &commit.person_id, &commit.request_id);
        let day = commit.committed.china_day();
        let mut record = RecordBuilder::with_room_for(&commit.entries);
        record.row(Table::Person, &person, &commit.state);
        record.row(Table::Request, &request, &RequestRow(commit.request_entry));
        let mut first_claims = Vec::new();
        for claim in &commit.claims {
            let key = self.secret.claim(&claim.hospital_id, &claim.claim_id);
            record.row(Table::Claim, &key, &claim.row);
            if claim.row.is_first() {
                first_claims.push(self.see_unbound(key)?);
            }
        }
        if let (Some(hospital_id), Some(day)) = (&commit.hospital_id, commit.listed) {
            let row = ListedRow { settlement: commit.request_entry, day };
            record.listed(&day_key(&self.secret, hospital_id, day), &row);
        }
        let entries = commit.entries.iter().map(|(id, _)| *id).collect();
        let administration = commit.closed_months.map(|expected| self.see_closed_months(expected)).transpose()?;
        let condition = CommitCondition { day, origin: commit.origin, chain, administration, first_claims, entries };
        Ok(PreparedCommit { record: record.finish(&commit.entries)?, condition: Some(condition) })
    }

    /// The record with the state of a person, which must have this version.
    fn see_version(&self, person: StoreKey, expected: u64) -> Result<Seen, StoreError> {
        let key = Key::person(person);
        if let Some((seen, version)) = self.seen.take(&key)
            && version == expected
        {
            return Ok(seen);
        }
        let seen = self.journal.see(key)?;
        let version = seen.position.map_or(Ok(0), |position| self.version_at(&person, position))?;
        if version == expected { Ok(seen) } else { Err(StoreError::Conflict) }
    }

    /// The row of a claim, which must not exist.
    fn see_unbound(&self, claim: StoreKey) -> Result<Seen, StoreError> {
        let key = Key::claim(claim);
        let seen = self.seen.take(&key).map_or_else(|| self.journal.see(key), |(seen, _)| Ok(seen))?;
        if seen.position.is_none() { Ok(seen) } else { Err(StoreError::Conflict) }
    }

    fn version_at(&self, person: &StoreKey, position: LogPosition) -> Result<u64, StoreError> {
        Ok(record::first_number(self.journal.commit_at(position)?.value(Table::Person, person)?)?)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

impl Drop for EmbeddedStore {
    /// Commits all submitted jobs, then releases the directory.
    fn drop(&mut self) {
        drop((self.commits.take(), self.writes.take()));
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Store for EmbeddedStore {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }

    fn set_observer(&self, observer: Arc<dyn StoreObserver>) {
        self.observer.get_or_init(|| observer);
    }

    fn commit_log(&self) -> Option<Box<dyn CommitLog + '_>> {
        Some(Box::new(LogScan::new(&self.journal, &self.secret)))
    }

    fn backup_reader(&self) -> Option<BackupReader> {
        let identity = identity_of(&self.secret);
        Some(BackupReader::new(Arc::clone(&self.journal.segments), identity, self.secret.clone()))
    }

    fn set_disk_reserve(&self, bytes: u64) {
        self.journal.index().set_disk_reserve(bytes);
    }

    fn checkpoint_lag(&self) -> Option<CheckpointLag> {
        let index = self.journal.index();
        let (log_bytes, waiting) = index.checkpoint_lag();
        Some(CheckpointLag { log_bytes, waiting, is_failing: index.is_failing() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::JournalStore;
    use crate::store::coordination::{ComponentFailed, Coordination, Readiness};

    #[tokio::test]
    async fn a_panic_of_the_committing_thread_is_published_and_every_later_write_fails() {
        let place = tempfile::tempdir().expect("a directory");
        let store = EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
        let mut readiness = store.coordination().readiness();
        let unknown = store.submit(Job::Panic).await;
        assert_eq!(unknown, Err(StoreError::Unknown("the committing thread ended".to_owned())));
        let failed = ComponentFailed { component: "the committing thread", why: "it panicked".to_owned() };
        let published = readiness.wait_for(|now| *now == Readiness::Failed(failed.clone()));
        tokio::time::timeout(std::time::Duration::from_secs(10), published).await.expect("in time").expect("a store");
        let later = store.submit(Job::Panic).await;
        assert_eq!(later, Err(StoreError::Unavailable("the committing thread ended".to_owned())));
        assert_eq!(store.entry_count().await, Ok(0), "reads go on");
    }
}
