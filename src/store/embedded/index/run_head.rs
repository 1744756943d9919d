//! The head of a run: its first page.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0..16 | `onestop.indexrun` |
//! | 16..20 | the format: 1 |
//! | 20..24 | CRC-32C of bytes 24..4096 |
//! | 24..40 | the identity of the store |
//! | 40..48 | the number of the run |
//! | 48..56, 56..64 | the log from this position up to this one is what the rows are of |
//! | 64..72 | the number of pages in the file |
//! | 72..80 | the level |
//! | 80..320 | for each table in the order of their numbers: the number of rows, the first page of filters, of fences and of rows, and the number of pages with rows |
//! | 320..4096 | zero |
//!
//! Numbers are little-endian and of 8 bytes, unless the table says otherwise.

use super::error::Damage;
use super::filter::FILTER_GROUP;
use super::key::Table;
use super::page::{PAGE, Page, fences_per_page, rows_per_page};

const MAGIC: &[u8; 16] = b"onestop.indexrun";

/// The format of runs and manifest.
pub(super) const FORMAT: u32 = 1;

/// What a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunId {
    /// Its number: a newer run has a greater one, unless it is a merge.
    pub(super) number: u64,
    /// How many times its rows were merged.
    pub(super) level: u64,
    /// Where the log begins that its rows are of.
    pub(super) from: u64,
    /// Where that log ends.
    pub(super) to: u64,
}

impl RunId {
    /// The name of its file.
    pub(super) fn file(&self) -> String {
        format!("run-{:016x}", self.number)
    }
}

/// The head of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunHead {
    pub(super) id: RunId,
    /// The number of pages in the file.
    pub(super) pages: u64,
    pub(super) sections: [Section; Table::COUNT],
}

/// Where the rows of a table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) rows: u64,
    pub(super) filter_page: u64,
    pub(super) fence_page: u64,
    pub(super) row_page: u64,
    pub(super) row_pages: u64,
}

impl Section {
    /// The number of pages with filters.
    pub(super) fn filter_pages(&self, table: Table) -> u64 {
        if table.has_filter() { self.row_pages.div_ceil(FILTER_GROUP) } else { 0 }
    }

    /// The number of fences: the first key of each page, and the last key.
    pub(super) fn fences(&self) -> u64 {
        if self.row_pages == 0 { 0 } else { self.row_pages.saturating_add(1) }
    }

    /// The number of pages with fences.
    pub(super) fn fence_pages(&self, table: Table) -> u64 {
        self.fences().div_ceil(fences_per_page(table) as u64)
    }
}

impl RunHead {
    /// The head of an empty run with room for filters and fences of up to this many rows of each table.
    pub(super) fn with_room(id: RunId, most: &[u64; Table::COUNT]) -> RunHead {
        let mut head = RunHead { id, pages: 1, sections: Default::default() };
        for (table, rows) in Table::ALL.into_iter().zip(most) {
            let full = Section { row_pages: rows.div_ceil(rows_per_page(table) as u64), ..Section::default() };
            let section = &mut head.sections[table.index()];
            section.filter_page = head.pages;
            section.fence_page = head.pages + full.filter_pages(table);
            head.pages = section.fence_page + full.fence_pages(table);
        }
        head
    }

    /// Gives each table without rows the place after the table before it; the first rows are on this page.
    pub(super) fn place_empty_sections(&mut self, first: u64) {
        let mut next = first;
        for section in &mut self.sections {
            if section.row_pages == 0 {
                section.row_page = next;
            }
            next = section.row_page + section.row_pages;
        }
    }

    /// The page, and its checksum.
    pub(super) fn encode(&self, identity: &[u8; 16]) -> (Page, u32) {
        let mut page = [0; PAGE];
        page[..16].copy_from_slice(MAGIC);
        page[16..20].copy_from_slice(&FORMAT.to_le_bytes());
        page[24..40].copy_from_slice(identity);
        let RunId { number, level, from, to } = self.id;
        let sections = self.sections.iter();
        let sections =
            sections.flat_map(|one| [one.rows, one.filter_page, one.fence_page, one.row_page, one.row_pages]);
        let numbers = [number, from, to, self.pages, level].into_iter().chain(sections);
        for (bytes, number) in page[40..].as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *bytes = number.to_le_bytes();
        }
        let checksum = crc32c::crc32c(&page[24..]);
        page[20..24].copy_from_slice(&checksum.to_le_bytes());
        (page, checksum)
    }

    /// The head in a page, with its checksum.
    pub(super) fn decode(page: &Page, identity: &[u8; 16]) -> Result<(RunHead, u32), Damage> {
        let checksum = check_head(page, MAGIC, identity)?;
        let mut numbers = page[40..].as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or_default();
        let (number, from, to, pages, level) = (next(), next(), next(), next(), next());
        let mut head = RunHead { id: RunId { number, level, from, to }, pages, sections: Default::default() };
        for section in &mut head.sections {
            let (rows, filter_page, fence_page, row_page, row_pages) = (next(), next(), next(), next(), next());
            *section = Section { rows, filter_page, fence_page, row_page, row_pages };
        }
        if head.is_consistent() {
            Ok((head, checksum))
        } else {
            Err(Damage::Content { page: 0, what: "its numbers do not fit together" })
        }
    }

    /// Whether the parts follow one another and end with the file.
    fn is_consistent(&self) -> bool {
        let (mut part, mut rows_begin) = (Some(1), None);
        for (table, section) in Table::ALL.into_iter().zip(&self.sections) {
            let in_order = part.is_some_and(|part| section.filter_page >= part)
                && section
                    .filter_page
                    .checked_add(section.filter_pages(table))
                    .is_some_and(|end| end <= section.fence_page);
            part = section.fence_page.checked_add(section.fence_pages(table)).filter(|_| in_order);
            let follows = rows_begin.is_none_or(|begin| begin == section.row_page);
            let full = section.row_pages.checked_mul(rows_per_page(table) as u64);
            let fits = section.rows.div_ceil(rows_per_page(table) as u64) == section.row_pages && full.is_some();
            rows_begin = section.row_page.checked_add(section.row_pages).filter(|_| follows && fits);
            if part.is_none() || rows_begin.is_none() {
                return false;
            }
        }
        rows_begin == Some(self.pages) && part <= self.sections.first().map(|first| first.row_page)
    }
}

/// Checks the first 40 bytes of a file and the checksum over the rest; returns the checksum.
pub(super) fn check_head(bytes: &[u8], magic: &[u8; 16], identity: &[u8; 16]) -> Result<u32, Damage> {
    let Some((head, _)) = bytes.split_first_chunk::<40>() else {
        return Err(Damage::Length { found: bytes.len() as u64, expected: 40 });
    };
    let format = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
    let checksum = u32::from_le_bytes([head[20], head[21], head[22], head[23]]);
    if head[..16] != magic[..] {
        return Err(Damage::Magic);
    }
    if format != FORMAT {
        return Err(Damage::Format { found: format, known: FORMAT });
    }
    if crc32c::crc32c(&bytes[24..]) != checksum {
        return Err(Damage::Checksum { page: 0 });
    }
    if head[24..] != identity[..] { Err(Damage::OtherStore) } else { Ok(checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> RunHead {
        let id = RunId { number: 5, level: 1, from: 4096, to: 8192 };
        let mut head = RunHead::with_room(id, &[500, 0, 300_000, 1, 700, 0, 1]);
        let mut page = head.pages;
        for (table, (section, rows)) in
            Table::ALL.into_iter().zip(head.sections.iter_mut().zip([400, 0, 290_000, 1, 1, 0, 1]))
        {
            section.rows = rows;
            section.row_page = page;
            section.row_pages = rows.div_ceil(rows_per_page(table) as u64);
            page += section.row_pages;
        }
        head.pages = page;
        head
    }

    #[test]
    fn a_head_gives_back_what_was_written_and_any_flipped_byte_is_found() {
        let (mut page, checksum) = head().encode(&[3; 16]);
        assert_eq!(RunHead::decode(&page, &[3; 16]), Ok((head(), checksum)));
        assert_eq!(RunHead::decode(&page, &[4; 16]), Err(Damage::OtherStore));
        for at in 0..PAGE {
            page[at] ^= 0x80;
            assert!(RunHead::decode(&page, &[3; 16]).is_err(), "byte {at}");
            page[at] ^= 0x80;
        }
    }

    #[test]
    fn numbers_that_do_not_fit_together_are_refused() {
        let changes: [fn(&mut RunHead); 6] = [
            |head| head.pages += 1,
            |head| head.sections[0].rows += 1_000,
            |head| head.sections[1].row_page += 1,
            |head| head.sections[2].fence_page = u64::MAX,
            |head| head.sections[5].row_pages = u64::MAX,
            |head| head.sections[3].filter_page = 0,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut head = head();
            change(&mut head);
            let (page, _) = head.encode(&[3; 16]);
            let refused = Err(Damage::Content { page: 0, what: "its numbers do not fit together" });
            assert_eq!(RunHead::decode(&page, &[3; 16]), refused, "change {number}");
        }
    }
}
