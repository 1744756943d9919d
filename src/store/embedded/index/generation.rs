//! A generation: the rows of the newest part of the log, in memory.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use super::key::{Key, KeyRange, LogEnd, LogPosition, Row, Table, Words};

/// Rows in memory, of the log from a position on.
pub(super) struct Generation {
    tables: [Rows; Table::COUNT],
    /// How many rows were inserted, those that were replaced included.
    inserted: usize,
    /// Where the log begins that the rows are of.
    from: LogEnd,
    /// Where it ends.
    end: LogEnd,
}

/// The rows of a table, in order.
enum Rows {
    /// Of a table whose keys fill the first half of the words at most, as nearly all do: less memory, faster comparisons.
    Short(BTreeMap<HalfWords, LogPosition>),
    /// Of any other table.
    Long(BTreeMap<Words, LogPosition>),
}

/// The first half of the words of a key.
type HalfWords = [u64; 2];

fn first_half([first, second, ..]: Words) -> HalfWords {
    [first, second]
}

fn whole([first, second]: HalfWords) -> Words {
    [first, second, 0, 0]
}

impl Rows {
    fn new(table: Table) -> Rows {
        if table.key_length() <= size_of::<HalfWords>() {
            Rows::Short(BTreeMap::new())
        } else {
            Rows::Long(BTreeMap::new())
        }
    }

    fn insert(&mut self, words: Words, position: LogPosition) {
        match self {
            Rows::Short(rows) => rows.insert(first_half(words), position),
            Rows::Long(rows) => rows.insert(words, position),
        };
    }

    fn get(&self, words: &Words) -> Option<LogPosition> {
        match self {
            Rows::Short(rows) => rows.get(&first_half(*words)).copied(),
            Rows::Long(rows) => rows.get(words).copied(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Rows::Short(rows) => rows.len(),
            Rows::Long(rows) => rows.len(),
        }
    }

    /// The rows from a key on and before another, which is not before the first.
    fn range(&self, from: Words, end: Option<Words>) -> impl DoubleEndedIterator<Item = (Words, LogPosition)> {
        let (short, long) = match self {
            Rows::Short(rows) => {
                let end = end.map_or(Unbounded, |end| Excluded(first_half(end)));
                (Some(rows.range((Included(first_half(from)), end))), None)
            }
            Rows::Long(rows) => (None, Some(rows.range((Included(from), end.map_or(Unbounded, Excluded))))),
        };
        let short = short.into_iter().flatten().map(|(words, position)| (whole(*words), *position));
        short.chain(long.into_iter().flatten().map(|(words, position)| (*words, *position)))
    }
}

impl Generation {
    /// No rows, from a position on.
    pub(super) fn new(from: LogEnd) -> Generation {
        Generation { tables: Table::ALL.map(Rows::new), inserted: 0, from, end: from }
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
        self.tables[key.table().index()].get(&key.words())
    }

    /// The rows in a range, in order.
    pub(super) fn range(&self, range: &KeyRange) -> impl DoubleEndedIterator<Item = Row> {
        let table = range.table();
        // A map panics on a range whose end is before its beginning; such a range has no first key.
        let rows = range
            .from()
            .into_iter()
            .flat_map(move |from| self.tables[table.index()].range(from.words(), range.end().map(|end| end.words())));
        rows.map(move |(words, position)| Row { key: Key::from_words(table, words), position })
    }

    /// All rows, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        Table::ALL.into_iter().flat_map(|table| {
            let rows = self.tables[table.index()].range(Words::default(), None);
            rows.map(move |(words, position)| Row { key: Key::from_words(table, words), position })
        })
    }
}
