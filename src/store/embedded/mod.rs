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

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::keys::Secret;
use super::rows::PersonState;
use super::{Commit, ReferenceRead, ReferenceWrite, Scope, Seen, Store, StoreError, record};
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::reference::person::PersonRecord;

use committer::{Job, Rows};
use database::{Table, Tables};

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

/// A store in a directory.
pub struct EmbeddedStore {
    tables: Arc<Tables>,
    _directory: directory::Lock,
    secret: Secret,
    jobs: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in this directory, or makes one in an empty or missing directory.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        let (lock, secret) = directory::prepare(path)?;
        let tables = Arc::new(Tables::open(&directory::database_file(path)?, durability)?);
        directory::sync_entries(path)?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let committer = committer::Committer::new(Arc::clone(&tables));
        let spawned = std::thread::Builder::new().name("committer".to_owned()).spawn(move || committer.run(queue));
        let failed = |error: std::io::Error| OpenError::Failed { path: path.to_owned(), why: error.to_string() };
        Ok(EmbeddedStore { tables, _directory: lock, secret, jobs: Some(jobs), thread: Some(spawned.map_err(failed)?) })
    }

    /// Hands a job to the committing thread, which runs it whether or not anybody waits.
    async fn submit(&self, make: impl FnOnce(committer::Reply) -> Job) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let ended = || StoreError::Unavailable("the committing thread ended".to_owned());
        self.jobs.as_ref().ok_or_else(ended)?.send(make(reply)).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unknown("the committing thread ended".to_owned())))
    }

    fn rows(&self, commit: Commit) -> Result<Rows, StoreError> {
        let person = self.secret.person(&commit.person_id);
        let request = self.secret.request(&commit.hospital_id, &commit.person_id, &commit.request_id);
        let claim = match &commit.claim {
            None => None,
            Some((claim, row)) => {
                let first = matches!(row.settlements[..], [(_, None)]);
                Some((self.secret.claim(&commit.hospital_id, claim), record::encode(row)?.0, first))
            }
        };
        Ok(Rows {
            entry: (commit.id, commit.record),
            expected: commit.state.version - 1,
            state: (person, record::encode(&commit.state)?.0),
            request: (request, record::encode(&commit.id)?.0),
            claim,
        })
    }
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
    async fn look_up(&self, scope: Scope<'_>) -> Result<Seen, StoreError> {
        let view = self.tables.view();
        let person = self.secret.person(scope.person_id);
        let request = scope.request_id.map(|id| self.secret.request(scope.hospital_id, scope.person_id, id));
        let claim = scope.claim_id.map(|id| self.secret.claim(scope.hospital_id, id));
        let state: Option<PersonState> = view.get(Table::States, &person)?;
        Ok(Seen {
            person: view.get(Table::Persons, &person)?,
            state: state.unwrap_or_default(),
            request: request.map(|key| view.get(Table::Requests, &key)).transpose()?.flatten(),
            claim: claim.map(|key| view.get(Table::Claims, &key)).transpose()?.flatten(),
        })
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.tables.view().get(Table::Journal, &id.0)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let rows = self.rows(commit)?;
        self.submit(|reply| Job::Commit(Box::new(rows), reply)).await
    }

    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let view = self.tables.view();
        ids.iter().map(|id| view.get(Table::Persons, &self.secret.person(id))).collect()
    }

    async fn reference(&self) -> Result<ReferenceRead, StoreError> {
        let view = self.tables.view();
        let hospitals: Vec<(HospitalId, HospitalRecord)> = view.all(Table::Hospitals)?;
        let catalogue: Vec<CatalogueRow> = view.all(Table::Catalogue)?;
        Ok(ReferenceRead { hospitals, catalogue })
    }

    async fn put_reference(&self, write: ReferenceWrite) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (id, person) in &write.persons {
            rows.push((Table::Persons, self.secret.person(id).to_vec(), record::encode(person)?.0));
        }
        for hospital in &write.hospitals {
            let key = hospital.0.as_str().as_bytes().to_vec();
            rows.push((Table::Hospitals, key, record::encode(hospital)?.0));
        }
        for row in &write.catalogue {
            let key = record::encode(&(&row.entry.code, &row.regions, row.days.from))?.0;
            rows.push((Table::Catalogue, key, record::encode(row)?.0));
        }
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        let rows = vec![(Table::Policies, digest.0.to_vec(), record::encode(&canonical)?.0)];
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.tables.view().get(Table::Policies, &digest.0)
    }
}
