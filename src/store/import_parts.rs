//! The parts in which an import writes hospitals and catalogue.

use std::collections::HashMap;

use super::reference_store::{ReferenceRead, ReferenceWrite};
use crate::domain::ids::HospitalId;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;

/// A part of the hospitals and the catalogue of an import; it takes effect when the import ends.
#[derive(Clone, Debug, Default)]
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

/// The tables that the parts of completed imports add up to, in order. The last record of a hospital wins; rows of the catalogue
/// replace each other by key when the tables are built.
pub fn apply_parts(parts: impl IntoIterator<Item = Part>) -> ReferenceRead {
    let mut hospitals: HashMap<HospitalId, HospitalRecord> = HashMap::new();
    let mut catalogue = Vec::new();
    for part in parts {
        hospitals.extend(part.hospitals);
        catalogue.extend(part.catalogue);
    }
    ReferenceRead { hospitals: hospitals.into_iter().collect(), catalogue }
}
