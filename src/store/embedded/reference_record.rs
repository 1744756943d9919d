//! Records of the log with rows of reference tables, of policies and of the log of imports.
//!
//! The log is the truth about them too: a row is in the log before it is in the database, and what the database lacks is
//! written to it again from the log. A row in such a record has the number of its table in the database as its key
//! (1 byte), and as its value the length of the key there (2 bytes little-endian), that key, and the row. Such a record
//! has no entries, except that the end of an import is in one record with the entry that says so.

use super::commit_record::{RecordBuilder, RecordRow, malformed, rows};
use super::index::Table;
use super::log::EncodedRecord;
use super::redb_table::{RedbTable, TableRow};
use crate::store::StoreError;

/// The bytes after which a record is complete: a commit that waits for it waits for no more than this.
const RECORD_BYTES: usize = 256 << 10;

/// The records that hold these rows, in order.
///
/// # Errors
/// `CommitTooLong` if a row is too long, `Unavailable` if its key is.
pub fn records<'a>(rows: impl IntoIterator<Item = &'a TableRow>) -> Result<Vec<EncodedRecord>, StoreError> {
    let (mut records, mut record, mut bytes) = (Vec::new(), RecordBuilder::default(), 0);
    for row in rows {
        let value = encode_row(row)?;
        bytes += value.len();
        add_encoded(&mut record, row.table, &value);
        if bytes >= RECORD_BYTES {
            records.push(std::mem::take(&mut record).finish(&[])?);
            bytes = 0;
        }
    }
    if bytes > 0 {
        records.push(record.finish(&[])?);
    }
    Ok(records)
}

/// Adds a row to a record.
///
/// # Errors
/// `Unavailable` if its key is too long.
pub fn add_row(record: &mut RecordBuilder, row: &TableRow) -> Result<(), StoreError> {
    add_encoded(record, row.table, &encode_row(row)?);
    Ok(())
}

fn add_encoded(record: &mut RecordBuilder, table: RedbTable, value: &[u8]) {
    record.keyed(Table::ReferenceWrite, &[table as u8], |rows| rows.extend_from_slice(value));
}

fn encode_row(row: &TableRow) -> Result<Vec<u8>, StoreError> {
    let too_long = |_| StoreError::Unavailable("a key of a reference table has 64 KiB or more".to_owned());
    let length = u16::try_from(row.key.len()).map_err(too_long)?;
    Ok([&length.to_le_bytes()[..], &row.key, &row.value].concat())
}

/// The rows of the database in the index rows of a record.
///
/// # Errors
/// `Damaged` if they do not have the form of such rows.
pub fn table_rows(record_rows: &[u8]) -> Result<Vec<TableRow>, StoreError> {
    let is_administration =
        |row: &Result<RecordRow<'_>, _>| matches!(row, Ok(row) if row.table == Table::Administration);
    let decoded = rows(record_rows).filter(|row| !is_administration(row)).map(|row| {
        let row = row?;
        let table = row.key.first().and_then(|number| RedbTable::from_number(*number));
        let table = table.filter(|_| row.table == Table::ReferenceWrite).ok_or_else(malformed)?;
        decode_row(table, row.value).ok_or_else(malformed)
    });
    decoded.collect()
}

fn decode_row(table: RedbTable, bytes: &[u8]) -> Option<TableRow> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (key, value) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some(TableRow { table, key: key.to_vec(), value: value.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: RedbTable, key: &[u8], length: usize) -> TableRow {
        TableRow { table, key: key.to_vec(), value: vec![7; length] }
    }

    #[test]
    fn rows_are_read_as_they_were_written_and_a_long_write_takes_several_records() {
        let written = [
            row(RedbTable::Persons, &[1; 16], 100),
            row(RedbTable::Policies, &[2; 32], RECORD_BYTES),
            row(RedbTable::Parts, &[], 0),
            row(RedbTable::Imports, &[3; 9], 10),
        ];
        let records = records(&written).expect("records");
        assert_eq!((records.len(), records[0].entry_count()), (2, 0));
        let read: Vec<_> =
            records.iter().flat_map(|record| table_rows(record.record().rows()).expect("rows")).collect();
        assert_eq!(read, written);
        assert_eq!(super::records(&[]).expect("none").len(), 0);
    }

    #[test]
    fn rows_of_another_form_are_damaged() {
        let mut record = RecordBuilder::default();
        record.keyed(Table::Person, &[1; 16], |rows| rows.extend_from_slice(b"state"));
        let record = record.finish(&[]).expect("a record");
        assert!(matches!(table_rows(record.record().rows()), Err(StoreError::Damaged(_))));
        for (number, value) in [(u8::MAX, &[0, 0][..]), (0, &[1]), (0, &[1, 0])] {
            let mut record = RecordBuilder::default();
            record.keyed(Table::ReferenceWrite, &[number], |rows| rows.extend_from_slice(value));
            let record = record.finish(&[]).expect("a record");
            assert!(matches!(table_rows(record.record().rows()), Err(StoreError::Damaged(_))), "{number} {value:?}");
        }
    }
}
