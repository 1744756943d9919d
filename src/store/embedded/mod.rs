//! The store in a directory: redb, a copy-on-write B-tree in one file, and one thread that commits.
//!
//! Many commits share one sync (group commit): the committing thread takes all pending jobs, compares versions, writes
//! them as one transaction, publishes a snapshot once it is durable, and only then answers. Readers read that snapshot,
//! so they never see what is not durable yet.
//!
//! One process uses the directory; a second is refused, and so is a newer format.
//!
//! Why redb: `benches/stores` measures the candidates with this workload. fjall commits two to three times as many, but a
//! torn last write can prevent it from opening, and damage in its journal can pass unnoticed; LMDB cannot be opened
//! without unsafe code; SQLite is slower. Correct and durable come before fast.

mod committer;
mod database;
mod directory;
pub mod disk;
mod durability;
pub mod index;
mod list_keys;
pub mod log;
mod open_error;
mod reference;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::{mpsc, oneshot, watch};

use super::coordination::SingleInstance;
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::keys::{DerivedKey, Secret, StoreKey};
use super::observer::StoreObserver;
use super::rows::{ListPosition, ListedRow, PolicyText, RequestRow};
use super::{
    Commit, JournalStore, Keyed, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore,
    ReferenceWrite, Scope, Store, StoreError,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::journal::{decode_entry, record};
use crate::reference::person::PersonRecord;

use committer::{Job, TracedJob, WriteBatch};
use database::{RedbTable, Tables};
pub use durability::Durability;
use list_keys::{day_key, number_of_key, position_key};
pub use open_error::OpenError;

/// A store in a directory.
pub struct EmbeddedStore {
    tables: Arc<Tables>,
    path: PathBuf,
    _directory: directory::Lock,
    secret: Secret,
    coordination: SingleInstance,
    observer: Arc<OnceLock<Arc<dyn StoreObserver>>>,
    jobs: Option<mpsc::UnboundedSender<TracedJob>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in this directory, or creates one in an empty or missing directory.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, durability: Durability) -> Result<EmbeddedStore, OpenError> {
        let (lock, secret) = directory::prepare(path)?;
        let tables = Arc::new(Tables::open(&directory::database_file(path)?, durability)?);
        directory::sync_entries(path)?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let readiness = watch::Sender::new(durability.readiness());
        let observer = Arc::default();
        let committer = committer::Committer::new(Arc::clone(&tables), readiness.clone(), Arc::clone(&observer))
            .map_err(|error| OpenError::NewestDay { path: path.to_owned(), error })?;
        let spawned = std::thread::Builder::new().name("committer".to_owned()).spawn(move || committer.run(queue));
        let failed = |error| OpenError::File { path: path.to_owned(), error };
        Ok(EmbeddedStore {
            tables,
            path: path.to_owned(),
            _directory: lock,
            secret,
            coordination: SingleInstance::new(readiness),
            observer,
            jobs: Some(jobs),
            thread: Some(spawned.map_err(failed)?),
        })
    }

    /// Sends a job to the committing thread, which runs it even if the caller stops waiting.
    async fn submit(&self, job: impl FnOnce(committer::ReplySender) -> Job) -> Result<(), StoreError> {
        let (reply, outcome) = oneshot::channel();
        let ended = || StoreError::Unavailable("the committing thread ended".to_owned());
        let traced = TracedJob { job: job(reply), span: tracing::Span::current() };
        self.jobs.as_ref().ok_or_else(ended)?.send(traced).map_err(|_| ended())?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Unknown("the committing thread ended".to_owned())))
    }

    /// Up to `limit` rows of a table after a person's key, each decoded on its own.
    fn rows_after<T>(
        &self,
        table: RedbTable,
        after: Option<StoreKey>,
        limit: usize,
        decode: impl Fn(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<Keyed<T>>, StoreError> {
        let rows = self.tables.snapshot().rows_after(table, after.as_ref().map_or(&[][..], |key| &key[..]), limit)?;
        rows.into_iter().map(|(key, row)| Ok((fixed_key(key)?, decode(&row)))).collect()
    }

    fn write_batch(&self, commit: Commit) -> WriteBatch {
        let person = self.secret.person(&commit.person_id);
        let request = self.secret.request(&commit.hospital_id, &commit.person_id, &commit.request_id);
        let claims = commit.claims.iter().map(|claim| {
            let key = self.secret.claim(&claim.hospital_id, &claim.claim_id);
            (key, record::encode(&claim.row), claim.row.is_first())
        });
        let listed = commit.listed.map(|day| {
            let row = record::encode(&ListedRow { settlement: commit.request_entry, day });
            (day_key(&self.secret, &commit.hospital_id, day), row)
        });
        WriteBatch {
            day: commit.committed.china_day(),
            origin: commit.origin,
            expected: commit.expected,
            state: (person, record::encode(&commit.state)),
            request: (request, record::encode(&RequestRow(commit.request_entry))),
            claims: claims.collect(),
            listed,
            entries: commit.entries,
        }
    }
}

/// A key as an array of its fixed length.
fn fixed_key<const N: usize>(key: Vec<u8>) -> Result<[u8; N], StoreError> {
    key.try_into().map_err(|_| StoreError::Damaged("a key has a wrong length".to_owned()))
}

impl Drop for EmbeddedStore {
    /// Commits all submitted jobs, then releases the directory.
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

    fn set_observer(&self, observer: Arc<dyn StoreObserver>) {
        self.observer.get_or_init(|| observer);
    }
}

impl JournalStore for EmbeddedStore {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.secret.person(person_id)
    }

    fn derived_key(&self, purpose: &'static str) -> DerivedKey {
        self.secret.derived(purpose)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        let snapshot = self.tables.snapshot();
        let person = self.secret.person(scope.person_id);
        let request = scope.request.map(|(hospital_id, id)| self.secret.request(hospital_id, scope.person_id, id));
        let claim = scope.claim.map(|(hospital_id, id)| self.secret.claim(hospital_id, id));
        Ok(LookUp {
            person: snapshot.get(RedbTable::Persons, &person)?,
            state: snapshot.get(RedbTable::States, &person)?.unwrap_or_default(),
            request: request.map_or(Ok(None), |key| snapshot.get(RedbTable::Requests, &key))?.map(|RequestRow(id)| id),
            claim: claim.map_or(Ok(None), |key| snapshot.get(RedbTable::Claims, &key))?,
        })
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        let decode = |row: &[u8]| Ok(decode_entry(row)?.0);
        self.tables.snapshot().get_with(RedbTable::Journal, &id.0, decode)
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        self.tables.snapshot().get_with(RedbTable::Journal, &id.0, |row| Ok(row.to_vec()))
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.rows_after(RedbTable::States, after, limit, |row| Ok(record::decode(row)?))
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.tables.snapshot().count(RedbTable::Journal)
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        before: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        let first = position_key(&day_key(&self.secret, hospital_id, from.day), from.number);
        let end = position_key(&day_key(&self.secret, hospital_id, before), 0);
        let rows: Vec<(_, ListedRow)> = self.tables.snapshot().range(RedbTable::Listed, (&first, &end), limit)?;
        let listed = rows
            .into_iter()
            .map(|(key, row)| (ListPosition { day: row.day, number: number_of_key(&key) }, row.settlement));
        Ok(listed.collect())
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        let rows = settlements.into_iter().map(|settlement| record::encode(&ListedRow { settlement, day }));
        let (day, rows) = (day_key(&self.secret, hospital_id, day), rows.collect());
        self.submit(|reply| Job::Append(day, rows, reply)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let batch = self.write_batch(commit);
        self.submit(|reply| Job::Commit(Box::new(batch), reply)).await
    }
}

impl ReferenceStore for EmbeddedStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let snapshot = self.tables.snapshot();
        let record = |id| snapshot.get(RedbTable::Persons, &self.secret.person(id));
        ids.iter().map(record).collect()
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.rows_after(RedbTable::Persons, after, limit, |row| Ok(record::decode(row)?))
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(self.secret.clone(), Some(self.path.clone()))
    }

    async fn read_reference(&self) -> Result<ReferenceRead, StoreError> {
        reference::read(&self.tables.snapshot())
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        let rows = reference::rows(&self.secret, import, part, write);
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), StoreError> {
        let rows = vec![reference::event_row(number, event)];
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        reference::imports(&self.tables.snapshot(), before, limit)
    }
}

impl PolicyStore for EmbeddedStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        let rows = vec![(RedbTable::Policies, digest.0.to_vec(), record::encode(&PolicyText(canonical)))];
        self.submit(|reply| Job::Write(rows, reply)).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        Ok(self.tables.snapshot().get(RedbTable::Policies, &digest.0)?.map(|PolicyText(text)| text))
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        let rows = self.tables.snapshot().rows_after(RedbTable::Policies, &[], usize::MAX)?;
        rows.into_iter().map(|(key, _)| Ok(Digest(fixed_key(key)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let later = store.put_policy(Digest([0; 32]), "a policy".to_owned()).await;
        assert_eq!(later, Err(StoreError::Unavailable("the committing thread ended".to_owned())));
        assert_eq!(store.policy(Digest([0; 32])).await, Ok(None), "reads go on");
    }
}
