//! The log and its index together on a simulated disk: whatever a crash leaves of the index, what it covers is in the
//! log, and with the replay of the rest it leads every key to its newest record.

use std::collections::BTreeMap;
use std::sync::Arc;

use onestop::store::embedded::index::{
    Index, IndexError, IndexOptions, Key, KeyRange, LogEnd, LogPosition, Row, Table, Upkeep,
};
use onestop::store::embedded::log::{Frame, Log, LogError};

use super::disk::{Crash, SimulatedDisk};
use super::support::{Content, IDENTITY, OPTIONS, SIZES, group};
use crate::support::random::Random;
use crate::support::seeds;

/// Generations of a few groups, written by the thread that inserts.
const INDEX_OPTIONS: IndexOptions =
    IndexOptions { generation_rows: 40, generation_log_bytes: 200_000, upkeep: Upkeep::Inline };

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// The keys of persons that a record changes are its index rows, one after another.
fn rows(index_rows: &[u8], position: LogPosition) -> impl Iterator<Item = Row> {
    let (keys, _) = index_rows.as_chunks::<16>();
    keys.iter().map(move |key| Row { key: Key::person(*key), position })
}

fn insert(index: &Index, frame: &Frame) -> Result<(), Fault> {
    let of_frame: Vec<_> = frame.records().flat_map(|(position, record)| rows(record.rows(), position)).collect();
    Ok(index.insert(&of_frame, frame.end(SIZES))?)
}

fn open(disk: &SimulatedDisk) -> Result<(Log, Index), Fault> {
    let index = Index::open(Arc::new(disk.clone()), IDENTITY, INDEX_OPTIONS)?.index;
    let covered = index.covered();
    let log = Log::open(Arc::new(disk.clone()), IDENTITY, OPTIONS, covered, |frame| insert(&index, frame))?.log;
    Ok((log, index))
}

/// A record that changes a few of twenty persons.
fn content(random: &mut Random) -> Content {
    let persons = 1 + random.below(4);
    let key = |random: &mut Random| [random.below(20) as u8; 16];
    let rows = (0..persons).flat_map(|_| key(random)).collect();
    (rows, vec![7; random.below(3_000)])
}

struct Run {
    disk: SimulatedDisk,
    random: Random,
    newest: BTreeMap<Key, LogPosition>,
    unanswered: Vec<Content>,
    reopened_with_runs: u64,
}

impl Run {
    /// Opens log and index, and compares the index with what was answered; one group more may have been kept.
    fn reopened(&mut self) -> Result<(Log, Index), String> {
        let (log, index) = open(&self.disk).map_err(|error| error.to_string())?;
        if index.covered().lsn > log.end().lsn {
            return Err(format!("the index covers {:?}, and the log ends at {:?}", index.covered(), log.end()));
        }
        self.reopened_with_runs += u64::from(index.covered() != LogEnd::default());
        let found = index.range(KeyRange::all(Table::Person), usize::MAX).map_err(|error| error.to_string())?;
        let found: BTreeMap<_, _> = found.into_iter().map(|row| (row.key, row.position)).collect();
        if found != self.newest {
            let kept = self.unanswered.iter().flat_map(|content| rows(&content.0, LogPosition { lsn: 0, length: 0 }));
            let kept: Vec<_> = kept.map(|row| row.key).collect();
            let others = |map: &BTreeMap<Key, LogPosition>| {
                map.iter().filter(|(key, _)| !kept.contains(key)).map(|(key, at)| (*key, *at)).collect::<Vec<_>>()
            };
            if kept.is_empty() || others(&found) != others(&self.newest) {
                return Err("the index leads elsewhere than the log that it was made from".to_owned());
            }
            self.newest = found;
        }
        let rebuilt = self.disk.copy();
        for file in rebuilt.files().iter().filter(|file| !file.ends_with(".log")) {
            rebuilt.take_away(file);
        }
        let (_, rebuilt) = open(&rebuilt).map_err(|error| error.to_string())?;
        let replayed = rebuilt.range(KeyRange::all(Table::Person), usize::MAX).map_err(|error| error.to_string())?;
        let replayed: BTreeMap<_, _> = replayed.into_iter().map(|row| (row.key, row.position)).collect();
        if replayed != self.newest {
            return Err("the index differs from a replay of the log".to_owned());
        }
        self.unanswered.clear();
        Ok((log, index))
    }

    fn append_until_crash(&mut self, mut log: Log, index: Index) -> Result<(), String> {
        self.disk.end_after(1 + self.random.below(120) as u64, self.random.below(257));
        for _ in 0..60 {
            let contents: Vec<_> = (0..1 + self.random.below(3)).map(|_| content(&mut self.random)).collect();
            self.unanswered.clone_from(&contents);
            let Ok(positions) = log.append(&mut group(&contents)) else { return Ok(()) };
            let changed = positions.iter().zip(&contents);
            let changed: Vec<_> = changed.flat_map(|(position, content)| rows(&content.0, *position)).collect();
            if index.covered().lsn > log.end().lsn {
                return Err("the index covers what is not durable".to_owned());
            }
            // The rows are durable in the log, whatever becomes of the index.
            self.newest.extend(changed.iter().map(|row| (row.key, row.position)));
            self.unanswered.clear();
            if index.insert(&changed, log.end()).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[test]
fn the_index_covers_only_what_is_durable_and_equals_a_replay_of_the_log() {
    let mut reopened_with_runs = 0;
    for seed in seeds::asked(0..400) {
        let disk = SimulatedDisk::default();
        Log::create(Arc::new(disk.clone()), IDENTITY, SIZES).expect("a log");
        let mut run =
            Run { disk, random: Random(seed), newest: BTreeMap::new(), unanswered: Vec::new(), reopened_with_runs: 0 };
        for _ in 0..5 {
            let result = run.reopened().and_then(|(log, index)| run.append_until_crash(log, index));
            result.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
            let crash = if run.random.one_in(3) { Crash::Kill } else { Crash::PowerFailure };
            run.disk.crash(crash, &mut run.random);
        }
        reopened_with_runs += run.reopened_with_runs;
    }
    println!("{reopened_with_runs} openings with an index that covered a part of the log");
    assert!(reopened_with_runs > 400, "{reopened_with_runs}");
}

#[test]
fn a_frame_that_was_not_synced_is_in_no_run_before_the_opening_syncs_it() {
    let disk = SimulatedDisk::default();
    Log::create(Arc::new(disk.clone()), IDENTITY, SIZES).expect("a log");
    let (mut log, index) = open(&disk).expect("a log and its index");
    drop(index);
    // A generation of rows in one group, of which only the write happens.
    disk.end_after(2, 0);
    let persons = (0..40).flat_map(|person| [person; 16]).collect();
    log.append(&mut group(&[(persons, Vec::new())])).expect_err("the run ends with the sync");
    disk.crash(Crash::Kill, &mut Random(0));
    let mut operations = 0;
    let mut is_opened = false;
    while !is_opened {
        operations += 1;
        for seed in 0..8 {
            let (disk, mut random) = (disk.copy(), Random(seed));
            disk.end_after(operations, 0);
            is_opened = open(&disk).is_ok();
            disk.crash(Crash::PowerFailure, &mut random);
            let opened = open(&disk);
            let (log, index) = opened.unwrap_or_else(|fault| panic!("operation {operations}, seed {seed}: {fault}"));
            assert!(index.covered().lsn <= log.end().lsn, "operation {operations}, seed {seed}");
        }
    }
    assert!(operations > 4, "the opening writes the frame, a run and a manifest: {operations}");
}
