//! The store in a directory: redb, a copy-on-write B-tree in one file, and one thread that commits.
//!
//! Many claims share one sync: the committing thread takes whatever waits, compares versions, writes all
//! of it as one transaction, publishes a view of it once it is durable, and only then answers. Readers
//! read that view and no other, so what is not durable yet is never seen.
//!
//! One process has the directory; a second is refused, and so is a newer format.
//!
//! Why redb: `benches/stores` measures the candidates on this job. fjall commits two to three times as
//! many, but a torn last write can keep it from opening, and damage in its journal can pass unnoticed;
//! LMDB cannot be opened without unsafe code; SQLite is slower. Right and durable come before fast.

mod committer;
mod database;
mod directory;
mod reference;
mod upgrade;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::coordination::{Readiness, SingleInstance};
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::keys::{Secret, StoreKey};
use super::rows::{ListPosition, PersonState};
use super::{
    Commit, JournalStore, Keyed, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore,
    ReferenceWrite, Scope, Store, StoreError, codec, record,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::person::PersonRecord;

use committer::{DayKey, Job, WriteBatch, number_of, place_key};
use database::{RedbTable, Tables};

/// Why a directory cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// It was written by a later release.
    #[error("{path} has store format {found}; this release reads up to {known}", known = directory::FORMAT)]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: String,
    },
    /// It holds something else.
    #[error("{0} is not empty and holds no store")]
    NotAStore(PathBuf),
    /// It cannot be read or written.
    #[error("{path}: {why}")]
    Failed {
        /// The directory.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// An answer leaves when its bytes are synced.
    Synced,
    /// Bytes are handed to the operating system only: a power cut may take acknowledged settlements.
    Volatile,
}

impl Durability {
    fn readiness(self) -> Readiness {
        match self {
            Durability::Synced => Readiness::Ready,
            Durability::Volatile => Readiness::Volatile("answers do not wait for the disk".to_owned()),
        }
    }
}

/// A store in a directory.
pub struct EmbeddedStore {
    tables: Arc<Tables>,
    place: PathBuf,
    _directory: directory::Lock,
    secret: Secret,
    coordination: SingleInstance,
    jobs: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in this directory, or makes one in an empty or missing directory.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        let (lock, secret, format) = directory::prepare(path)?;
        let tables = Arc::new(Tables::open(&directory::database_file(path)?, durability)?);
        directory::sync_entries(path)?;
        if format < directory::FORMAT {
            upgrade::from(format, &tables, &secret)
                .map_err(|error| OpenError::Failed { path: path.to_owned(), why: error.to_string() })?;
            directory::upgraded(path)?;
        }
        let (jobs, queue) = mpsc::unbounded_channel();
        let readiness = watch::Sender::new(durability.readiness());
        let committer = committer::Committer::new(Arc::clone(&tables), readiness.clone());
        let spawned = std::thread::Builder::new().name("committer".to_owned()).spawn(move || committer.run(queue));
        let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
        Ok(EmbeddedStore {
            tables,
            place: path.to_owned(),
            _directory: lock,
            secret,
            coordination: SingleInstance::new(readiness),
            jobs: Some(jobs),
            thread: Some(spawned.map_err(failed)?),
        })
    }

    /// Hands a job to the committing thread, which runs it whether or not anybody waits.
    async fn submit(&self, make: impl FnOnce(committer::Reply) -> Job) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let ended = || StoreError::Unavailable("the committing thread ended".to_owned());
        self.jobs.as_ref().ok_or_else(ended)?.send(make(reply)).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unknown("the committing thread ended".to_owned())))
    }

    /// The rows of a table behind a person's key, each as it reads.
    fn behind<T>(
        &self,
        table: RedbTable,
        behind: Option<StoreKey>,
        most: usize,
        read: impl Fn(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<Keyed<T>>, StoreError> {
        let rows = self.tables.view().behind(table, behind.as_ref().map_or(&[][..], |key| &key[..]), most)?;
        rows.into_iter().map(|(key, row)| Ok((fixed(key)?, read(&row)))).collect()
    }

    fn rows(&self, commit: Commit) -> Result<WriteBatch, StoreError> {
        let person = self.secret.person(&commit.person_id);
        let request = self.secret.request(&commit.hospital_id, &commit.person_id, &commit.request_id);
        let first = commit.entries.first().map(|(id, _)| *id);
        let first = first.ok_or_else(|| StoreError::Unavailable("a commit without an entry".to_owned()))?;
        let claims = commit.claims.iter().map(|claim| {
            let key = self.secret.claim(&claim.hospital_id, &claim.claim_id);
            Ok((key, record::encode(&claim.row)?.0, claim.row.is_first()))
        });
        let listed = commit.listed.map(|day| {
            let row = record::encode(&(first, day))?.0;
            Ok::<_, StoreError>((day_key(&self.secret, &commit.hospital_id, day), row))
        });
        Ok(WriteBatch {
            expected: commit.expected,
            state: (person, record::encode(&commit.state)?.0),
            request: (request, record::encode(&first)?.0),
            claims: claims.collect::<Result<_, StoreError>>()?,
            listed: listed.transpose()?,
            entries: commit.entries,
        })
    }
}

/// A key of so many bytes.
fn fixed<const N: usize>(key: Vec<u8>) -> Result<[u8; N], StoreError> {
    key.try_into().map_err(|_| StoreError::Damaged("a key is cut short".to_owned()))
}

/// The key of a hospital's day.
fn day_key(secret: &Secret, hospital_id: &HospitalId, day: Day) -> DayKey {
    let mut key = DayKey::default();
    key[..16].copy_from_slice(&secret.hospital(hospital_id));
    key[16..].copy_from_slice(&day.number().to_be_bytes());
    key
}

impl Drop for EmbeddedStore {
    /// Commits what was submitted, then lets the directory go.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the committing thread panicked");
        }
    }
}

impl Store for EmbeddedStore {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }
}

impl JournalStore for EmbeddedStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.secret.person(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let view = self.tables.view();
        let person = self.secret.person(scope.person_id);
        let request = scope.request_id.map(|id| self.secret.request(scope.hospital_id, scope.person_id, id));
        let claim = scope.claim_id.map(|id| self.secret.claim(scope.hospital_id, id));
        let state: Option<PersonState> = view.get(RedbTable::States, &person)?;
        Ok(LookUp {
            person: view.get_as(RedbTable::Persons, &person, codec::decode_person)?,
            state: state.unwrap_or_default(),
            request: request.map(|key| view.get(RedbTable::Requests, &key)).transpose()?.flatten(),
            claim: claim.map(|key| view.get_as(RedbTable::Claims, &key, codec::decode_claim)).transpose()?.flatten(),
        })
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let read = |row: &[u8]| codec::decode_entry(row).map(|(entry, _)| entry);
        self.tables.view().get_as(RedbTable::Journal, &id.0, read)
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.tables.view().get_as(RedbTable::Journal, &id.0, |row| Ok(row.to_vec()))
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.behind(RedbTable::States, after, limit, |row| record::decode(row).map(|(state, _)| state))
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.tables.view().count(RedbTable::Journal)
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        let first = place_key(&day_key(&self.secret, hospital_id, from.day), from.number);
        let end = place_key(&day_key(&self.secret, hospital_id, until), 0);
        let rows: Vec<(_, (EntryId, Day))> = self.tables.view().range(RedbTable::Listed, (&first, &end), limit)?;
        let listed = rows.into_iter().map(|(key, (id, day))| (ListPosition { day, number: number_of(&key) }, id));
        Ok(listed.collect())
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let rows = settlements.into_iter().map(|id| record::encode(&(id, day)).map(|(row, _)| row));
        let (day, rows) = (day_key(&self.secret, hospital_id, day), rows.collect::<Result<_, _>>()?);
        self.submit(|reply| Job::List(day, rows, reply)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let rows = self.rows(commit)?;
        self.submit(|reply| Job::Commit(Box::new(rows), reply)).await
    }
}

impl ReferenceStore for EmbeddedStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let view = self.tables.view();
        let record = |id| view.get_as(RedbTable::Persons, &self.secret.person(id), codec::decode_person);
        ids.iter().map(record).collect()
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.behind(RedbTable::Persons, after, limit, codec::decode_person)
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(self.secret.clone(), Some(self.place.clone()))
    }

    async fn read_reference(&self) -> Result<ReferenceRead, StoreError> {
        reference::read(&self.tables.view())
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        let rows = reference::rows(&self.secret, import, part, write)?;
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        let rows = vec![reference::note_row(number, note)?];
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        reference::imports(&self.tables.view(), before, limit)
    }
}

impl PolicyStore for EmbeddedStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        let rows = vec![(RedbTable::Policies, digest.0.to_vec(), record::encode(&canonical)?.0)];
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.tables.view().get(RedbTable::Policies, &digest.0)
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        let rows = self.tables.view().behind(RedbTable::Policies, &[], usize::MAX)?;
        rows.into_iter().map(|(key, _)| Ok(Digest(fixed(key)?))).collect()
    }
}
