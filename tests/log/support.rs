//! Logs with small segments, and what they must hold.

use std::sync::Arc;

use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{
    Cut, EncodedRecord, Group, Log, LogError, LogOptions, LogSizes, OpenedLog, SegmentMaker, StoreIdentity, Syncing,
};

use super::disk::SimulatedDisk;
use crate::support::random::Random;

pub const IDENTITY: StoreIdentity = *b"a store of tests";

pub const SIZES: LogSizes = LogSizes { segment: 96 << 10, frame: 32 << 10 };

pub const OPTIONS: LogOptions = LogOptions { sizes: SIZES, maker: SegmentMaker::Caller, syncing: Syncing::Synced };

/// The index rows and the entries of a record.
pub type Content = (Vec<u8>, Vec<u8>);

/// A log that was opened, with what was replayed: the groups of records, and the end after each.
pub struct Reopened {
    pub log: Log,
    pub cut: Option<Cut>,
    pub groups: Vec<(Vec<Content>, LogEnd)>,
}

/// A new log.
pub fn create(disk: &SimulatedDisk) -> Log {
    Log::create(Arc::new(disk.clone()), IDENTITY, SIZES).expect("a log");
    reopen(disk, LogEnd::default()).expect("the log").log
}

/// Opens a log; replays everything behind what is covered.
pub fn reopen(disk: &SimulatedDisk, covered: LogEnd) -> Result<Reopened, LogError> {
    let mut groups = Vec::new();
    let opened = Log::open(Arc::new(disk.clone()), IDENTITY, OPTIONS, covered, |frame| {
        let records = frame.records().map(|(_, record)| (record.rows().to_vec(), record.entries().to_vec()));
        groups.push((records.collect(), frame.end(SIZES)));
        Ok::<_, LogError>(())
    });
    let OpenedLog { log, cut } = opened?;
    Ok(Reopened { log, cut, groups })
}

pub fn record((rows, entries): &Content) -> EncodedRecord {
    EncodedRecord::new(rows, rows.len() as u32 % 3, entries).expect("a record")
}

pub fn group(contents: &[Content]) -> Group {
    let mut group = Group::new(SIZES);
    contents.iter().for_each(|content| group.push(&record(content)).expect("room"));
    group.note_day(day(contents));
    group
}

/// The day of a group; later groups may be of earlier days.
pub fn day(contents: &[Content]) -> u32 {
    20_170_601 + contents.len() as u32
}

/// A content of any size; some have long runs of zeros, whose sectors look as if they were never written.
pub fn content(random: &mut Random, most: usize) -> Content {
    let mut bytes = |most: usize| {
        let (length, fill) = (random.below(most + 1), random.below(4));
        let byte = |random: &mut Random| if fill == 0 { 0 } else { random.next() as u8 };
        (0..length).map(|_| byte(random)).collect::<Vec<_>>()
    };
    (bytes(200), bytes(most))
}

/// A few contents that fit into one frame.
pub fn contents(random: &mut Random) -> Vec<Content> {
    let most = [300, 2_000, 6_000][random.below(3)];
    (0..1 + random.below(4)).map(|_| content(random, most)).collect()
}
