//! A run: a file of rows in the order of tables and keys, which never changes.
//!
//! The first page is the [head](super::run_head). Then come, for each table, the pages with filters and those with
//! fences, with room for as many as the run could have needed; then the pages with rows, one table after the other. In
//! a section of rows all pages but the last are full.
//!
//! An open run has its fences in memory, and its filters if they are few: see [`FILTER_PAGES_IN_MEMORY`]. Every page is
//! checked each time it is read.

use super::disk::{Disk, DiskFile};
use super::error::{Damage, IndexError};
use super::fences::Fences;
use super::filter::{FILTER_GROUP, KeyHash, may_contain};
use super::key::{Key, LogPosition, Row, Table};
use super::page::{PAGE, Page, PageId, PageKind, PageSeal, read_row, rows_before};
use super::run_head::{RunHead, RunId};

/// A run with more pages of filters than this (16 MiB) has them on disk, where a look-up reads one page.
///
/// A run of 32,768 settles has 44 such pages, a merge of eight of those 350, of sixty-four 2,800: the filters of up to
/// seven runs of each of these three levels are 90 MB at most, and deeper levels add nothing.
pub(super) const FILTER_PAGES_IN_MEMORY: u64 = 4096;

/// An open run.
pub(super) struct Run {
    name: String,
    head: RunHead,
    /// The checksum of the head, by which the manifest knows the run.
    checksum: u32,
    seal: PageSeal,
    file: Box<dyn DiskFile>,
    fences: [Fences; Table::COUNT],
    /// The pages with filters of each table; `None` if they are on disk.
    filters: Option<[Vec<Page>; Table::COUNT]>,
}

impl Run {
    /// Opens a run, and checks the head, the fences and the filters.
    pub(super) fn open(disk: &dyn Disk, identity: &[u8; 16], id: RunId) -> Result<Run, IndexError> {
        let name = id.file();
        let damaged = |damage| IndexError::damaged(&name, damage);
        let file = disk.open(&name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => damaged(Damage::Missing),
            _ => IndexError::file("open", &name, &error),
        })?;
        let found = file.length().map_err(|error| IndexError::file("read", &name, &error))?;
        let mut page = [0; PAGE];
        if found < PAGE as u64 {
            return Err(damaged(if found == 0 {
                Damage::Empty
            } else {
                Damage::Length { found, expected: PAGE as u64 }
            }));
        }
        file.read_at(&mut page, 0).map_err(|error| IndexError::file("read", &name, &error))?;
        let (head, checksum) = RunHead::decode(&page, identity).map_err(damaged)?;
        if head.id != id {
            return Err(damaged(Damage::OtherFile));
        }
        if head.pages.checked_mul(PAGE as u64) != Some(found) {
            return Err(damaged(Damage::Length { found, expected: head.pages.saturating_mul(PAGE as u64) }));
        }
        let seal = PageSeal::new(identity, id.number);
        let mut run = Run { name, head, checksum, seal, file, fences: Default::default(), filters: None };
        run.load()?;
        Ok(run)
    }

    /// Reads the fences, and the filters if they are few.
    fn load(&mut self) -> Result<(), IndexError> {
        let sections = || Table::ALL.into_iter().zip(self.head.sections);
        let filter_pages: u64 = sections().map(|(table, section)| section.filter_pages(table)).sum();
        let mut filters: [Vec<Page>; Table::COUNT] = Default::default();
        let mut fences: [Fences; Table::COUNT] = Default::default();
        for (table, section) in sections() {
            if filter_pages <= FILTER_PAGES_IN_MEMORY {
                let pages = section.filter_page..section.filter_page + section.filter_pages(table);
                filters[table.index()].reserve_exact((pages.end - pages.start) as usize);
                self.each_page(table, PageKind::Filter, pages, |page, _| filters[table.index()].push(*page))?;
            }
            let pages = section.fence_page..section.fence_page + section.fence_pages(table);
            let loaded = &mut fences[table.index()];
            *loaded = Fences::with_room(table, section.fences() as usize);
            self.each_page(table, PageKind::Fences, pages, |page, count| loaded.load(page, count))?;
            if loaded.count() as u64 != section.fences() {
                let damage = Damage::Content { page: section.fence_page, what: "it has another number of fences" };
                return Err(IndexError::damaged(&self.name, damage));
            }
        }
        self.fences = fences;
        self.filters = (filter_pages <= FILTER_PAGES_IN_MEMORY).then_some(filters);
        Ok(())
    }

    /// Reads consecutive pages, 64 at a time.
    fn each_page(
        &self,
        table: Table,
        kind: PageKind,
        pages: std::ops::Range<u64>,
        mut each: impl FnMut(&Page, usize),
    ) -> Result<(), IndexError> {
        let mut buffer = Vec::new();
        for first in pages.clone().step_by(64) {
            self.read_pages(first, (pages.end - first).min(64), &mut buffer)?;
            for (number, page) in (first..).zip(buffer.as_chunks::<PAGE>().0) {
                each(page, self.check(PageId { number, kind, table }, page)?);
            }
        }
        Ok(())
    }

    /// Reads consecutive pages, which are not checked.
    fn read_pages(&self, first: u64, count: u64, buffer: &mut Vec<u8>) -> Result<(), IndexError> {
        buffer.resize(count as usize * PAGE, 0);
        self.file.read_at(buffer, first * PAGE as u64).map_err(|error| self.read_failed(&error))
    }

    fn read_page(&self, id: PageId, page: &mut Page) -> Result<usize, IndexError> {
        self.file.read_at(page, id.number * PAGE as u64).map_err(|error| self.read_failed(&error))?;
        self.check(id, page)
    }

    /// The error of a read: damage if the file was cut off.
    fn read_failed(&self, error: &std::io::Error) -> IndexError {
        match self.file.length() {
            Ok(found) if found < self.head.pages * PAGE as u64 => {
                IndexError::damaged(&self.name, Damage::Length { found, expected: self.head.pages * PAGE as u64 })
            }
            _ => IndexError::file("read", &self.name, error),
        }
    }

    fn check(&self, id: PageId, page: &Page) -> Result<usize, IndexError> {
        let checked = self.seal.check(id, page);
        checked.map_err(|damage| IndexError::damaged(&self.name, damage))
    }

    /// The name of the file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The head.
    pub(super) fn head(&self) -> &RunHead {
        &self.head
    }

    /// The checksum of the head.
    pub(super) fn checksum(&self) -> u32 {
        self.checksum
    }

    /// The length of the file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.head.pages.saturating_mul(PAGE as u64)
    }

    /// The bytes of memory that its fences and filters take.
    pub(super) fn memory(&self) -> usize {
        let filters = self.filters.iter().flatten().map(|pages| pages.len() * PAGE).sum::<usize>();
        filters + self.fences.iter().map(Fences::memory).sum::<usize>()
    }

    /// The position under a key.
    pub(super) fn get(&self, key: &Key, hash: KeyHash) -> Result<Option<LogPosition>, IndexError> {
        let table = key.table();
        let Some(page) = self.fences[table.index()].page_of(key) else { return Ok(None) };
        if table.has_filter() && !self.may_contain(table, page, hash)? {
            return Ok(None);
        }
        let mut bytes = [0; PAGE];
        let count = self.read_page(self.row_page(table, page), &mut bytes)?;
        let at = rows_before(&bytes, count, key);
        let found = (at < count).then(|| read_row(&bytes, table, at)).filter(|row| row.key == *key);
        Ok(found.map(|row| row.position))
    }

    fn may_contain(&self, table: Table, page: u64, hash: KeyHash) -> Result<bool, IndexError> {
        let group = page / FILTER_GROUP;
        if let Some(filters) = &self.filters {
            return Ok(filters[table.index()].get(group as usize).is_none_or(|page| may_contain(page, hash)));
        }
        let number = self.head.sections[table.index()].filter_page + group;
        let mut bytes = [0; PAGE];
        self.read_page(PageId { number, kind: PageKind::Filter, table }, &mut bytes)?;
        Ok(may_contain(&bytes, hash))
    }

    fn row_page(&self, table: Table, page: u64) -> PageId {
        PageId { number: self.head.sections[table.index()].row_page + page, kind: PageKind::Rows, table }
    }

    /// The last row before the end of a range, if it is in the range.
    pub(super) fn last(&self, range: &super::KeyRange) -> Result<Option<Row>, IndexError> {
        let (table, fences) = (range.table(), &self.fences[range.table().index()]);
        let (Some(from), Some(page)) = (range.from(), fences.last_page_before(range.end().as_ref())) else {
            return Ok(None);
        };
        let mut bytes = [0; PAGE];
        let count = self.read_page(self.row_page(table, page), &mut bytes)?;
        let before = range.end().map_or(count, |end| rows_before(&bytes, count, &end));
        let last = before.checked_sub(1).map(|at| read_row(&bytes, table, at));
        Ok(last.filter(|row| row.key >= from))
    }
}

/// A cursor over the rows of one table of a run, from a key on.
pub(super) struct RunCursor {
    run: std::sync::Arc<Run>,
    table: Table,
    /// The next page to read, counted from the first with rows of the table.
    next_page: u64,
    /// How many pages are read at once.
    chunk: u64,
    /// The pages that were read, and where the next of them begins.
    buffer: Vec<u8>,
    begins: usize,
    /// The next row of the page before, and the number of its rows.
    at: usize,
    count: usize,
    from: Option<Key>,
}

impl RunCursor {
    /// A cursor that reads this many pages at once.
    pub(super) fn new(run: std::sync::Arc<Run>, from: Key, chunk: u64) -> RunCursor {
        let table = from.table();
        let next_page = run.fences[table.index()].first_page_from(&from);
        RunCursor { run, table, next_page, chunk, buffer: Vec::new(), begins: 0, at: 0, count: 0, from: Some(from) }
    }

    /// The next row; `None` after the last one of the table.
    pub(super) fn next(&mut self) -> Result<Option<Row>, IndexError> {
        while self.at >= self.count {
            if !self.next_page()? {
                return Ok(None);
            }
        }
        let row = read_row(&self.buffer[self.begins - PAGE..], self.table, self.at);
        self.at += 1;
        Ok(Some(row))
    }

    /// Goes to the next page; `false` after the last one.
    fn next_page(&mut self) -> Result<bool, IndexError> {
        let section = self.run.head.sections[self.table.index()];
        if self.begins >= self.buffer.len() {
            let count = section.row_pages.saturating_sub(self.next_page).min(self.chunk);
            if count == 0 {
                return Ok(false);
            }
            self.run.read_pages(section.row_page + self.next_page, count, &mut self.buffer)?;
            self.begins = 0;
        }
        let Some(page) = self.buffer[self.begins..].first_chunk::<PAGE>() else { return Ok(false) };
        self.count = self.run.check(self.run.row_page(self.table, self.next_page), page)?;
        self.at = self.from.take().map_or(0, |from| rows_before(page, self.count, &from));
        self.next_page += 1;
        self.begins += PAGE;
        Ok(true)
    }
}
