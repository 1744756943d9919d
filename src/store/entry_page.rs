//! Pages of entries in the order of commits, for whoever reads the whole journal: feeds, reports, audits, backups.
//!
//! An entry has its position once it is durable, and no later commit gets a position before one that was read: a reader that
//! goes on after the last position misses nothing and reads nothing twice.

use super::error::StoreError;
use super::rows::CommitPosition;
use crate::domain::ids::EntryId;

/// The length of the records, in bytes, at which a page ends even if more entries are allowed.
pub const PAGE_BYTES: usize = 4 << 20;

/// The bytes read of a log at which a page with an entry ends even if more are allowed: entries may lie among long reference
/// tables.
const READ_BYTES: usize = 4 * PAGE_BYTES;

/// An entry of the journal as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its position.
    pub position: CommitPosition,
    /// Its id.
    pub id: EntryId,
    /// Its record, the bytes as committed; or why this one cannot be read.
    pub record: Result<Vec<u8>, StoreError>,
}

/// Consecutive entries of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPage {
    /// The entries, in the order of commits.
    pub entries: Vec<StoredEntry>,
    /// Whether no further entry was durable when the page was read.
    pub is_end: bool,
}

/// A page that is being read.
pub(crate) struct OpenPage {
    entries: Vec<StoredEntry>,
    limit: usize,
    bytes: usize,
    read: usize,
}

impl OpenPage {
    /// An empty page for up to `limit` entries.
    pub(crate) fn new(limit: usize) -> OpenPage {
        OpenPage { entries: Vec::new(), limit, bytes: 0, read: 0 }
    }

    /// Whether it takes no more entries.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// The number of entries that it still takes, unless their records are long.
    pub(crate) fn room(&self) -> usize {
        if self.is_full() { 0 } else { self.limit - self.entries.len() }
    }

    /// Appends an entry; gives it back if the page is full.
    pub(crate) fn push(&mut self, entry: StoredEntry) -> Option<StoredEntry> {
        if self.is_full() {
            return Some(entry);
        }
        self.bytes += entry.record.as_ref().map_or(0, Vec::len);
        self.entries.push(entry);
        None
    }

    /// Counts bytes that were read for it.
    pub(crate) fn count_read(&mut self, bytes: usize) {
        self.read += bytes;
    }

    /// Whether it has an entry, and so much was read for it that it ends here.
    pub(crate) fn has_read_enough(&self) -> bool {
        self.read >= READ_BYTES && !self.entries.is_empty()
    }

    /// The page, when no further entry is known.
    pub(crate) fn end(self) -> EntryPage {
        EntryPage { entries: self.entries, is_end: true }
    }

    /// The page, when there are further entries.
    pub(crate) fn cut(self) -> EntryPage {
        EntryPage { entries: self.entries, is_end: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_which_much_was_read_ends_once_it_has_an_entry() {
        let mut page = OpenPage::new(10);
        page.count_read(READ_BYTES);
        assert!(!page.has_read_enough(), "whoever reads on after it would read the same again");
        let entry = StoredEntry { position: CommitPosition(1), id: EntryId([1; 16]), record: Ok(Vec::new()) };
        assert_eq!(page.push(entry.clone()), None);
        assert!(page.has_read_enough());
        let mut short = OpenPage::new(10);
        assert_eq!(short.push(entry), None);
        short.count_read(READ_BYTES - 1);
        assert!(!short.has_read_enough());
        short.count_read(1);
        assert!(short.has_read_enough());
    }
}
