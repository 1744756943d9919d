//! The store in a directory alone: commits of many waiters, beside a bare file with a map that appends the same bytes and
//! shares a sync the same way. Both sides build the same commits: that is the work of the engine.
//!
//! `cargo bench --bench log_store [-- ROUNDS WAITERS]` alternates both, 3 seconds each.
//! `… -- long COMMITS BYTES` makes so many commits with entries of so many bytes on both, a line for each tenth, kills
//! itself without closing, and opens the store again with a cold cache.

#![allow(missing_docs, clippy::expect_used)]

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use onestop::domain::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use onestop::domain::journal::{Entry, Fence, Instant as CommitTime, Link};
use onestop::store::JournalStore;
use onestop::store::commit::Commit;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::live_stays::LiveStays;
use onestop::store::rows::{ClaimRow, PersonState, PersonStateParts};
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn std::error::Error + Send + Sync>;

const PERSONS: u64 = 100_000;
const ROUND: Duration = Duration::from_secs(3);
const GROUP: usize = 512;

/// The bytes of the rows beside the entry of a commit.
const ROWS: usize = 400;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["long", commits, bytes] => compare_long(commits.parse()?, bytes.parse()?),
        ["run", side, place, commits, bytes] => run_long(side, Path::new(place), commits.parse()?, bytes.parse()?),
        ["open", place] => open_again(Path::new(place)),
        _ => {
            let number = |at: usize, usual| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(usual);
            compare(number(0, 5), number(1, 64))
        }
    }
}

/// Something that commits.
#[derive(Clone)]
enum Side {
    Store(Arc<EmbeddedStore>),
    Bare(Sender<BareJob>),
}

struct BareJob {
    keys: [[u8; 16]; 4],
    bytes: Vec<u8>,
    reply: oneshot::Sender<()>,
}

impl Side {
    fn open(name: &str, place: &Path) -> Result<Side, Failed> {
        std::fs::create_dir_all(place)?;
        if name == "store" {
            return Ok(Side::Store(Arc::new(EmbeddedStore::open(&place.join("store"), Durability::Synced)?)));
        }
        let file = File::options().create(true).truncate(true).write(true).read(true).open(place.join("bare"))?;
        let (sender, jobs) = channel();
        std::thread::spawn(move || bare(&file, &jobs));
        Ok(Side::Bare(sender))
    }

    async fn commit(&self, number: u64, person: u64, version: u64, bytes: usize) -> Result<(), Failed> {
        let mut commit = commit(number, person, version, bytes);
        match self {
            Side::Store(store) => Ok(store.commit(commit).await?),
            Side::Bare(jobs) => {
                let (reply, done) = oneshot::channel();
                let key = |kind: u64, number: u64| u128::from(kind << 56 | number).to_be_bytes();
                let keys = [key(1, person), key(2, number), key(3, number), key(4, number)];
                let (_, mut bytes) = commit.entries.swap_remove(0);
                bytes.resize(bytes.len() + ROWS, 7);
                jobs.send(BareJob { keys, bytes, reply })?;
                Ok(done.await?)
            }
        }
    }
}

/// The committing thread of the bare file: one write, one sync, four maps.
fn bare(file: &File, jobs: &Receiver<BareJob>) {
    let (mut end, mut maps) = (0u64, [(); 4].map(|()| HashMap::<[u8; 16], u64>::new()));
    while let Ok(first) = jobs.recv() {
        let (mut group, mut buffer) = (vec![first], Vec::new());
        while group.len() < GROUP
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        for job in &group {
            buffer.extend_from_slice(&crc32c::crc32c(&job.bytes).to_le_bytes());
            buffer.extend_from_slice(&job.bytes);
        }
        file.write_all_at(&buffer, end).and_then(|()| file.sync_data()).expect("a synced write");
        for job in group {
            for (map, key) in maps.iter_mut().zip(job.keys) {
                map.insert(key, end);
            }
            end += job.bytes.len() as u64 + 4;
            let _gone = job.reply.send(());
        }
    }
}

/// A commit with an entry of so many bytes, and the rows of a settlement.
fn commit(number: u64, person: u64, version: u64, bytes: usize) -> Commit {
    let limit = 64;
    let person_id = PersonId::parse(format!("P{person}"), limit).expect("an id");
    let hospital_id = HospitalId::parse(format!("H{}", number % 300), limit).expect("an id");
    let body = Fence { hospital_id: Some(hospital_id.clone()), person_id: person_id.clone() };
    let id = EntryId((u128::from(number) << 40 | u128::from(person)).to_be_bytes());
    let entry = Entry {
        id,
        link: Link { number: version + 1, previous: None, chained: Digest([3; 32]) },
        committed: CommitTime(number as i64),
        request_id: RequestId::parse(format!("R{number}"), limit).expect("an id"),
        content: Digest([5; 32]),
        body,
    };
    let before = PersonStateParts {
        version,
        head: Some(id),
        chained: Digest([3; 32]),
        accounts: Vec::new(),
        hospitals: vec![hospital_id.clone(); 12],
        stays: LiveStays::default(),
    };
    let mut commit = Commit::new(PersonState::from(before), &entry);
    commit.entries[0].1 = vec![7; bytes];
    commit.listed = Some(CommitTime(number as i64).china_day());
    let mut row = ClaimRow::unsettled(person_id);
    row.settled(id);
    commit.set_claim(hospital_id, ClaimId::parse(format!("C{number}"), limit).expect("an id"), row);
    commit
}

/// What a load measured.
#[derive(Default)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    p999: f64,
    worst: f64,
    cpu: f64,
    written: f64,
}

/// Commits of so many waiters, each for persons of its own, until this moment or number.
struct Load {
    next: AtomicU64,
    until: Instant,
    commits: u64,
    bytes: usize,
}

async fn load(side: &Side, load: &Arc<Load>, versions: &mut [HashMap<u64, u64>]) -> Result<Figures, Failed> {
    let (begin, usage) = (Instant::now(), usage()?);
    let waiters = versions.len() as u64;
    let mut tasks = Vec::new();
    for (waiter, known) in versions.iter_mut().enumerate() {
        let (side, load, mut known) = (side.clone(), Arc::clone(load), std::mem::take(known));
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = load.next.fetch_add(1, Ordering::Relaxed);
                if number >= load.commits || Instant::now() >= load.until {
                    return Ok::<_, Failed>((times, known));
                }
                let random = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
                let person = random % (PERSONS / waiters) * waiters + waiter as u64;
                let version = known.entry(person).or_default();
                let start = Instant::now();
                side.commit(number, person, *version, load.bytes).await?;
                times.push(start.elapsed());
                *version += 1;
            }
        }));
    }
    let mut times = Vec::new();
    for (task, known) in tasks.into_iter().zip(versions) {
        let (more, versions) = task.await??;
        times.extend(more);
        *known = versions;
    }
    let (elapsed, used) = (begin.elapsed().as_secs_f64(), usage_since(usage)?);
    times.sort_unstable();
    let count = times.len().max(1);
    let at = |share: f64| times.get(((count - 1) as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    Ok(Figures {
        rate: count as f64 / elapsed,
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        worst: at(1.0),
        cpu: used.0 / count as f64,
        written: used.1 / count as f64,
    })
}

/// Processor time in µs and bytes written by this process.
fn usage() -> Result<(f64, f64), Failed> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok((ticks * 10_000.0, proc_number("/proc/self/io", "write_bytes:")?))
}

fn usage_since(before: (f64, f64)) -> Result<(f64, f64), Failed> {
    let now = usage()?;
    Ok((now.0 - before.0, now.1 - before.1))
}

fn proc_number(file: &str, name: &str) -> Result<f64, Failed> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.split_whitespace().next().ok_or("no figure")?.parse()?)
}

fn print(name: &str, figures: &Figures) {
    let Figures { rate, p50, p99, p999, worst, cpu, written } = figures;
    println!(
        "{name:8} {rate:>8.0}/s  p50 {p50:>7.2} ms  p99 {p99:>7.2}  p99.9 {p999:>7.2}  worst {worst:>8.2}  CPU {cpu:>6.1} us  \
         {written:>7.0} bytes written a commit"
    );
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn compare(rounds: usize, waiters: usize) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let names = ["bare", "store"];
    let mut found: [Vec<Figures>; 2] = Default::default();
    let number = |round: usize| round as u64 * 100_000_000;
    let sides = [Side::open(names[0], place.path())?, Side::open(names[1], place.path())?];
    let mut versions = [0, 1].map(|_| vec![HashMap::new(); waiters]);
    for round in 0..rounds {
        for at in 0..2 {
            let (next, until) = (AtomicU64::new(number(round)), Instant::now() + ROUND);
            let shared = Arc::new(Load { next, until, commits: u64::MAX, bytes: 4_600 });
            found[at].push(runtime()?.block_on(load(&sides[at], &shared, &mut versions[at]))?);
        }
    }
    println!("{waiters} waiters, entries of 4,600 bytes, medians of {rounds} rounds");
    let median = |figures: &[Figures], of: fn(&Figures) -> f64| {
        let mut all: Vec<f64> = figures.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    for (name, figures) in names.iter().zip(&found) {
        let of = |of| median(figures, of);
        print(
            name,
            &Figures {
                rate: of(|f| f.rate),
                p50: of(|f| f.p50),
                p99: of(|f| f.p99),
                p999: of(|f| f.p999),
                worst: of(|f| f.worst),
                cpu: of(|f| f.cpu),
                written: of(|f| f.written),
            },
        );
    }
    let ratios = found[0].iter().zip(&found[1]).map(|(bare, store)| store.rate / bare.rate);
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "store over bare, median of pairs: {:.2} ({:.2} to {:.2})",
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1]
    );
    Ok(())
}

fn compare_long(commits: u64, bytes: usize) -> Result<(), Failed> {
    for side in ["bare", "store"] {
        let place = tempfile::tempdir()?;
        let this = std::env::current_exe()?;
        let ended = Command::new(&this)
            .args(["run", side])
            .arg(place.path())
            .args([commits.to_string(), bytes.to_string()])
            .status()?;
        println!("{side} ended: {ended}");
        if side == "store" {
            for attempt in ["cold", "warm"] {
                if attempt == "cold" {
                    let dropped =
                        Command::new("sh").args(["-c", "sync; echo 3 > /proc/sys/vm/drop_caches"]).status()?;
                    println!("page cache dropped: {}", dropped.success());
                }
                println!("{attempt}:");
                Command::new(&this).arg("open").arg(place.path()).status()?;
            }
        }
    }
    Ok(())
}

/// Makes commits, a line for each tenth, and ends as a killed process does.
fn run_long(side: &str, place: &Path, commits: u64, bytes: usize) -> Result<(), Failed> {
    let (opened, mut versions, mut worst) = (Side::open(side, place)?, vec![HashMap::new(); 64], 0.0f64);
    for tenth in 1..=10 {
        let (next, until) = (AtomicU64::new(commits / 10 * (tenth - 1)), Instant::now() + Duration::from_secs(3_600));
        let shared = Arc::new(Load { next, until, commits: commits / 10 * tenth, bytes });
        let figures = runtime()?.block_on(load(&opened, &shared, &mut versions))?;
        worst = worst.max(figures.worst);
        print(side, &figures);
        println!("         RSS {:.0} MB", proc_number("/proc/self/status", "VmRSS:")? / 1_024.0);
    }
    println!("{side}: worst of {commits} commits {worst:.1} ms");
    std::process::abort()
}

/// Opens a store that a killed process left, without any page of its in the cache of this process.
fn open_again(place: &Path) -> Result<(), Failed> {
    let begin = Instant::now();
    let store = EmbeddedStore::open_existing(&place.join("store"), Durability::Synced)?;
    let took = begin.elapsed();
    let count = runtime()?.block_on(store.entry_count())?;
    println!("opened {count} entries in {took:?}, RSS {:.0} MB", proc_number("/proc/self/status", "VmRSS:")? / 1_024.0);
    // The warm opening finds the same tail.
    std::process::abort()
}
