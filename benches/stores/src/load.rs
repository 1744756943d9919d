//! The load: callers on one thread, a committer on another, replies only after the sync.

use crate::store::{Ack, Key, Person, Result, Settle, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

pub const PERSONS: u32 = 100_000;
const LARGEST_GROUP: usize = 1_024;

/// Bytes that do not compress, cut at random places to fill rows.
struct Pool(Vec<u8>);

impl Pool {
    fn new() -> Self {
        let mut bytes = vec![0; 1 << 20];
        fastrand::Rng::with_seed(7).fill(&mut bytes);
        Self(bytes)
    }

    fn cut<const N: usize>(&self, random: &mut fastrand::Rng) -> [u8; N] {
        let start = random.usize(..self.0.len() - N);
        let mut row = [0; N];
        row.copy_from_slice(&self.0[start..start + N]);
        row
    }

    fn state_row(&self, random: &mut fastrand::Rng, version: u64) -> Vec<u8> {
        let mut row = self.cut::<500>(random).to_vec();
        row[..8].copy_from_slice(&version.to_le_bytes());
        row
    }
}

/// In place of a hash: evenly spread, and the same for the same number.
fn person_key(number: u32) -> Key {
    fastrand::Rng::with_seed(u64::from(number)).u128(..).to_be_bytes()
}

/// Time-ordered, as a UUIDv7 is: 48 bits of milliseconds, a running number, the rest random.
fn entry_key(running: u32, random: &mut fastrand::Rng) -> Key {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.map_or(0, |since| since.as_millis());
    (millis << 80 | u128::from(running) << 48 | u128::from(random.u64(..)) >> 16).to_be_bytes()
}

pub fn preload(store: &dyn Store) -> Result<()> {
    let pool = Pool::new();
    let mut random = fastrand::Rng::with_seed(1);
    let persons: Vec<Person> = (0..PERSONS)
        .map(|number| Person {
            key: person_key(number),
            reference: pool.cut::<200>(&mut random).to_vec(),
            state: pool.state_row(&mut random, 0),
        })
        .collect();
    store.preload(&persons)
}

struct Job {
    settle: Settle,
    reply: oneshot::Sender<bool>,
}

/// Drains what is queued, commits it as one group, and only then replies.
fn commit_groups(store: &dyn Store, jobs: &mpsc::Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first.settle];
        let mut replies = vec![first.reply];
        for job in jobs.try_iter().take(LARGEST_GROUP - 1) {
            group.push(job.settle);
            replies.push(job.reply);
        }
        let verdicts = store.commit(&group).expect("the group is committed");
        for (reply, verdict) in replies.into_iter().zip(verdicts) {
            // A caller that left wants no reply.
            let _ = reply.send(verdict);
        }
    }
}

/// The duration and the rate of the load.
#[derive(Clone, Copy)]
pub struct Phase {
    pub callers: u32,
    pub time: Duration,
    /// Settles a second of all callers together; without it each caller continues as soon as it has its reply.
    pub pace: Option<u32>,
}

pub struct Outcome {
    pub latencies: Vec<Duration>,
    pub elapsed: Duration,
}

/// Runs one phase; calls `acknowledged` for every settle after its reply.
pub fn run(store: &Arc<dyn Store>, phase: Phase, seed: u64, acknowledged: &mut dyn FnMut(Ack)) -> Result<Outcome> {
    let (jobs, queue) = mpsc::channel();
    let committer = {
        let store = Arc::clone(store);
        std::thread::Builder::new().name("committer".into()).spawn(move || commit_groups(&*store, &queue))?
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (acks, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        store: Arc::clone(store),
        pool: Pool::new(),
        jobs,
        acks,
        running: AtomicU64::new(0),
        start: Instant::now(),
        phase,
    });
    let start = shared.start;
    let latencies = runtime.block_on(async {
        let callers: Vec<_> =
            (0..phase.callers).map(|number| tokio::spawn(call(Arc::clone(&shared), number, seed))).collect();
        let mut latencies = Vec::new();
        drop(shared);
        // Ends when the last caller has dropped its share of the sender.
        while let Some(ack) = heard.recv().await {
            acknowledged(ack);
        }
        for caller in callers {
            latencies.extend(caller.await??);
        }
        Result::Ok(latencies)
    })?;
    let elapsed = start.elapsed();
    committer.join().map_err(|_| "the committer panicked")?;
    Ok(Outcome { latencies, elapsed })
}

struct Shared {
    store: Arc<dyn Store>,
    pool: Pool,
    jobs: mpsc::Sender<Job>,
    acks: tokio::sync::mpsc::UnboundedSender<Ack>,
    running: AtomicU64,
    start: Instant,
    phase: Phase,
}

async fn call(shared: Arc<Shared>, number: u32, seed: u64) -> Result<Vec<Duration>> {
    let Phase { callers, time, pace } = shared.phase;
    let mut random = fastrand::Rng::with_seed(seed << 32 | u64::from(number));
    let mut latencies = Vec::new();
    let period = pace.map(|pace| Duration::from_secs(1) * callers / pace);
    let mut due = shared.start + period.unwrap_or_default() * number / callers;
    while shared.start.elapsed() < time {
        let mut begun = Instant::now();
        if let Some(period) = period {
            if due > begun {
                tokio::time::sleep_until(due.into()).await;
                begun = Instant::now();
            } else {
                // The settle before was late, so the wait counts.
                begun = due;
            }
            due += period;
        }
        let ack = settle(&shared, &mut random).await?;
        latencies.push(begun.elapsed());
        shared.acks.send(ack)?;
    }
    Ok(latencies)
}

async fn settle(shared: &Shared, random: &mut fastrand::Rng) -> Result<Ack> {
    let Shared { store, pool, .. } = shared;
    let person = person_key(random.u32(..PERSONS));
    let request = random.u128(..).to_be_bytes();
    let claim = random.u128(..).to_be_bytes();
    loop {
        let seen = store.look_up(&person, &request, &claim)?;
        if seen.request_known || seen.claim_known {
            return Err("a key was drawn twice".into());
        }
        let running = shared.running.fetch_add(1, Ordering::Relaxed);
        let entry = entry_key(running as u32, random);
        let (reply, answer) = oneshot::channel();
        let version = seen.version + 1;
        let settle = Settle {
            person,
            entry,
            request,
            claim,
            expected: seen.version,
            entry_row: pool.cut::<3_000>(random).to_vec(),
            state_row: pool.state_row(random, version),
            request_row: pool.cut(random),
            claim_row: pool.cut(random),
        };
        shared.jobs.send(Job { settle, reply })?;
        if answer.await? {
            return Ok(Ack { person, entry, request, claim, version });
        }
        // Another caller settled for this person meanwhile: look up again.
    }
}
