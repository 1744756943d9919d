//! The log of imports: who imported what, when, and what it changed. Start and end of an import are logged and never
//! edited; an import without an end was interrupted, and is repeated under another number.

use crate::domain::ids::Digest;
use crate::domain::journal::Instant;

/// The table name of a copy of another store, which writes hospitals and catalogue last. Until it ends, no hospital is
/// known.
pub const COPY: &str = "copy";

/// The start of an import: its rows are checked, and none is written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportStart {
    /// The table.
    pub table: String,
    /// The source of the rows, as the caller states it.
    pub source: String,
    /// Who imported them, as the caller states it.
    pub imported_by: String,
    /// The time.
    pub instant: Instant,
    /// The number of rows.
    pub rows: u64,
    /// The digest over all cells, in order.
    pub digest: Digest,
}

/// The end of an import: all its rows are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportEnd {
    /// The time.
    pub instant: Instant,
    /// Rows that were new or different.
    pub changed: u64,
    /// Rows that were stored already.
    pub unchanged: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its number, from 1.
    pub number: u64,
    /// Its start.
    pub start: ImportStart,
    /// Its end, unless it was interrupted or is running.
    pub end: Option<ImportEnd>,
}

impl Import {
    /// Whether it is an incomplete copy of another store.
    pub fn is_incomplete_copy(&self) -> bool {
        self.start.table == COPY && self.end.is_none()
    }
}

/// An event in the log.
#[derive(Clone, Debug)]
pub enum ImportEvent {
    /// The start of an import.
    Start(ImportStart),
    /// The end of an import.
    End(ImportEnd),
}
