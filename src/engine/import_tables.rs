//! Hospitals and catalogue of an import: changed in memory, then written in parts.

use std::collections::HashSet;
use std::hash::Hash;

use crate::domain::fault::FaultReason;
use crate::domain::ids::HospitalId;
use crate::reference::catalogue::{CatalogueRow, ROWS_PER_CODE};
use crate::reference::dated::RowChange;
use crate::reference::hospital::HospitalRecord;
use crate::reference::lookup_tables::LookupTables;
use crate::store::{ReferenceWrite, Store};

use super::import_checks::{check_hospitals, check_successions, differing_rows};
use super::import_rows::ImportRows;
use super::imported::Imported;
use super::{Engine, EngineError};

/// Hospitals or rows of the catalogue in one part.
const ROWS_A_PART: usize = 500;

impl<S: Store> Engine<S> {
    /// Writes the hospitals and the rows of the catalogue that an import changes.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(super) async fn import_hospitals_and_catalogue(
        &self,
        number: u64,
        draft: &mut Draft,
    ) -> Result<(), EngineError> {
        for (part, write) in parts(&draft.hospitals, &draft.catalogue).enumerate() {
            self.store.write_reference(number, part as u32, write).await.map_err(EngineError::from_write_error)?;
        }
        draft.tables_changed = !draft.hospitals.is_empty() || !draft.catalogue.is_empty();
        Ok(())
    }
}

/// The parts in which hospitals and catalogue are written; the same rows come in the same parts.
pub(super) fn parts<'a>(
    hospitals: &'a [(HospitalId, HospitalRecord)],
    catalogue: &'a [CatalogueRow],
) -> impl Iterator<Item = ReferenceWrite> + 'a {
    let hospitals = hospitals.chunks(ROWS_A_PART);
    let hospitals = hospitals.map(|rows| ReferenceWrite { hospitals: rows.to_vec(), ..ReferenceWrite::default() });
    let catalogue = catalogue.chunks(ROWS_A_PART);
    let catalogue = catalogue.map(|rows| ReferenceWrite { catalogue: rows.to_vec(), ..ReferenceWrite::default() });
    hospitals.chain(catalogue)
}

/// Hospitals and catalogue as they become, and what of them is new.
pub(super) struct Draft {
    pub(super) tables: LookupTables,
    hospitals: Vec<(HospitalId, HospitalRecord)>,
    catalogue: Vec<CatalogueRow>,
    pub(super) count: Imported,
    pub(super) tables_changed: bool,
}

impl Draft {
    /// # Errors
    /// Every row of the catalogue that contradicts another.
    pub(super) fn new(incoming: &ImportRows, tables: LookupTables) -> Result<Draft, EngineError> {
        let mut draft = Draft {
            tables,
            hospitals: Vec::new(),
            catalogue: Vec::new(),
            count: Imported::default(),
            tables_changed: false,
        };
        let mut changed = Vec::new();
        check_hospitals(incoming)?;
        for (_, id, part) in &incoming.hospitals {
            let change = draft.tables.hospitals.entry(id.clone()).or_default().put(part.clone());
            draft.count.count(change);
            if change == RowChange::Changed {
                changed.push(id.clone());
            }
        }
        check_successions(incoming, &draft.tables)?;
        draft.count.unmatched = incoming.unmatched.clone();
        draft.count.unmatched.add_hospitals(&incoming.hospitals, &draft.tables);
        let tables = &draft.tables;
        let record = |id| tables.hospitals.get(&id).map(|record| (id, record.clone()));
        draft.hospitals = distinct(changed).into_iter().filter_map(record).collect();
        draft.add_catalogue(&incoming.catalogue)?;
        Ok(draft)
    }

    /// Takes all rows first and looks for clashes then: a successor may stand before the row whose end makes
    /// room for it.
    fn add_catalogue(&mut self, rows: &[(u64, CatalogueRow)]) -> Result<(), EngineError> {
        let mut faults = differing_rows(rows.iter().map(|(at, row)| (*at, row.key(), row)), "code");
        for (at, row) in rows {
            if !self.tables.catalogue.has_room_for(row) {
                faults.add(
                    format!("rows[{at}].code"),
                    FaultReason::TooMany,
                    format!("has more than {ROWS_PER_CODE} rows"),
                );
                continue;
            }
            let change = self.tables.catalogue.put(row.clone());
            self.count.count(change);
            if change == RowChange::Changed {
                self.catalogue.push(row.clone());
            }
        }
        for (at, _) in rows.iter().filter(|(_, row)| self.tables.catalogue.conflicts_with(row)) {
            let message = "names a code and a region prefix that another row names on a common day";
            faults.add(format!("rows[{at}].code"), FaultReason::Overlap, message);
        }
        faults.into_result(()).map_err(EngineError::Invalid)
    }
}

fn distinct<T: Hash + Eq + Clone>(mut ids: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}
