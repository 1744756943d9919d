//! The tables that are held in memory for look-ups. An import replaces them as a whole.

use std::collections::HashMap;

use crate::domain::ids::HospitalId;

use super::catalogue::{Catalogue, CatalogueRow};
use super::hospital::HospitalRecord;

/// All hospitals and the catalogue.
#[derive(Clone, Debug, Default)]
pub struct LookupTables {
    /// The hospitals, by id.
    pub hospitals: HashMap<HospitalId, HospitalRecord>,
    /// The catalogue, by code.
    pub catalogue: Catalogue,
}

impl LookupTables {
    /// Builds the tables from stored records.
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
