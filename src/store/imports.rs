//! The log of imports: who imported what, when, and what it changed. Start and end of an import are logged and never
//! edited; an import without an end was interrupted, and is repeated under another number.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::reference_store::{ReferenceRead, ReferenceWrite};
use crate::domain::ids::{Digest, HospitalId};
use crate::domain::journal::Instant;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;

/// The table name of a copy of another store, which writes hospitals and catalogue last. Until it ends, no hospital is
/// known.
pub const COPY: &str = "copy";

/// The start of an import: its rows are checked, and none is written yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A part of the hospitals and the catalogue of an import; it takes effect when the import ends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// Whole records of hospitals.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// Rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

impl From<ReferenceWrite> for Part {
    fn from(write: ReferenceWrite) -> Part {
        Part { hospitals: write.hospitals, catalogue: write.catalogue }
    }
}

/// The tables after the parts of completed imports, in order. The last record of a hospital wins; rows of the catalogue
/// replace each other by key when the tables are built.
pub fn apply_parts(base: ReferenceRead, parts: impl IntoIterator<Item = Part>) -> ReferenceRead {
    let mut hospitals: HashMap<HospitalId, HospitalRecord> = base.hospitals.into_iter().collect();
    let mut catalogue = base.catalogue;
    for part in parts {
        hospitals.extend(part.hospitals);
        catalogue.extend(part.catalogue);
    }
    ReferenceRead { hospitals: hospitals.into_iter().collect(), catalogue }
}
