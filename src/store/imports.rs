//! The log of imports: who brought what, when, and what it changed. Noted when it begins and when it ends, and
//! never edited; what was begun and has no end was interrupted, and is begun anew under another number.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::reference_store::{ReferenceRead, ReferenceWrite};
use crate::domain::ids::{Digest, HospitalId};
use crate::domain::journal::Instant;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;

/// The table that is noted of a copy of another store: hospitals and catalogue, last of all that it brings. While
/// it has not ended, no hospital is known.
pub const COPY: &str = "copy";

/// What is noted when an import begins: its rows are checked, and none is taken yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStart {
    /// The table.
    pub table: String,
    /// Where the rows came from, in the caller's words.
    pub source: String,
    /// Who brought them, in the caller's words.
    pub imported_by: String,
    /// When.
    pub instant: Instant,
    /// How many rows there are.
    pub rows: u64,
    /// The digest over all their cells, in their order.
    pub digest: Digest,
}

/// What is noted when it ends: all its rows are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportEnd {
    /// When.
    pub instant: Instant,
    /// Rows that were new or different.
    pub changed: u64,
    /// Rows that were held already.
    pub unchanged: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its number, from 1.
    pub number: u64,
    /// How it began.
    pub begun: ImportStart,
    /// How it ended, if it did.
    pub ended: Option<ImportEnd>,
}

impl Import {
    /// Whether it is a copy of another store that did not end.
    pub fn is_open_copy(&self) -> bool {
        self.begun.table == COPY && self.ended.is_none()
    }
}

/// What is noted.
#[derive(Clone, Debug)]
pub enum ImportEvent {
    /// That it begins.
    Start(ImportStart),
    /// That it ended.
    End(ImportEnd),
}

/// Hospitals and catalogue of an import, in parts; they hold once it ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    /// Hospitals, whole.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// Rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

impl From<ReferenceWrite> for Part {
    fn from(write: ReferenceWrite) -> Part {
        Part { hospitals: write.hospitals, catalogue: write.catalogue }
    }
}

/// The tables after the parts of ended imports, in their order: of a hospital the last record holds; rows of the
/// catalogue replace one another by their keys, where they are read.
pub fn read(base: ReferenceRead, parts: impl IntoIterator<Item = Part>) -> ReferenceRead {
    let mut hospitals: HashMap<HospitalId, HospitalRecord> = base.hospitals.into_iter().collect();
    let mut catalogue = base.catalogue;
    for part in parts {
        hospitals.extend(part.hospitals);
        catalogue.extend(part.catalogue);
    }
    ReferenceRead { hospitals: hospitals.into_iter().collect(), catalogue }
}
