//! Runs of random groups, seals, crashes and reopenings over a simulated disk. After each crash the log holds every
//! group that was answered, perhaps the one that was on its way, whole, and nothing else. At the end of each run some
//! places are damaged, one at a time.
//!
//! ```text
//! ONESTOP_SEEDS=17 cargo test --test onestop log::simulation
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{Log, LogError, RecordPart};

use super::disk::{Crash, SECTOR, SimulatedDisk};
use super::support::{Content, Reopened, SIZES, contents, create, day, group, reopen};
use crate::support::random::Random;
use crate::support::seeds;

const SEEDS: Range<u64> = 0..2_000;

/// The least number of events of each kind in that many seeds, without which success means nothing.
const MINIMUM_COUNTS: &[(&str, u64)] = &[
    ("appended", 20_000),
    ("sealed", 2_000),
    ("rolled", 500),
    ("killed", 1_000),
    ("power failures", 1_000),
    ("cut", 500),
    ("unanswered but kept", 200),
    ("unanswered and lost", 500),
    ("failed syncs", 100),
    ("records read", 20_000),
    ("damage refused", 2_000),
    ("damage without effect", 500),
];

type Counts = BTreeMap<&'static str, u64>;

/// What the log must hold.
struct Model {
    disk: SimulatedDisk,
    random: Random,
    /// Every group that is in the log, with the end after it.
    groups: Vec<(Vec<Content>, LogEnd)>,
    /// The group whose append was not answered.
    unanswered: Option<Vec<Content>>,
    counts: Counts,
}

impl Model {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Opens the log from the end of a random group, and compares.
    fn reopened(&mut self) -> Result<Reopened, String> {
        let covered_groups = if self.random.one_in(2) { 0 } else { self.random.below(self.groups.len() + 1) };
        let covered = covered_groups.checked_sub(1).map_or(LogEnd::default(), |last| self.groups[last].1);
        let opened = reopen(&self.disk, covered).map_err(|error| format!("the log does not open: {error}"))?;
        if opened.cut.is_some() {
            self.count("cut");
        }
        let known = self.groups.len() - covered_groups;
        let replayed = &opened.groups;
        if replayed.len() < known || replayed[..known] != self.groups[covered_groups..] {
            return Err(format!("{} groups are replayed in place of {known} answered ones", replayed.len()));
        }
        match (&replayed[known..], self.unanswered.take()) {
            ([], unanswered) => {
                if unanswered.is_some() {
                    self.count("unanswered and lost");
                }
            }
            ([one], Some(unanswered)) if one.0 == unanswered => {
                self.groups.push(one.clone());
                self.count("unanswered but kept");
            }
            _ => return Err("a group is replayed that was cut before, or never written".to_owned()),
        }
        let newest_day = self.groups.iter().map(|(contents, _)| day(contents)).max().unwrap_or_default();
        if opened.log.newest_day() != newest_day {
            return Err(format!("the newest day is {} in place of {newest_day}", opened.log.newest_day()));
        }
        let again = reopen(&self.disk.copy(), LogEnd::default());
        let again = again.map_err(|error| format!("the log does not open a second time: {error}"))?;
        if again.cut.is_some() || again.groups != self.groups {
            return Err("a second opening finds something else".to_owned());
        }
        Ok(opened)
    }

    /// Appends and seals until the run ends, or it is enough.
    fn append_until_crash(&mut self, opened: Reopened) -> Result<(), String> {
        let mut log = opened.log;
        let operations = 1 + self.random.below(60) as u64;
        let part = self.random.below(257);
        if !self.random.one_in(5) {
            self.disk.end_after(operations, part);
        }
        for _ in 0..1 + self.random.below(25) {
            if self.random.one_in(6) {
                match log.seal() {
                    Ok(()) => self.count("sealed"),
                    Err(_) => return Ok(()),
                }
                continue;
            }
            let contents = contents(&mut self.random);
            if self.random.one_in(40) {
                self.disk.fail_next_sync();
            }
            let before = log.end();
            match log.append(&mut group(&contents)) {
                Ok(positions) => {
                    self.count("appended");
                    if log.end().lsn / SIZES.segment != before.lsn / SIZES.segment {
                        self.count("rolled");
                    }
                    for (position, content) in positions.into_iter().zip(&contents) {
                        let read = |part| log.segments().read(position, part).map_err(|error| format!("{error}"));
                        let (rows, entries) = (read(RecordPart::Rows)?, read(RecordPart::Entries)?);
                        if (rows.bytes(), entries.bytes()) != (&content.0[..], &content.1[..]) {
                            return Err("another record is read than was written".to_owned());
                        }
                        self.count("records read");
                    }
                    self.groups.push((contents, log.end()));
                }
                Err(error) => {
                    if error.to_string().contains("a sync that fails") {
                        self.count("failed syncs");
                    }
                    self.unanswered = Some(contents);
                    return self.nothing_is_written_any_more(&mut log);
                }
            }
        }
        Ok(())
    }

    /// After a failed write or sync the log writes nothing; after a failure to make a segment it tries again.
    fn nothing_is_written_any_more(&mut self, log: &mut Log) -> Result<(), String> {
        self.disk.take_operations();
        match log.append(&mut group(&[(vec![1], vec![2])])) {
            Err(LogError::Stopped(_)) if self.disk.take_operations().is_empty() => Ok(()),
            Err(LogError::File { operation: "create" | "allocate" | "write" | "sync the directory of", .. }) => Ok(()),
            other => Err(format!("after a failed write: {:?}", other.map(drop))),
        }
    }

    /// Damages one place of the log. It is refused, or concerns no group; only sectors that are zeroed in a last frame
    /// without a proof that it was durable may be taken for the remains of an interrupted write.
    fn damaged(&mut self) -> Result<(), String> {
        let Reopened { log, .. } = self.reopened()?;
        let (end, sealed) = (log.end().lsn as usize, log.is_sealed());
        drop(log);
        for _ in 0..3 {
            let disk = self.disk.copy();
            let (at, zeroed) = (self.random.below(end), self.random.one_in(2));
            let file = format!("{:010}.log", at as u64 / SIZES.segment);
            let (at, mut bytes) = (at % SIZES.segment as usize, disk.bytes(&file));
            if zeroed {
                let sector = at / SECTOR * SECTOR;
                bytes[sector..sector + SECTOR].fill(0);
            } else {
                bytes[at] ^= 1 << self.random.below(8);
            }
            disk.put(&file, bytes);
            match reopen(&disk, LogEnd::default()) {
                Err(LogError::Damaged { .. }) => self.count("damage refused"),
                Err(error) => return Err(format!("damage at {file} byte {at}: {error}")),
                Ok(opened) if opened.groups == self.groups => self.count("damage without effect"),
                Ok(opened) if zeroed && !sealed && opened.groups == self.groups[..self.groups.len() - 1] => {
                    self.count("damage that looks like a tear");
                }
                Ok(_) => return Err(format!("damage at {file} byte {at} is cut as if it were a tear")),
            }
        }
        Ok(())
    }

    fn crash(&mut self) {
        let crash = if self.random.one_in(3) { Crash::Kill } else { Crash::PowerFailure };
        self.count(if crash == Crash::Kill { "killed" } else { "power failures" });
        self.disk.crash(crash, &mut self.random);
    }
}

fn run(seed: u64) -> (Result<(), String>, Counts) {
    let disk = SimulatedDisk::default();
    drop(create(&disk));
    let (random, counts) = (Random(seed), Counts::new());
    let mut model = Model { disk, random, groups: Vec::new(), unanswered: None, counts };
    let rounds = 2 + model.random.below(6);
    let mut result = Ok(());
    for _ in 0..rounds {
        result = model.reopened().and_then(|opened| model.append_until_crash(opened));
        if result.is_err() {
            break;
        }
        model.crash();
    }
    let result = result.and_then(|()| model.damaged());
    (result, model.counts)
}

fn run_seeds(seeds: Range<u64>) -> (Vec<(u64, String)>, Counts) {
    let (next, failed, counts) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()), Mutex::new(Counts::new()));
    let first_only = std::env::var_os("ONESTOP_FIRST").is_some();
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let stop = first_only && !failed.lock().expect("a lock").is_empty();
            if seed >= seeds.end || stop {
                return;
            }
            let (result, counted) = run(seed);
            if let Err(fault) = result {
                eprintln!("seed {seed}: {fault}");
                failed.lock().expect("a lock").push((seed, fault));
            }
            let mut counts = counts.lock().expect("a lock");
            counted.into_iter().for_each(|(what, times)| *counts.entry(what).or_default() += times);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut failed = failed.into_inner().expect("failed");
    failed.sort();
    (failed, counts.into_inner().expect("counts"))
}

#[test]
fn what_was_answered_is_there_after_every_crash_and_nothing_else_is() {
    let seeds = seeds::asked(SEEDS);
    let start = std::time::Instant::now();
    let (failed, counts) = run_seeds(seeds.clone());
    println!("{} seeds in {:.1?}: {counts:?}", seeds.end - seeds.start, start.elapsed());
    assert!(failed.is_empty(), "{} seeds fail; the first: {:?}", failed.len(), failed[0]);
    if seeds == SEEDS {
        let rare: Vec<_> =
            MINIMUM_COUNTS.iter().filter(|(what, least)| counts.get(what).copied().unwrap_or(0) < *least).collect();
        assert!(rare.is_empty(), "too rare: {rare:?} of {counts:?}");
    }
}
