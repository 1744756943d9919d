//! Writing a run from rows in order, in bounded memory: one page with rows, one with a filter, the fences, and a buffer
//! of 256 KiB.

use std::io;

use super::disk::{Disk, DiskFile};
use super::error::IndexError;
use super::fences::Fences;
use super::filter::{FILTER_GROUP, KeyHash, add};
use super::key::{Key, Row, Table};
use super::page::{PAGE, PAGE_HEAD, Page, PageId, PageKind, PageSeal, fences_per_page, rows_per_page, write_row};
use super::run_head::{RunHead, RunId};

/// The bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// A run that is being written. It is valid when [`RunWriter::finish`] returned and the directory was synced.
pub(super) struct RunWriter {
    name: String,
    identity: [u8; 16],
    seal: PageSeal,
    file: Box<dyn DiskFile>,
    head: RunHead,
    /// The first page with rows.
    rows_begin: u64,
    fences: [Fences; Table::COUNT],
    /// The last row, and so the table of the open page.
    last: Option<Key>,
    page: Page,
    count: usize,
    filter: Page,
    /// The keys in the filter.
    filtered: usize,
    buffer: Vec<u8>,
    /// The bytes that were written since the last sync.
    unsynced: u64,
}

impl RunWriter {
    /// Creates the file of a run of up to this many rows in each table.
    pub(super) fn create(
        disk: &dyn Disk,
        identity: [u8; 16],
        id: RunId,
        most: &[u64; Table::COUNT],
    ) -> Result<RunWriter, IndexError> {
        let name = id.file();
        let file = disk.create(&name).map_err(|error| IndexError::file("create", &name, &error))?;
        let head = RunHead::with_room(id, most);
        Ok(RunWriter {
            name,
            identity,
            seal: PageSeal::new(&identity, id.number),
            file,
            rows_begin: head.pages,
            head,
            fences: Table::ALL.map(|table| Fences::with_room(table, 0)),
            last: None,
            page: [0; PAGE],
            count: 0,
            filter: [0; PAGE],
            filtered: 0,
            buffer: Vec::with_capacity(BUFFER + PAGE),
            unsynced: 0,
        })
    }

    /// Appends a row, whose key is greater than those before.
    pub(super) fn push(&mut self, row: &Row) -> Result<(), IndexError> {
        let table = row.key.table();
        if self.last.is_some_and(|last| last.table() != table) {
            self.end_section()?;
        }
        if self.count == rows_per_page(table) {
            self.end_page(table)?;
        }
        if self.count == 0 {
            self.begin_page(&row.key);
        }
        write_row(&mut self.page, self.count, row);
        if table.has_filter() {
            add(&mut self.filter, KeyHash::new(&row.key));
            self.filtered += 1;
        }
        self.count += 1;
        self.last = Some(row.key);
        Ok(())
    }

    /// The bytes that were written since the last sync.
    pub(super) fn unsynced(&self) -> u64 {
        self.unsynced
    }

    /// Makes what was written durable, so that the last sync is short.
    pub(super) fn sync(&mut self) -> Result<(), IndexError> {
        self.unsynced = 0;
        self.failed("sync", self.file.sync())
    }

    /// Writes fences and head, and makes the file durable; its entry in the directory is not.
    pub(super) fn finish(mut self) -> Result<(), IndexError> {
        self.end_section()?;
        self.write_buffer()?;
        for table in Table::ALL {
            self.write_fences(table)?;
        }
        self.head.place_empty_sections(self.rows_begin);
        let (head, _) = self.head.encode(&self.identity);
        self.failed("write", self.file.pwrite(&head, 0))?;
        self.sync()
    }

    fn failed(&self, operation: &'static str, done: io::Result<()>) -> Result<(), IndexError> {
        done.map_err(|error| IndexError::file(operation, &self.name, &error))
    }

    fn begin_page(&mut self, first: &Key) {
        let section = &mut self.head.sections[first.table().index()];
        if section.row_pages == 0 {
            section.row_page = self.head.pages;
        }
        self.fences[first.table().index()].push(first);
    }

    fn end_page(&mut self, table: Table) -> Result<(), IndexError> {
        let id = PageId { number: self.head.pages, kind: PageKind::Rows, table };
        self.seal.seal(id, self.count, &mut self.page);
        self.buffer.extend_from_slice(&self.page);
        self.page = [0; PAGE];
        let section = &mut self.head.sections[table.index()];
        section.rows += self.count as u64;
        section.row_pages += 1;
        self.head.pages += 1;
        self.count = 0;
        if section.row_pages.is_multiple_of(FILTER_GROUP) {
            self.end_filter(table)?;
        }
        if self.buffer.len() >= BUFFER { self.write_buffer() } else { Ok(()) }
    }

    /// Writes the filter of the last pages of this table.
    fn end_filter(&mut self, table: Table) -> Result<(), IndexError> {
        let section = self.head.sections[table.index()];
        let Some(last) = section.filter_pages(table).checked_sub(1) else { return Ok(()) };
        let id = PageId { number: section.filter_page + last, kind: PageKind::Filter, table };
        self.seal.seal(id, self.filtered, &mut self.filter);
        self.failed("write", self.file.pwrite(&self.filter, id.number * PAGE as u64))?;
        self.unsynced += PAGE as u64;
        self.filter = [0; PAGE];
        self.filtered = 0;
        Ok(())
    }

    /// Ends the last page, filter and fences of a table.
    fn end_section(&mut self) -> Result<(), IndexError> {
        let Some(last) = self.last.take() else { return Ok(()) };
        if self.count > 0 {
            self.end_page(last.table())?;
        }
        if self.filtered > 0 {
            self.end_filter(last.table())?;
        }
        self.fences[last.table().index()].push(&last);
        Ok(())
    }

    fn write_buffer(&mut self) -> Result<(), IndexError> {
        let offset = self.head.pages * PAGE as u64 - self.buffer.len() as u64;
        self.failed("write", self.file.pwrite(&self.buffer, offset))?;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn write_fences(&mut self, table: Table) -> Result<(), IndexError> {
        let first = self.head.sections[table.index()].fence_page;
        for (number, bytes) in (first..).zip(self.fences[table.index()].chunks(fences_per_page(table))) {
            let mut page = [0; PAGE];
            page[PAGE_HEAD..][..bytes.len()].copy_from_slice(bytes);
            self.seal.seal(
                PageId { number, kind: PageKind::Fences, table },
                bytes.len() / table.key_length(),
                &mut page,
            );
            self.failed("write", self.file.pwrite(&page, number * PAGE as u64))?;
        }
        Ok(())
    }
}
