//! Pages of a run: 4 KiB with a checksum of their own.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..4 | CRC-32C of the identity of the store (16 bytes), the number of the run, the number of the page (8 bytes each), and bytes 4..4096 |
//! | 4..6 | the number of rows, or of keys |
//! | 6 | the kind of page |
//! | 7 | the number of the table |
//! | 8..4096 | rows, fences or a filter; the rest is zero |
//!
//! Numbers are little-endian. A page under another number or in another file does not have its checksum.

use super::error::Damage;
use super::key::{Key, LogPosition, Row, Table};

/// The size of a page in bytes.
pub(super) const PAGE: usize = 4096;

/// The size of the head of a page in bytes.
pub(super) const PAGE_HEAD: usize = 8;

/// The bytes of a row besides its key: the position (8) and the length (4) of the record.
const POSITION: usize = 12;

/// A page.
pub(super) type Page = [u8; PAGE];

/// The kind of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum PageKind {
    /// Rows: key, position and length of the record.
    Rows = 1,
    /// The first keys of the pages with rows, and the last key of all.
    Fences = 2,
    /// A filter of the keys of a group of pages.
    Filter = 3,
}

/// What a page is: its number in the file, kind and table.
#[derive(Clone, Copy)]
pub(super) struct PageId {
    pub(super) number: u64,
    pub(super) kind: PageKind,
    pub(super) table: Table,
}

/// The beginning of the checksum of every page of one run.
#[derive(Clone, Copy)]
pub(super) struct PageSeal(u32);

impl PageSeal {
    pub(super) fn new(identity: &[u8; 16], run: u64) -> PageSeal {
        PageSeal(crc32c::crc32c_append(crc32c::crc32c(identity), &run.to_le_bytes()))
    }

    fn checksum(self, number: u64, page: &Page) -> [u8; 4] {
        let numbered = crc32c::crc32c_append(self.0, &number.to_le_bytes());
        crc32c::crc32c_append(numbered, &page[4..]).to_le_bytes()
    }

    /// Writes the head of a page.
    pub(super) fn seal(self, id: PageId, count: usize, page: &mut Page) {
        page[4..6].copy_from_slice(&(count as u16).to_le_bytes());
        page[6] = id.kind as u8;
        page[7] = id.table as u8;
        let checksum = self.checksum(id.number, page);
        page[..4].copy_from_slice(&checksum);
    }

    /// Checks a page; returns the number of its rows or keys.
    pub(super) fn check(self, id: PageId, page: &Page) -> Result<usize, Damage> {
        if page[..4] != self.checksum(id.number, page) {
            return Err(Damage::Checksum { page: id.number });
        }
        let count = usize::from(u16::from_le_bytes([page[4], page[5]]));
        if page[6..8] != [id.kind as u8, id.table as u8] || count > capacity(id) {
            return Err(Damage::Content { page: id.number, what: "another page was expected here" });
        }
        Ok(count)
    }
}

fn capacity(id: PageId) -> usize {
    match id.kind {
        PageKind::Rows => rows_per_page(id.table),
        PageKind::Fences => fences_per_page(id.table),
        PageKind::Filter => usize::MAX,
    }
}

/// The length of a row in bytes.
pub(super) const fn row_length(table: Table) -> usize {
    table.key_length() + POSITION
}

/// The maximum number of rows in a page.
pub(super) const fn rows_per_page(table: Table) -> usize {
    (PAGE - PAGE_HEAD) / row_length(table)
}

/// The maximum number of fences in a page.
pub(super) const fn fences_per_page(table: Table) -> usize {
    (PAGE - PAGE_HEAD) / table.key_length()
}

/// Writes a row at this place of a page.
pub(super) fn write_row(page: &mut Page, at: usize, row: &Row) {
    let key = row.key.table().key_length();
    let bytes = &mut page[PAGE_HEAD + at * (key + POSITION)..][..key + POSITION];
    bytes[..key].copy_from_slice(&row.key.padded_bytes()[..key]);
    bytes[key..key + 8].copy_from_slice(&row.position.lsn.to_le_bytes());
    bytes[key + 8..].copy_from_slice(&row.position.length.to_le_bytes());
}

/// The bytes of the key at this place of a page with rows.
fn key_bytes(page: &[u8], table: Table, at: usize) -> &[u8] {
    &page[PAGE_HEAD + at * row_length(table)..][..table.key_length()]
}

/// The row at this place of a page.
pub(super) fn read_row(page: &[u8], table: Table, at: usize) -> Row {
    let key = Key::new(table, key_bytes(page, table, at));
    let position = &page[PAGE_HEAD + at * row_length(table) + table.key_length()..][..POSITION];
    let (mut lsn, mut length) = ([0; 8], [0; 4]);
    lsn.copy_from_slice(&position[..8]);
    length.copy_from_slice(&position[8..]);
    Row { key, position: LogPosition { lsn: u64::from_le_bytes(lsn), length: u32::from_le_bytes(length) } }
}

/// The number of rows with a smaller key, among the first `count` of a page.
pub(super) fn rows_before(page: &[u8], count: usize, key: &Key) -> usize {
    let (table, bytes) = (key.table(), key.padded_bytes());
    let bytes = &bytes[..table.key_length()];
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if key_bytes(page, table, middle) < bytes {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u8) -> Row {
        let position = LogPosition { lsn: u64::from(number) << 40, length: u32::from(number) };
        Row { key: Key::list_position([number; 28]), position }
    }

    #[test]
    fn a_full_page_gives_back_its_rows_and_any_flipped_byte_is_found() {
        let id = PageId { number: 7, kind: PageKind::Rows, table: Table::ListPosition };
        let seal = PageSeal::new(&[9; 16], 3);
        let (mut page, rows) = ([0; PAGE], rows_per_page(Table::ListPosition));
        assert_eq!(rows, 102);
        for at in 0..rows {
            write_row(&mut page, at, &row(at as u8 * 2));
        }
        seal.seal(id, rows, &mut page);
        assert_eq!(seal.check(id, &page), Ok(rows));
        for at in 0..rows {
            assert_eq!(read_row(&page, Table::ListPosition, at), row(at as u8 * 2));
            assert_eq!(rows_before(&page, rows, &row(at as u8 * 2).key), at);
            assert_eq!(rows_before(&page, rows, &row(at as u8 * 2 + 1).key), at + 1);
        }
        for at in 0..PAGE {
            page[at] ^= 1;
            assert_eq!(seal.check(id, &page), Err(Damage::Checksum { page: 7 }), "byte {at}");
            page[at] ^= 1;
        }
    }

    #[test]
    fn a_page_of_another_place_run_or_store_is_found() {
        let id = PageId { number: 7, kind: PageKind::Rows, table: Table::Claim };
        let mut page = [0; PAGE];
        PageSeal::new(&[9; 16], 3).seal(id, 0, &mut page);
        assert_eq!(PageSeal::new(&[9; 16], 3).check(id, &page), Ok(0));
        assert!(PageSeal::new(&[9; 16], 3).check(PageId { number: 8, ..id }, &page).is_err());
        assert!(PageSeal::new(&[9; 16], 4).check(id, &page).is_err());
        assert!(PageSeal::new(&[8; 16], 3).check(id, &page).is_err());
        let other = PageSeal::new(&[9; 16], 3).check(PageId { kind: PageKind::Filter, ..id }, &page);
        assert_eq!(other, Err(Damage::Content { page: 7, what: "another page was expected here" }));
    }
}
