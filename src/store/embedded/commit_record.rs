//! What the records of the log hold: the rows that change with a commit, and its entries.
//!
//! Index rows: for each the number of its table (1 byte), its key, the length of its value (4 bytes little-endian) and
//! the value. A row of a list has only hospital and day as its key: its number in the list is its position in the log.
//! The rows of a record with reference tables are in [`super::reference_record`].
//! Entries: for each its id (16 bytes), the length of its record (4 bytes little-endian) and the record.

use super::index::{ADMINISTRATION_KEY, Key, LogPosition, Row, Table};
use super::list_keys::{DayKey, position_key};
use super::log::{EncodedRecord, LogSizes, OpenRecord, PartBytes, Record};
use crate::domain::ids::EntryId;
use crate::journal::{StoredForm, record};
use crate::store::StoreError;
use crate::store::keys::StoreKey;

/// The length of the length before each value, in bytes.
const NUMBER: usize = 4;

/// The bytes of the head of a record and the rows of a settlement, as most have.
const ROWS_OF_SETTLEMENT: usize = 1 << 10;

/// The length of the key of a row of a reference table: the number of the table.
const TABLE_KEY: usize = 1;

/// A record that is being put together: rows, then all entries.
#[derive(Default)]
pub struct RecordBuilder(OpenRecord);

impl RecordBuilder {
    /// An empty record, with room for these entries and the rows of a settlement.
    pub fn with_room_for(entries: &[(EntryId, Vec<u8>)]) -> RecordBuilder {
        RecordBuilder(OpenRecord::with_capacity(ROWS_OF_SETTLEMENT + length_of(entries)))
    }

    /// Adds the row of a person, a request or a claim.
    pub fn row(&mut self, table: Table, key: &StoreKey, value: &impl StoredForm) {
        self.keyed(table, key, |rows| record::append(rows, value));
    }

    /// Adds a row at the end of the list of a hospital's day.
    pub fn listed(&mut self, day: &DayKey, value: &impl StoredForm) {
        self.keyed(Table::ListPosition, day, |rows| record::append(rows, value));
    }

    /// Adds a row with a key of the length that its table has in a record, and the value that `append` appends.
    pub(super) fn keyed(&mut self, table: Table, key: &[u8], append: impl FnOnce(&mut Vec<u8>)) {
        let rows = self.0.rows();
        rows.push(table as u8);
        rows.extend_from_slice(key);
        let start = rows.len() + NUMBER;
        rows.extend_from_slice(&[0; NUMBER]);
        append(rows);
        let length = (rows.len() - start) as u32;
        rows[start - NUMBER..start].copy_from_slice(&length.to_le_bytes());
    }

    /// The record with these entries and its checksums.
    ///
    /// # Errors
    /// `CommitTooLong` if no frame of the log holds it.
    pub fn finish(self, entries: &[(EntryId, Vec<u8>)]) -> Result<EncodedRecord, StoreError> {
        let encoded = self.0.finish(entries.len() as u32, length_of(entries), |bytes| {
            for (EntryId(id), record) in entries {
                bytes.extend_from_slice(id);
                bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
                bytes.extend_from_slice(record);
            }
        });
        let (limit, bytes) = (LogSizes::STORE.body(), encoded.as_ref().map(|record| record.bytes().len()));
        let bytes = bytes.unwrap_or_else(|| length_of(entries));
        encoded.filter(|_| bytes <= limit).ok_or(StoreError::CommitTooLong { bytes, limit })
    }
}

fn length_of(entries: &[(EntryId, Vec<u8>)]) -> usize {
    entries.iter().map(|(EntryId(id), record)| id.len() + NUMBER + record.len()).sum()
}

/// A row of a record.
pub(super) struct RecordRow<'a> {
    pub(super) table: Table,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// The rows of a record, in order; an error in place of what cannot be read.
pub(super) fn rows(bytes: &[u8]) -> impl Iterator<Item = Result<RecordRow<'_>, StoreError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let row = split_row(rest);
        rest = row.as_ref().map_or(&[][..], |(_, rest)| rest);
        Some(row.map(|(row, _)| row).ok_or_else(malformed))
    })
}

fn split_row(bytes: &[u8]) -> Option<(RecordRow<'_>, &[u8])> {
    let (table, rest) = bytes.split_first()?;
    let table = Table::from_number(*table)?;
    let key_length = match table {
        Table::ListPosition => size_of::<DayKey>(),
        Table::ReferenceWrite => TABLE_KEY,
        table => table.key_length(),
    };
    let (key, rest) = rest.split_at_checked(key_length)?;
    let (value, rest) = split_value(rest)?;
    Some((RecordRow { table, key, value }, rest))
}

/// A value with its length before it, and what follows.
fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<NUMBER>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// The entries of a record, in order; an error in place of what cannot be read.
pub fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<RecordEntry<'_>, StoreError>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let entry = split_entry(rest);
        rest = entry.as_ref().map_or(&[][..], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry).ok_or_else(malformed))
    })
}

/// An entry: its id and its record.
pub type RecordEntry<'a> = (EntryId, &'a [u8]);

fn split_entry(bytes: &[u8]) -> Option<(RecordEntry<'_>, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (record, rest) = split_value(rest)?;
    Some(((EntryId(*id), record), rest))
}

pub(super) fn malformed() -> StoreError {
    StoreError::Damaged("a record of the log has its checksums, but not the form of a commit".to_owned())
}

/// Adds the rows of the index that lead to a record at this position.
///
/// # Errors
/// `Damaged` if the record does not have the form of a commit.
pub fn add_index_rows(found: &mut Vec<Row>, record: Record<'_>, position: LogPosition) -> Result<(), StoreError> {
    let mut listed = 0;
    for row in rows(record.rows()) {
        let row = row?;
        let key = match row.table {
            Table::ListPosition => {
                let day = DayKey::try_from(row.key).map_err(|_| malformed())?;
                listed += 1;
                Key::list_position(position_key(&day, position.lsn + listed - 1))
            }
            Table::ReferenceWrite => Key::reference_write(position.lsn),
            Table::Administration if row.key == ADMINISTRATION_KEY => Key::administration(),
            table => store_key(table, row.key)?,
        };
        let row = Row { key, position };
        if found.last() != Some(&row) {
            found.push(row);
        }
    }
    for entry in entries(record.entries()) {
        found.push(Row { key: Key::entry(entry?.0.0), position });
    }
    Ok(())
}

/// The rows of the index that lead to a record at this position.
///
/// # Errors
/// As [`add_index_rows`].
pub fn index_rows(record: Record<'_>, position: LogPosition) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::new();
    add_index_rows(&mut found, record, position)?;
    Ok(found)
}

fn store_key(table: Table, key: &[u8]) -> Result<Key, StoreError> {
    let key = StoreKey::try_from(key).map_err(|_| malformed())?;
    match table {
        Table::Person => Ok(Key::person(key)),
        Table::Request => Ok(Key::request(key)),
        Table::Claim => Ok(Key::claim(key)),
        Table::Entry | Table::ListPosition | Table::ReferenceWrite | Table::Administration => Err(malformed()),
    }
}

/// The rows of a commit that were read from the log.
pub struct CommitRows {
    bytes: PartBytes,
    position: LogPosition,
}

impl CommitRows {
    /// The rows in the record at this position.
    pub fn new(bytes: PartBytes, position: LogPosition) -> CommitRows {
        CommitRows { bytes, position }
    }

    /// The value under the key that led here.
    ///
    /// # Errors
    /// `Damaged` if the record holds nothing under this key: the index is wrong, and the value is of another.
    pub fn value(&self, table: Table, key: &[u8]) -> Result<&[u8], StoreError> {
        for row in rows(self.bytes.bytes()) {
            let row = row?;
            if row.table == table && row.key == key {
                return Ok(row.value);
            }
        }
        Err(is_of_another_key(self.position))
    }

    /// The row with this number in the list of a hospital's day.
    ///
    /// # Errors
    /// As [`CommitRows::value`].
    pub fn listed(&self, day: &DayKey, number: u64) -> Result<&[u8], StoreError> {
        let mut numbers = self.position.lsn..;
        for row in rows(self.bytes.bytes()) {
            let row = row?;
            let is_here = row.table == Table::ListPosition && numbers.next() == Some(number);
            if is_here && row.key == day {
                return Ok(row.value);
            }
        }
        Err(is_of_another_key(self.position))
    }
}

/// The record of the entry whose id led to a position, among the entries there.
///
/// # Errors
/// As [`CommitRows::value`].
pub fn entry_of(entries_there: &[u8], id: EntryId, position: LogPosition) -> Result<&[u8], StoreError> {
    for entry in entries(entries_there) {
        let (found, record) = entry?;
        if found == id {
            return Ok(record);
        }
    }
    Err(is_of_another_key(position))
}

fn is_of_another_key(position: LogPosition) -> StoreError {
    StoreError::Damaged(format!(
        "the index leads to byte {} of the log, where nothing is under the key that was looked up",
        position.lsn
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::log::RecordPart;

    #[test]
    fn every_row_and_entry_of_a_record_is_indexed_and_found_under_its_own_key_alone() {
        let mut builder = RecordBuilder::default();
        builder.keyed(Table::Person, &[1; 16], |rows| rows.extend_from_slice(b"state"));
        builder.keyed(Table::Claim, &[1; 16], |rows| rows.extend_from_slice(b"claim"));
        builder.keyed(Table::ListPosition, &[5; 20], |rows| rows.extend_from_slice(b"first"));
        builder.keyed(Table::ListPosition, &[6; 20], |rows| rows.extend_from_slice(b"second"));
        let entries = [(EntryId([2; 16]), b"entry".to_vec()), (EntryId([3; 16]), Vec::new())];
        let encoded = builder.finish(&entries).expect("a record");
        let position = LogPosition { lsn: 4_160, length: encoded.length() };
        let rows = index_rows(encoded.record(), position).expect("rows");
        let lists = [(5, 4_160), (6, 4_161)].map(|(day, number)| Key::list_position(position_key(&[day; 20], number)));
        let keys =
            [Key::person([1; 16]), Key::claim([1; 16]), lists[0], lists[1], Key::entry([2; 16]), Key::entry([3; 16])];
        assert!(rows.iter().map(|row| row.key).eq(keys));
        let bytes = || encoded.bytes()[..encoded.length() as usize].to_vec();
        let commit = CommitRows::new(PartBytes::check(bytes(), RecordPart::Rows).expect("rows"), position);
        let entries = PartBytes::check(bytes(), RecordPart::Entries).expect("entries");
        let entry = |id| entry_of(entries.bytes(), EntryId([id; 16]), position);
        assert_eq!(commit.value(Table::Person, &[1; 16]), Ok(&b"state"[..]));
        assert_eq!(commit.value(Table::Claim, &[1; 16]), Ok(&b"claim"[..]));
        assert_eq!(commit.listed(&[5; 20], 4_160), Ok(&b"first"[..]));
        assert_eq!(commit.listed(&[6; 20], 4_161), Ok(&b"second"[..]));
        assert_eq!((entry(2), entry(3)), (Ok(&b"entry"[..]), Ok(&b""[..])));
        let another = [
            commit.value(Table::Request, &[1; 16]),
            commit.value(Table::Person, &[2; 16]),
            entry(1),
            commit.listed(&[6; 20], 4_160),
            commit.listed(&[5; 20], 4_161),
            commit.listed(&[5; 20], 4_159),
        ];
        assert!(another.iter().all(|read| matches!(read, Err(StoreError::Damaged(_)))));
    }

    #[test]
    fn rows_that_end_early_are_damaged() {
        let mut builder = RecordBuilder::default();
        builder.keyed(Table::Person, &[1; 16], |rows| rows.extend_from_slice(b"state"));
        let encoded = builder.finish(&[]).expect("a record");
        let whole = encoded.record().rows();
        for end in 1..whole.len() {
            assert!(rows(&whole[..end]).any(|row| row.is_err()), "{end}");
        }
    }
}
