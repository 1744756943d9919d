//! A generation: the rows of the newest part of the log, in memory.

use std::collections::BTreeMap;

use super::key::{Key, KeyRange, LogEnd, LogPosition, Row, Table, Words};

/// Rows in memory, of the log from a position on.
pub(super) struct Generation {
    tables: [BTreeMap<Words, LogPosition>; Table::COUNT],
    /// How many rows were inserted, those that were replaced included.
    inserted: usize,
    /// Where the log begins that the rows are of.
    from: LogEnd,
    /// Where it ends.
    end: LogEnd,
}

impl Generation {
    /// No rows, from a position on.
    pub(super) fn new(from: LogEnd) -> Generation {
        Generation { tables: Default::default(), inserted: 0, from, end: from }
    }

    /// Inserts the rows of the log up to a position; a row replaces one of the same key.
    pub(super) fn insert(&mut self, rows: &[Row], end: LogEnd) {
        for row in rows {
            self.tables[row.key.table().index()].insert(row.key.words(), row.position);
        }
        self.inserted += rows.len();
        self.end = end;
    }

    /// How many rows were inserted.
    pub(super) fn inserted(&self) -> usize {
        self.inserted
    }

    /// The bytes of the log that the rows are of.
    pub(super) fn log_bytes(&self) -> u64 {
        self.end.lsn.saturating_sub(self.from.lsn)
    }

    /// Where the log begins that the rows are of.
    pub(super) fn from(&self) -> LogEnd {
        self.from
    }

    /// Where the log ends that the rows are of.
    pub(super) fn end(&self) -> LogEnd {
        self.end
    }

    /// The number of rows in each table.
    pub(super) fn counts(&self) -> [u64; Table::COUNT] {
        std::array::from_fn(|index| self.tables[index].len() as u64)
    }

    /// The position under a key.
    pub(super) fn get(&self, key: &Key) -> Option<LogPosition> {
        self.tables[key.table().index()].get(&key.words()).copied()
    }

    /// The rows in a range, in order.
    pub(super) fn range(&self, range: &KeyRange) -> impl DoubleEndedIterator<Item = Row> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let table = range.table();
        // A map panics on a range whose end is before its beginning; such a range has no first key.
        let rows = range.from().map(|from| {
            let end = range.end().map_or(Unbounded, |end| Excluded(end.words()));
            self.tables[table.index()].range((Included(from.words()), end))
        });
        let rows = rows.into_iter().flatten();
        rows.map(move |(words, position)| Row { key: Key::from_words(table, *words), position: *position })
    }

    /// All rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        Table::ALL.into_iter().flat_map(|table| {
            let row = move |(words, position): (&Words, &LogPosition)| Row {
                key: Key::from_words(table, *words),
                position: *position,
            };
            self.tables[table.index()].iter().map(row)
        })
    }
}
