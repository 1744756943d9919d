//! Random commits, the index that they are inserted into, and the map that the index must equal.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use onestop::store::embedded::disk::Disk;
use onestop::store::embedded::index::{
    Index, IndexError, IndexOptions, Key, KeyRange, LogEnd, LogPosition, Opened, Row, Table, Upkeep,
};

use crate::support::random::Random;

pub const STORE: [u8; 16] = *b"this very store!";

/// Upkeep in the thread that inserts, so that the same calls give the same files.
pub fn inline(generation_rows: usize) -> IndexOptions {
    IndexOptions { generation_rows, upkeep: Upkeep::Inline, ..IndexOptions::default() }
}

pub fn open(disk: &(impl Disk + Clone), options: IndexOptions) -> Result<Opened, IndexError> {
    Index::open(Arc::new(disk.clone()), STORE, options)
}

/// Runs each seed; a failure says which.
pub fn each_seed(seeds: Range<u64>, mut run: impl FnMut(u64)) {
    for seed in seeds {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
        if let Err(panic) = outcome {
            println!("seed {seed}: fails");
            std::panic::resume_unwind(panic);
        }
    }
}

/// The frames of a log: the rows of each, and where it ends.
#[derive(Default)]
pub struct Frames {
    pub frames: Vec<(Vec<Row>, LogEnd)>,
    end: LogEnd,
}

/// A key of sixteen bytes, spread as a hash is.
pub fn spread(number: u64) -> [u8; 16] {
    let mut random = Random(number);
    let halves = [random.next().to_be_bytes(), random.next().to_be_bytes()];
    let mut key = [0; 16];
    key.copy_from_slice(&halves.concat());
    key
}

/// An id that is greater than those before, as a UUIDv7 is.
fn ascending(number: u64, random: &mut Random) -> [u8; 16] {
    (u128::from(number) << 64 | u128::from(random.next())).to_be_bytes()
}

impl Frames {
    /// No frames, in a log that ends here.
    pub fn after(end: LogEnd) -> Frames {
        Frames { frames: Vec::new(), end }
    }

    /// Appends a frame of this many commits of these many persons.
    pub fn append(&mut self, commits: usize, persons: usize, random: &mut Random) -> (Vec<Row>, LogEnd) {
        let mut rows = Vec::new();
        for _ in 0..commits {
            self.end.sequence += 1;
            let sequence = self.end.sequence;
            let position = LogPosition { lsn: self.end.lsn + 64, length: 100 + random.below(9_000) as u32 };
            self.end.lsn += 64 + u64::from(position.length);
            let mut listed = [0; 28];
            listed[..16].copy_from_slice(&spread(random.below(5) as u64));
            listed[16..20].copy_from_slice(&(20_260_101 + sequence as u32 / 40).to_be_bytes());
            listed[20..].copy_from_slice(&sequence.to_be_bytes());
            let keys = [
                Key::person(spread(random.below(persons) as u64)),
                Key::request(spread(sequence << 1)),
                Key::claim(spread(random.below(4 * persons) as u64)),
                Key::entry(ascending(sequence, random)),
                Key::list_position(listed),
                Key::reference_write(position.lsn),
            ];
            rows.extend(keys.map(|key| Row { key, position }));
        }
        self.end.lsn = (self.end.lsn + 1).next_multiple_of(4096);
        self.end.chain = random.next() as u32;
        self.frames.push((rows.clone(), self.end));
        (rows, self.end)
    }

    /// Replays what is not covered, and checks that the index was at the end of a frame.
    pub fn replay(&self, index: &Index) -> Result<(), IndexError> {
        let covered = index.covered();
        let known = self.frames.iter().any(|(_, end)| *end == covered);
        assert!(known || covered == LogEnd::default(), "{covered:?} is the end of no frame");
        let rest = self.frames.iter().filter(|(_, end)| end.lsn > covered.lsn);
        rest.into_iter().try_for_each(|(rows, end)| index.insert(rows, *end))
    }

    /// What an index of these frames holds.
    pub fn rows(&self) -> BTreeMap<Key, LogPosition> {
        self.frames.iter().flat_map(|(rows, _)| rows).map(|row| (row.key, row.position)).collect()
    }

    /// The end of the log.
    pub fn end(&self) -> LogEnd {
        self.end
    }
}

/// All rows of a table.
pub fn table(rows: &BTreeMap<Key, LogPosition>, table: Table) -> Vec<Row> {
    let rows = rows.iter().filter(|(key, _)| key.table() == table);
    rows.map(|(key, position)| Row { key: *key, position: *position }).collect()
}

/// Checks every row by every kind of read.
pub fn assert_equal(index: &Index, expected: &BTreeMap<Key, LogPosition>, random: &mut Random) {
    for kind in Table::ALL {
        let rows = table(expected, kind);
        assert_eq!(index.range(KeyRange::all(kind), usize::MAX).expect("rows"), rows, "{kind:?}");
        assert_eq!(index.last(KeyRange::all(kind)).expect("a row"), rows.last().copied(), "{kind:?}");
        for row in &rows {
            assert_eq!(index.get(row.key), Ok(Some(row.position)), "{kind:?}");
        }
        for _ in 0..8 {
            assert_range(index, &rows, random);
        }
    }
    for number in 0..20 {
        let absent = [Key::person(spread(number << 40 | 1 << 39)), Key::request(spread(number << 1 | 1))];
        let found = index.look_up(absent).expect("a look-up");
        assert_eq!(found, absent.map(|key| expected.get(&key).copied()));
    }
}

/// Checks the part of a table between two of its keys.
fn assert_range(index: &Index, rows: &[Row], random: &mut Random) {
    let Some(last) = rows.len().checked_sub(1) else { return };
    let (from, end) = (random.below(rows.len()), random.below(rows.len()));
    let limit = 1 + random.below(rows.len());
    let inside = rows.get(from..end).unwrap_or_default();
    let range = KeyRange::new(rows[from].key, rows[end].key);
    let found = index.range(range, limit).expect("rows");
    assert_eq!(found, inside[..limit.min(inside.len())], "{from}..{end} of {}", rows.len());
    assert_eq!(index.last(range).expect("a row"), inside.last().copied(), "{from}..{end} of {}", rows.len());
    let after = index.range(KeyRange::after(rows[from].key), limit).expect("rows");
    assert_eq!(after, rows[from + 1..last + 1][..limit.min(last - from)], "after {from} of {}", rows.len());
}
