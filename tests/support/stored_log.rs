//! The log of a closed store, read and written without the program: for forgeries and damage.

use std::path::Path;
use std::sync::Arc;

use onestop::domain::ids::EntryId;
use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::LogEnd;
use onestop::store::embedded::log::{
    EncodedRecord, Frame, Group, Log, LogError, LogOptions, LogSizes, OpenedLog, SegmentMaker, StoreIdentity, Syncing,
};

/// The tables of index rows.
pub const PERSON: u8 = 1;
const LIST_POSITION: u8 = 5;
const REFERENCE_WRITE: u8 = 6;
/// The row of the administration.
pub const ADMINISTRATION: u8 = 7;

/// A record of the log.
pub struct StoredRecord {
    pub rows: Vec<StoredRow>,
    pub entries: Vec<(EntryId, Vec<u8>)>,
}

/// An index row of a record.
pub struct StoredRow {
    pub table: u8,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

const OPTIONS: LogOptions =
    LogOptions { sizes: LogSizes::STORE, maker: SegmentMaker::Caller, syncing: Syncing::Unsynced };

/// The identity of a store, as its file `FORMAT` says.
pub fn identity(store: &Path) -> StoreIdentity {
    let text = std::fs::read_to_string(store.join("FORMAT")).expect("the format");
    let hex = text.trim_end().rsplit(' ').next().expect("an identity");
    let byte = |at: usize| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("two digits");
    std::array::from_fn(byte)
}

fn open(store: &Path, mut frame: impl FnMut(u32, Vec<StoredRecord>)) -> Log {
    let disk = Arc::new(Directory::new(store.join("log")));
    let opened = Log::open(disk, identity(store), OPTIONS, LogEnd::default(), |read| {
        let records = read.records().map(|(_, record)| decode(record.rows(), record.entries()));
        frame(read.head().newest_day, records.collect());
        Ok::<_, LogError>(())
    });
    let OpenedLog { log, .. } = opened.expect("the log");
    log
}

/// Reads every frame with records of the log of a store, in order.
pub fn replay(store: &Path, mut frame: impl FnMut(&Frame)) {
    let disk = Arc::new(Directory::new(store.join("log")));
    let opened = Log::open(disk, identity(store), OPTIONS, LogEnd::default(), |read| {
        frame(read);
        Ok::<_, LogError>(())
    });
    opened.map(drop).expect("the log");
}

/// Every record of a store, in the order of commits.
pub fn records(store: &Path) -> Vec<StoredRecord> {
    let mut all = Vec::new();
    drop(open(store, |_, records| all.extend(records)));
    all
}

/// Writes the log of a store again, with every record changed, and all checksums of the log right. The index is left to
/// the program to make again.
pub fn rewrite(store: &Path, mut change: impl FnMut(&mut StoredRecord)) {
    let mut frames = Vec::new();
    drop(open(store, |day, records| frames.push((day, records))));
    if store.join("index").exists() {
        std::fs::remove_dir_all(store.join("index")).expect("the index");
    }
    std::fs::remove_dir_all(store.join("log")).expect("the log");
    std::fs::create_dir(store.join("log")).expect("a directory");
    let disk = Arc::new(Directory::new(store.join("log")));
    Log::create(disk, identity(store), LogSizes::STORE).expect("a log");
    let mut log = open(store, |_, _| {});
    for (day, mut records) in frames {
        let mut group = Group::new(LogSizes::STORE);
        for record in &mut records {
            change(record);
            group.push(&encode(record)).expect("room");
        }
        group.note_day(day);
        log.append(&mut group).expect("an append");
    }
    forget_written(store);
}

/// Has the reference tables written again from the log, whose positions are others now.
fn forget_written(store: &Path) {
    let database = redb::Database::open(store.join("redb")).expect("the database");
    let write = database.begin_write().expect("a transaction");
    let notes = redb::TableDefinition::<&[u8], &[u8]>::new("identity");
    write.open_table(notes).expect("the notes").remove(&b"written"[..]).expect("removed");
    write.commit().expect("a commit");
}

/// Flips a bit in the middle of these bytes wherever they are in the log, without a word to any checksum.
pub fn flip(store: &Path, bytes: &[u8]) {
    let file = store.join("log/0000000000.log");
    let mut log = std::fs::read(&file).expect("the log");
    let used = log.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let places: Vec<_> = (0..used).filter(|at| log[*at..].starts_with(bytes)).collect();
    assert!(!places.is_empty(), "the bytes are in the log");
    places.iter().for_each(|at| log[at + bytes.len() / 2] ^= 1);
    std::fs::write(&file, log).expect("a write");
}

fn number(bytes: &mut &[u8]) -> usize {
    let (number, rest) = bytes.split_at(4);
    *bytes = rest;
    u32::from_le_bytes(number.try_into().expect("4 bytes")) as usize
}

fn part(bytes: &mut &[u8], length: usize) -> Vec<u8> {
    let (part, rest) = bytes.split_at(length);
    *bytes = rest;
    part.to_vec()
}

/// The rows and entries of a record.
pub fn decode(mut row_bytes: &[u8], mut entry_bytes: &[u8]) -> StoredRecord {
    let (mut rows, mut entries) = (Vec::new(), Vec::new());
    while !row_bytes.is_empty() {
        let table = part(&mut row_bytes, 1)[0];
        let key = part(
            &mut row_bytes,
            if table == LIST_POSITION {
                20
            } else if table == REFERENCE_WRITE || table == ADMINISTRATION {
                1
            } else {
                16
            },
        );
        let length = number(&mut row_bytes);
        rows.push(StoredRow { table, key, value: part(&mut row_bytes, length) });
    }
    while !entry_bytes.is_empty() {
        let id = part(&mut entry_bytes, 16).try_into().expect("an id");
        let length = number(&mut entry_bytes);
        entries.push((EntryId(id), part(&mut entry_bytes, length)));
    }
    StoredRecord { rows, entries }
}

fn encode(record: &StoredRecord) -> EncodedRecord {
    let (mut rows, mut entries) = (Vec::new(), Vec::new());
    let length = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    for row in &record.rows {
        rows.extend([&[row.table][..], &row.key, &length(&row.value), &row.value].concat());
    }
    for (id, entry) in &record.entries {
        entries.extend([&id.0[..], &length(entry), entry].concat());
    }
    EncodedRecord::new(&rows, record.entries.len() as u32, &entries).expect("a record")
}
