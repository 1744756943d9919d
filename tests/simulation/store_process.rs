//! The store process on a disk with torn writes: for each batch of jobs it compares versions, writes row by row, syncs,
//! publishes the durable rows to readers, and only then replies. It may crash at each of these steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use onestop::domain::day::Day;
use onestop::domain::ids::{EntryId, HospitalId};
use onestop::domain::journal::Instant;
use onestop::journal::{CommittedEntry, decode_committed, record};
use onestop::store::administration::{AdministrationCommit, AdministrationEffect, AdministrationState};
use onestop::store::rows::{ListPosition, ListedRow, RequestRow};
use onestop::store::{Commit, StoreError};
use tokio::sync::{Notify, oneshot};

use super::auditor::Auditor;
use super::disk::{Disk, DiskRow, DiskTable, Image};
use super::scheduler::{Group, Scheduler, lock};
use super::store::{END, import_key};

/// The largest number of jobs that share one sync.
const MAX_BATCH: usize = 4;

/// The process crashes at one in this many crash points.
const CRASH_ONE_IN: usize = 400;

/// How long a lost message or a crash still affects calls after faults are disabled.
const FAULT_EFFECT_TIME: u64 = 200;

/// A write that the store is asked for.
#[derive(Clone)]
pub enum Job {
    /// A commit, which fails if the version of its person has changed.
    Commit(Arc<Commit>),
    /// A commit of the administration, which fails if the version of its chain has changed.
    Administration(Arc<AdministrationCommit>),
    /// Rows without a condition.
    WriteBatch(Vec<DiskRow>),
}

/// Receives the result of a job; the duplicate of a message has none.
pub type Reply = Option<oneshot::Sender<Result<(), StoreError>>>;

/// The store process with its memory and its disk.
pub struct StoreProcess {
    pub scheduler: Scheduler,
    pub auditor: Arc<Mutex<Auditor>>,
    inner: Mutex<Inner>,
    jobs_available: Notify,
}

#[derive(Default)]
struct Inner {
    up: bool,
    faults_enabled: bool,
    faults_ended_at: u64,
    disk: Disk,
    image: Image,
    known_durable: usize,
    queue: VecDeque<(Job, Reply)>,
}

impl StoreProcess {
    /// Starts a process with an empty disk.
    pub fn start(scheduler: &Scheduler, auditor: &Arc<Mutex<Auditor>>) -> Arc<StoreProcess> {
        let (scheduler, auditor) = (scheduler.clone(), Arc::clone(auditor));
        let process =
            Arc::new(StoreProcess { scheduler, auditor, inner: Mutex::default(), jobs_available: Notify::new() });
        process.boot();
        process
    }

    /// Enables or disables message loss and crashes.
    pub fn set_faults_enabled(&self, faults_enabled: bool) {
        let mut inner = lock(&self.inner);
        (inner.faults_enabled, inner.faults_ended_at) = (faults_enabled, self.scheduler.now());
    }

    /// Whether a lost message or a crash may have affected a call that began at this time.
    pub fn faults_possible_since(&self, began: u64) -> bool {
        let inner = lock(&self.inner);
        inner.faults_enabled || began < inner.faults_ended_at + FAULT_EFFECT_TIME
    }

    pub fn faults_enabled(&self) -> bool {
        lock(&self.inner).faults_enabled
    }

    /// Reads the durable rows, if the process is up.
    pub fn read<T>(&self, read: impl FnOnce(&Image) -> T) -> Option<T> {
        let inner = lock(&self.inner);
        inner.up.then(|| read(&inner.image))
    }

    /// Receives a message with a job.
    pub fn receive(&self, job: Job, reply: Reply) {
        let mut inner = lock(&self.inner);
        if inner.up {
            inner.queue.push_back((job, reply));
            self.jobs_available.notify_one();
        } else if let Some(reply) = reply {
            // The job is certainly not done.
            let _gone = reply.send(Err(StoreError::Unavailable("the store process is down".to_owned())));
        }
    }

    /// Ends the process immediately; the disk keeps what was synced and possibly more.
    pub fn crash(&self) {
        self.scheduler.kill(Group::Store);
        let mut inner = lock(&self.inner);
        (inner.up, inner.image) = (false, Image::new());
        let lost = std::mem::take(&mut inner.queue);
        self.scheduler.draw(|random| inner.disk.tear(random));
        drop(inner);
        drop(lost);
    }

    /// Starts the process from its disk, unless it is up.
    pub fn boot(self: &Arc<StoreProcess>) {
        let mut inner = lock(&self.inner);
        if inner.up {
            return;
        }
        let commits = inner.disk.recover();
        inner.image = commits.iter().flatten().map(|row| ((row.table, row.key.clone()), row.value.clone())).collect();
        let known_durable = std::mem::replace(&mut inner.known_durable, commits.len());
        inner.up = true;
        let mut auditor = lock(&self.auditor);
        auditor.store_recovered(known_durable, commits.len());
        for commit in commits.get(known_durable..).unwrap_or_default() {
            auditor.commit_became_durable(commit, self.scheduler.now());
        }
        auditor.check_image(&inner.image);
        self.scheduler.spawn(Group::Store, Arc::clone(self).serve_jobs());
    }

    async fn serve_jobs(self: Arc<StoreProcess>) {
        loop {
            let jobs: Vec<_> = {
                let mut inner = lock(&self.inner);
                let count = inner.queue.len().min(MAX_BATCH);
                inner.queue.drain(..count).collect()
            };
            if jobs.is_empty() {
                self.jobs_available.notified().await;
            } else {
                self.execute_batch(jobs).await;
            }
        }
    }

    async fn execute_batch(self: &Arc<StoreProcess>, jobs: Vec<(Job, Reply)>) {
        let mut written: Image = BTreeMap::new();
        let (mut commits, mut results) = (Vec::new(), Vec::new());
        for (job, reply) in jobs {
            let rows = self.rows_to_write(&job, &written);
            if let Ok(rows) = &rows {
                self.write(rows).await;
                written.extend(rows.iter().map(|row| ((row.table, row.key.clone()), row.value.clone())));
                commits.push(rows.clone());
            }
            results.push((reply, rows.map(|_| ())));
        }
        self.crash_point().await;
        self.scheduler.sleep(1 + self.scheduler.draw(|random| random.below(4)) as u64).await;
        lock(&self.inner).disk.sync();
        self.crash_point().await;
        self.publish(written, &commits);
        for (reply, result) in results {
            self.crash_point().await;
            if let Some(reply) = reply {
                // The requester may be gone; the commit stays.
                let _gone = reply.send(result);
            }
        }
    }

    async fn write(self: &Arc<StoreProcess>, rows: &[DiskRow]) {
        for row in rows {
            lock(&self.inner).disk.write_row(row);
            self.crash_point().await;
        }
        lock(&self.inner).disk.write_commit_mark();
    }

    fn publish(&self, written: Image, commits: &[Vec<DiskRow>]) {
        let mut inner = lock(&self.inner);
        inner.image.extend(written);
        inner.known_durable += commits.len();
        let mut auditor = lock(&self.auditor);
        for commit in commits {
            auditor.commit_became_durable(commit, self.scheduler.now());
        }
    }

    /// A point at which other tasks may run and the process may crash.
    async fn crash_point(self: &Arc<StoreProcess>) {
        if self.faults_enabled() && self.scheduler.draw(|random| random.one_in(CRASH_ONE_IN)) {
            let process = Arc::clone(self);
            self.scheduler.spawn(Group::Environment, async move {
                process.crash();
                process.scheduler.sleep(20).await;
                process.boot();
            });
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    /// The rows that a job writes, given the published rows and those written since; or the reason why it fails.
    fn rows_to_write(&self, job: &Job, written: &Image) -> Result<Vec<DiskRow>, StoreError> {
        let inner = lock(&self.inner);
        let get = |table: DiskTable, key: &[u8]| {
            let key = (table, key.to_vec());
            written.get(&key).or_else(|| inner.image.get(&key)).map(Vec::as_slice)
        };
        let last = |table: DiskTable, before: &[u8], until: &[u8]| {
            let within = (table, before.to_vec())..(table, until.to_vec());
            let last = [&inner.image, written].map(|image| image.range(within.clone()).next_back());
            last.into_iter().flatten().map(|(key, _)| key.1.clone()).max()
        };
        let newest_day = || -> Result<Option<Day>, StoreError> {
            let Some(key) = last(DiskTable::Sequence, &0u64.to_be_bytes(), &u64::MAX.to_be_bytes()) else {
                return Ok(None);
            };
            let RequestRow(newest) = record::decode(get(DiskTable::Sequence, &key).unwrap_or_default())?;
            match decode_committed(get(DiskTable::Journal, &newest.0).unwrap_or_default())?.0 {
                CommittedEntry::Person(entry) => Ok(Some(entry.committed.china_day())),
                CommittedEntry::Administration(entry) => Ok(Some(entry.committed.china_day())),
            }
        };
        let check_day = |committed: Instant| match newest_day()? {
            Some(newest) if committed.china_day() < newest => Err(StoreError::EarlierDay { newest }),
            _ => Ok(()),
        };
        let commit = match job {
            Job::WriteBatch(rows) => return Ok(rows.clone()),
            Job::Administration(commit) => {
                check_day(commit.committed)?;
                let version = get(DiskTable::Administration, &[]).map_or(Ok(0), record::first_number)?;
                let is_next = version == commit.expected;
                return if is_next { Ok(administration_rows(commit, last)) } else { Err(StoreError::Conflict) };
            }
            Job::Commit(commit) => commit,
        };
        check_day(commit.committed)?;
        let state = get(DiskTable::States, &person_key(commit));
        let version = state.map_or(Ok(0), record::first_number)?;
        let is_taken = |claim: &&onestop::store::commit::ClaimWrite| {
            claim.row.is_first() && get(DiskTable::Claims, &claim_key(claim)).is_some()
        };
        if version != commit.expected || commit.claims.iter().any(|claim| is_taken(&claim)) {
            return Err(StoreError::Conflict);
        }
        if let Some(expected) = commit.closed_months {
            let state = get(DiskTable::Administration, &[]).map(record::decode::<AdministrationState>).transpose()?;
            if state.unwrap_or_default().closed_months != expected {
                return Err(StoreError::Conflict);
            }
        }
        if commit.entries.iter().any(|(id, _)| get(DiskTable::Journal, &id.0).is_some()) {
            return Err(StoreError::EntryIdTaken);
        }
        Ok(commit_rows(commit, last))
    }
}

fn person_key(commit: &Commit) -> Vec<u8> {
    commit.person_id.as_str().as_bytes().to_vec()
}

fn claim_key(claim: &onestop::store::commit::ClaimWrite) -> Vec<u8> {
    composite_key(&[claim.hospital_id.as_str(), claim.claim_id.as_str()])
}

/// The key made of these names, which contain no zero byte.
pub fn composite_key(names: &[&str]) -> Vec<u8> {
    names.join("\0").into_bytes()
}

/// The number in the key of a position.
pub fn number_of_position(key: &[u8]) -> u64 {
    key[key.len() - 8..].try_into().map_or(0, u64::from_be_bytes)
}

/// The key of a position in the settlement list of a hospital.
pub fn list_position_key(hospital: &str, position: ListPosition) -> Vec<u8> {
    let mut key = composite_key(&[hospital, ""]);
    key.extend_from_slice(&position.day.number().to_be_bytes());
    key.extend_from_slice(&position.number.to_be_bytes());
    key
}

/// The number of the next entry in the order of commits.
fn next_in_sequence(last: impl Fn(DiskTable, &[u8], &[u8]) -> Option<Vec<u8>>) -> u64 {
    let last_entry = last(DiskTable::Sequence, &0u64.to_be_bytes(), &u64::MAX.to_be_bytes());
    last_entry.map_or(0, |key| number_of_position(&key)) + 1
}

fn administration_rows(
    commit: &AdministrationCommit,
    last: impl Fn(DiskTable, &[u8], &[u8]) -> Option<Vec<u8>>,
) -> Vec<DiskRow> {
    let next = next_in_sequence(last).to_be_bytes().to_vec();
    let mut rows = vec![
        DiskRow { table: DiskTable::Journal, key: commit.id.0.to_vec(), value: commit.record.clone() },
        DiskRow { table: DiskTable::Sequence, key: next, value: record::encode(&RequestRow(commit.id)) },
        DiskRow { table: DiskTable::Administration, key: Vec::new(), value: record::encode(&commit.state) },
    ];
    if let AdministrationEffect::ImportEnd(number, end) = &commit.effect {
        rows.push(DiskRow { table: DiskTable::Imports, key: import_key(*number, END), value: record::encode(end) });
    }
    rows
}

fn commit_rows(commit: &Commit, last: impl Fn(DiskTable, &[u8], &[u8]) -> Option<Vec<u8>>) -> Vec<DiskRow> {
    let row = |table, key: Vec<u8>, value: Vec<u8>| DiskRow { table, key, value };
    let first: EntryId = commit.request_entry;
    let mut rows: Vec<DiskRow> =
        commit.entries.iter().map(|(id, entry)| row(DiskTable::Journal, id.0.to_vec(), entry.clone())).collect();
    let next = next_in_sequence(&last);
    for (number, (id, _)) in (next..).zip(&commit.entries) {
        rows.push(row(DiskTable::Sequence, number.to_be_bytes().to_vec(), record::encode(&RequestRow(*id))));
    }
    let hospital = commit.hospital_id.as_ref().map_or("", HospitalId::as_str);
    let names = [hospital, commit.person_id.as_str(), commit.request_id.as_str()];
    rows.push(row(DiskTable::Requests, composite_key(&names), record::encode(&RequestRow(first))));
    for claim in &commit.claims {
        rows.push(row(DiskTable::Claims, claim_key(claim), record::encode(&claim.row)));
    }
    if let Some(day) = commit.listed {
        let of_day = |number| list_position_key(hospital, ListPosition { day, number });
        let last =
            last(DiskTable::Listed, &of_day(0), &of_day(u64::MAX)).and_then(|key| key[key.len() - 8..].try_into().ok());
        let number = last.map_or(0, u64::from_be_bytes) + 1;
        rows.push(row(DiskTable::Listed, of_day(number), record::encode(&ListedRow { settlement: first, day })));
    }
    rows.push(row(DiskTable::States, person_key(commit), record::encode(&commit.state)));
    rows
}
