//! The rows of the index: a table and a key, and the position in the log that it leads to.

/// A table of the index; its number is part of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// The newest record of a person, by the person's key.
    Person = 1,
    /// The record of a request, by the request's key.
    Request = 2,
    /// The newest record of a claim, by the claim's key.
    Claim = 3,
    /// The record of an entry, by its id.
    Entry = 4,
    /// The record of a settlement in the list of a hospital, by hospital, day and number in the day.
    ListPosition = 5,
    /// A record with rows of reference tables, by its position in the log.
    ReferenceWrite = 6,
    /// The newest record of the administration, by the one key that there is.
    Administration = 7,
}

impl Table {
    /// How many tables there are.
    pub const COUNT: usize = Table::ALL.len();

    /// Every table, in the order of a run.
    pub const ALL: [Table; 7] = [
        Table::Person,
        Table::Request,
        Table::Claim,
        Table::Entry,
        Table::ListPosition,
        Table::ReferenceWrite,
        Table::Administration,
    ];

    /// The table with this number.
    pub fn from_number(number: u8) -> Option<Table> {
        Table::ALL.into_iter().find(|table| *table as u8 == number)
    }

    /// The length of its keys in bytes.
    pub const fn key_length(self) -> usize {
        match self {
            Table::Person | Table::Request | Table::Claim | Table::Entry => 16,
            Table::ListPosition => 28,
            Table::ReferenceWrite => 8,
            Table::Administration => 1,
        }
    }

    /// The index of the table in [`Table::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize - 1
    }

    /// Whether single keys are looked up that the table often does not hold, so that a filter saves reading pages.
    pub(super) const fn has_filter(self) -> bool {
        matches!(self, Table::Person | Table::Request | Table::Claim | Table::Entry)
    }
}

/// The bytes of the one key of the administration.
pub const ADMINISTRATION_KEY: [u8; 1] = [1];

/// A key of a table. Keys order by table, then by bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    table: Table,
    words: Words,
}

/// The bytes of a key, filled up with zeros, as big-endian numbers: they compare as the bytes do.
pub(super) type Words = [u64; 4];

impl Key {
    /// The key of a person.
    pub fn person(key: [u8; 16]) -> Key {
        Key::new(Table::Person, &key)
    }

    /// The key of a request.
    pub fn request(key: [u8; 16]) -> Key {
        Key::new(Table::Request, &key)
    }

    /// The key of a claim.
    pub fn claim(key: [u8; 16]) -> Key {
        Key::new(Table::Claim, &key)
    }

    /// The key of an entry: its id.
    pub fn entry(id: [u8; 16]) -> Key {
        Key::new(Table::Entry, &id)
    }

    /// The key of a position in the list of a hospital: its key (16 bytes), the day (4) and the number in the day (8),
    /// numbers big-endian.
    pub fn list_position(key: [u8; 28]) -> Key {
        Key::new(Table::ListPosition, &key)
    }

    /// The key of a record with rows of reference tables: its position in the log.
    pub fn reference_write(lsn: u64) -> Key {
        Key::new(Table::ReferenceWrite, &lsn.to_be_bytes())
    }

    /// The key of the administration.
    pub fn administration() -> Key {
        Key::new(Table::Administration, &ADMINISTRATION_KEY)
    }

    /// The key of a table with these bytes, filled up with zeros or cut to the length of its keys.
    pub(super) fn new(table: Table, bytes: &[u8]) -> Key {
        let mut padded = [0; 32];
        let length = table.key_length().min(bytes.len());
        padded[..length].copy_from_slice(&bytes[..length]);
        let (words, _) = padded.as_chunks::<8>();
        let mut key = Key { table, words: Words::default() };
        for (word, bytes) in key.words.iter_mut().zip(words) {
            *word = u64::from_be_bytes(*bytes);
        }
        key
    }

    /// The key of this table with these words.
    pub(super) fn from_words(table: Table, words: Words) -> Key {
        Key { table, words }
    }

    /// The next key of the table, if there is one.
    fn next(self) -> Option<Key> {
        let mut bytes = self.padded_bytes();
        for byte in bytes[..self.table.key_length()].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return Some(Key::new(self.table, &bytes));
            }
        }
        None
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The bytes, filled up with zeros, as numbers that compare as the bytes do.
    pub(super) fn words(&self) -> Words {
        self.words
    }

    /// The first eight bytes, as a number that compares as they do.
    pub(super) fn prefix(&self) -> u64 {
        self.words[0]
    }

    /// The bytes; the first [`Table::key_length`] of them are the key, the others are zero.
    pub fn padded_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(self.words) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

impl std::fmt::Debug for Key {
    /// The table alone: keys of persons appear in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?})", self.table)
    }
}

/// Consecutive keys of one table.
#[derive(Clone, Copy, Debug)]
pub struct KeyRange {
    table: Table,
    /// The first key; `None` if the range has no key.
    from: Option<Key>,
    /// The first key after the range; `None` if it goes to the end of the table.
    end: Option<Key>,
}

impl KeyRange {
    /// All keys of a table.
    pub fn all(table: Table) -> KeyRange {
        KeyRange { table, from: Some(Key { table, words: Words::default() }), end: None }
    }

    /// The keys from one on and before another of the same table.
    pub fn new(from: Key, end: Key) -> KeyRange {
        let end_in_table = Some(end).filter(|end| end.table == from.table);
        KeyRange { table: from.table, from: Some(from).filter(|from| *from < end), end: end_in_table }
    }

    /// The keys after one to the end of its table.
    pub fn after(key: Key) -> KeyRange {
        KeyRange { table: key.table, from: key.next(), end: None }
    }

    /// The table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// The first key, if the range has one.
    pub(super) fn from(&self) -> Option<Key> {
        self.from
    }

    /// The first key after the range; `None` if it goes to the end of the table.
    pub(super) fn end(&self) -> Option<Key> {
        self.end
    }

    /// Whether a key at or after the first one is in the range.
    pub(super) fn reaches(&self, key: &Key) -> bool {
        self.end.is_none_or(|end| *key < end)
    }
}

/// The position of a record in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// The log sequence number of its first byte.
    pub lsn: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// A row of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The table and the key.
    pub key: Key,
    /// The record that the key leads to.
    pub position: LogPosition,
}

/// The state of the log at the end of a frame; what replaying from there needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// The log sequence number of the first byte after the frame.
    pub lsn: u64,
    /// The checksum that the head of the next frame carries of the head of this one.
    pub chain: u32,
    /// The sequence number of the last commit.
    pub sequence: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_by_table_and_then_as_their_bytes() {
        let mut keys = vec![
            Key::person([1; 16]),
            Key::person([255; 16]),
            Key::request([0; 16]),
            Key::list_position([7; 28]),
            Key::list_position([8; 28]),
        ];
        let ordered = keys.clone();
        keys.reverse();
        keys.sort();
        assert_eq!(keys, ordered);
        let numbered = |number: u128| Key::entry(number.to_be_bytes());
        assert_eq!(numbered(256).padded_bytes()[..16], 256u128.to_be_bytes());
        assert_eq!(numbered(255).next(), Some(numbered(256)));
        assert_eq!([numbered(u128::MAX).next(), Key::list_position([255; 28]).next()], [None, None]);
    }

    #[test]
    fn every_table_has_its_number() {
        for (index, table) in Table::ALL.into_iter().enumerate() {
            assert_eq!((Table::from_number(table as u8), table.index()), (Some(table), index));
        }
        assert_eq!([Table::from_number(0), Table::from_number(8)], [None, None]);
    }
}
