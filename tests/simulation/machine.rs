//! The process of the store, on a disk that tears: it takes commits one group after the other, compares, writes row
//! by row, syncs, shows readers what is durable, and only then answers. It may crash at every one of these steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use onestop::domain::ids::EntryId;
use onestop::store::rows::{ListPosition, PersonState};
use onestop::store::{Commit, StoreError, record};
use tokio::sync::{Notify, oneshot};

use super::disk::{Disk, DiskRow, DiskTable, Image};
use super::judge::Judge;
use super::scheduler::{Group, Scheduler, lock};

/// The most jobs that share one sync.
const GROUP: usize = 4;

/// How often the process crashes right at a step of a write: once in so many.
const CRASH: usize = 400;

/// For so long something that was lost is still waited for.
const CALM: u64 = 200;

/// What the store is asked to write.
#[derive(Clone)]
pub enum Job {
    /// A commit, if its person has not moved.
    Commit(Arc<Commit>),
    /// Rows that depend on nothing.
    WriteBatch(Vec<DiskRow>),
}

/// Where the answer goes; a message that came twice is answered once.
pub type Reply = Option<oneshot::Sender<Result<(), StoreError>>>;

/// The store's process, its memory and its disk.
pub struct Machine {
    pub scheduler: Scheduler,
    pub judge: Arc<Mutex<Judge>>,
    inner: Mutex<Inner>,
    bell: Notify,
}

#[derive(Default)]
struct Inner {
    up: bool,
    troubled: bool,
    calm_since: u64,
    disk: Disk,
    image: Image,
    told: usize,
    queue: VecDeque<(Job, Reply)>,
}

impl Machine {
    /// A machine with an empty disk, running.
    pub fn start(scheduler: &Scheduler, judge: &Arc<Mutex<Judge>>) -> Arc<Machine> {
        let (scheduler, judge) = (scheduler.clone(), Arc::clone(judge));
        let machine = Arc::new(Machine { scheduler, judge, inner: Mutex::default(), bell: Notify::new() });
        machine.boot();
        machine
    }

    /// Whether messages are lost and processes crash.
    pub fn set_troubled(&self, troubled: bool) {
        let mut inner = lock(&self.inner);
        (inner.troubled, inner.calm_since) = (troubled, self.scheduler.now());
    }

    /// Whether something that was lost, or a process that was gone, may have met what began then.
    pub fn was_troubled(&self, begun: u64) -> bool {
        let inner = lock(&self.inner);
        inner.troubled || begun < inner.calm_since + CALM
    }

    pub fn is_troubled(&self) -> bool {
        lock(&self.inner).troubled
    }

    /// What readers see now, if the process is there.
    pub fn read<T>(&self, read: impl FnOnce(&Image) -> T) -> Option<T> {
        let inner = lock(&self.inner);
        inner.up.then(|| read(&inner.image))
    }

    /// A message with a job arrives.
    pub fn arrive(&self, job: Job, reply: Reply) {
        let mut inner = lock(&self.inner);
        if inner.up {
            inner.queue.push_back((job, reply));
            self.bell.notify_one();
        } else if let Some(reply) = reply {
            // Nobody is there to take it, and that is known.
            let _gone = reply.send(Err(StoreError::Unavailable("nobody is there".to_owned())));
        }
    }

    /// The process ends where it is, and its disk keeps what it keeps.
    pub fn crash(&self) {
        self.scheduler.kill(Group::Store);
        let mut inner = lock(&self.inner);
        (inner.up, inner.image) = (false, Image::new());
        let lost = std::mem::take(&mut inner.queue);
        self.scheduler.draw(|random| inner.disk.tear(random));
        drop(inner);
        drop(lost);
    }

    /// The process starts on what its disk kept.
    pub fn boot(self: &Arc<Machine>) {
        let mut inner = lock(&self.inner);
        if inner.up {
            return;
        }
        let commits = inner.disk.recover();
        inner.image = commits.iter().flatten().map(|row| ((row.table, row.key.clone()), row.value.clone())).collect();
        let told = std::mem::replace(&mut inner.told, commits.len());
        inner.up = true;
        let mut judge = lock(&self.judge);
        judge.recovered(told, commits.len());
        for commit in commits.get(told..).unwrap_or_default() {
            judge.durable(commit, self.scheduler.now());
        }
        judge.sees_all_of(&inner.image);
        self.scheduler.spawn(Group::Store, Arc::clone(self).work());
    }

    async fn work(self: Arc<Machine>) {
        loop {
            let jobs: Vec<_> = {
                let mut inner = lock(&self.inner);
                let count = inner.queue.len().min(GROUP);
                inner.queue.drain(..count).collect()
            };
            if jobs.is_empty() {
                self.bell.notified().await;
            } else {
                self.take(jobs).await;
            }
        }
    }

    async fn take(self: &Arc<Machine>, jobs: Vec<(Job, Reply)>) {
        let mut written: Image = BTreeMap::new();
        let (mut commits, mut answers) = (Vec::new(), Vec::new());
        for (job, reply) in jobs {
            let rows = self.rows(&job, &written);
            if let Ok(rows) = &rows {
                self.write(rows).await;
                written.extend(rows.iter().map(|row| ((row.table, row.key.clone()), row.value.clone())));
                commits.push(rows.clone());
            }
            answers.push((reply, rows.map(|_| ())));
        }
        self.step().await;
        self.scheduler.sleep(1 + self.scheduler.draw(|random| random.below(4)) as u64).await;
        lock(&self.inner).disk.sync();
        self.step().await;
        self.publish(written, &commits);
        for (reply, answer) in answers {
            self.step().await;
            if let Some(reply) = reply {
                // Whoever asked may be gone; what was committed stays.
                let _gone = reply.send(answer);
            }
        }
    }

    async fn write(self: &Arc<Machine>, rows: &[DiskRow]) {
        for row in rows {
            lock(&self.inner).disk.write_row(row);
            self.step().await;
        }
        lock(&self.inner).disk.write_mark();
    }

    fn publish(&self, written: Image, commits: &[Vec<DiskRow>]) {
        let mut inner = lock(&self.inner);
        inner.image.extend(written);
        inner.told += commits.len();
        let mut judge = lock(&self.judge);
        for commit in commits {
            judge.durable(commit, self.scheduler.now());
        }
    }

    /// Others may go on here, and the process may end.
    async fn step(self: &Arc<Machine>) {
        if self.is_troubled() && self.scheduler.draw(|random| random.one_in(CRASH)) {
            let machine = Arc::clone(self);
            self.scheduler.spawn(Group::ImportContext, async move {
                machine.crash();
                machine.scheduler.sleep(20).await;
                machine.boot();
            });
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    /// The rows of a job, or why it is refused, on what is stored and what was written since.
    fn rows(&self, job: &Job, written: &Image) -> Result<Vec<DiskRow>, StoreError> {
        let commit = match job {
            Job::WriteBatch(rows) => return Ok(rows.clone()),
            Job::Commit(commit) => commit,
        };
        let inner = lock(&self.inner);
        let get = |table: DiskTable, key: &[u8]| {
            let key = (table, key.to_vec());
            written.get(&key).or_else(|| inner.image.get(&key)).map(Vec::as_slice)
        };
        let state = get(DiskTable::States, &person_key(commit));
        let version = state.map_or(Ok(0), |row| record::decode::<PersonState>(row).map(|(state, _)| state.version))?;
        let bound = |claim: &&onestop::store::commit::ClaimWrite| {
            claim.row.is_first() && get(DiskTable::Claims, &claim_key(claim)).is_some()
        };
        if version != commit.expected || commit.claims.iter().any(|claim| bound(&claim)) {
            return Err(StoreError::Conflict);
        }
        if commit.entries.iter().any(|(id, _)| get(DiskTable::Journal, &id.0).is_some()) {
            return Err(StoreError::EntryIdTaken);
        }
        let last = |before: &[u8], until: &[u8]| {
            let within = (DiskTable::Listed, before.to_vec())..(DiskTable::Listed, until.to_vec());
            let last = [&inner.image, written].map(|image| image.range(within.clone()).next_back());
            last.into_iter().flatten().map(|(key, _)| key.1.clone()).max()
        };
        rows_of(commit, last)
    }
}

fn person_key(commit: &Commit) -> Vec<u8> {
    commit.person_id.as_str().as_bytes().to_vec()
}

fn claim_key(claim: &onestop::store::commit::ClaimWrite) -> Vec<u8> {
    key(&[claim.hospital_id.as_str(), claim.claim_id.as_str()])
}

/// The key of these names; none of them holds a zero.
pub fn key(names: &[&str]) -> Vec<u8> {
    names.join("\0").into_bytes()
}

/// The key of a place in the list of a hospital's settlements.
pub fn place_key(hospital: &str, place: ListPosition) -> Vec<u8> {
    let mut key = key(&[hospital, ""]);
    key.extend_from_slice(&place.day.number().to_be_bytes());
    key.extend_from_slice(&place.number.to_be_bytes());
    key
}

fn rows_of(commit: &Commit, last: impl Fn(&[u8], &[u8]) -> Option<Vec<u8>>) -> Result<Vec<DiskRow>, StoreError> {
    let row = |table, key: Vec<u8>, value: Vec<u8>| DiskRow { table, key, value };
    let first: EntryId = commit.entries[0].0;
    let mut rows: Vec<DiskRow> =
        commit.entries.iter().map(|(id, entry)| row(DiskTable::Journal, id.0.to_vec(), entry.clone())).collect();
    let names = [commit.hospital_id.as_str(), commit.person_id.as_str(), commit.request_id.as_str()];
    rows.push(row(DiskTable::Requests, key(&names), record::encode(&first)?.0));
    for claim in &commit.claims {
        rows.push(row(DiskTable::Claims, claim_key(claim), record::encode(&claim.row)?.0));
    }
    if let Some(day) = commit.listed {
        let of_day = |number| place_key(commit.hospital_id.as_str(), ListPosition { day, number });
        let last = last(&of_day(0), &of_day(u64::MAX)).and_then(|key| key[key.len() - 8..].try_into().ok());
        let number = last.map_or(0, u64::from_be_bytes) + 1;
        let place = ListPosition { day, number };
        rows.push(row(DiskTable::Listed, of_day(number), record::encode(&(place, first))?.0));
    }
    rows.push(row(DiskTable::States, person_key(commit), record::encode(&commit.state)?.0));
    Ok(rows)
}
