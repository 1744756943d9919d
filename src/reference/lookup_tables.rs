//! The tables that are looked up in memory, replaced whole.

use std::collections::HashMap;

use crate::domain::ids::HospitalId;

use super::catalogue::{Catalogue, CatalogueRow};
use super::hospital::HospitalRecord;

/// Hospitals and catalogue as they stand.
#[derive(Clone, Debug, Default)]
pub struct LookupTables {
    /// By id.
    pub hospitals: HashMap<HospitalId, HospitalRecord>,
    /// By code.
    pub catalogue: Catalogue,
}

impl LookupTables {
    /// The tables of these records.
    pub fn new(
        hospitals: impl IntoIterator<Item = (HospitalId, HospitalRecord)>,
        rows: impl IntoIterator<Item = CatalogueRow>,
    ) -> LookupTables {
        let mut tables = LookupTables { hospitals: hospitals.into_iter().collect(), catalogue: Catalogue::default() };
        for row in rows {
            tables.catalogue.put(row);
        }
        tables
    }
}
