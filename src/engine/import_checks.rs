//! Checks of the rows of an import against each other and against the tables, before anything is written: two rows of one
//! key in one import are the same, and no two rows of a succession hold on one day.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::PersonId;
use crate::reference::hospital::HospitalPart;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::{PersonPart, PersonRecord};
use crate::store::Store;
use crate::store::external_sort::{NumberedPart, Sorted};

use super::import_rows::ImportRows;
use super::{Engine, EngineError};

/// Persons that are read or written in one step; settlements that wait for one wait for no more.
pub(super) const PERSONS_A_STEP: usize = 500;

impl<S: Store> Engine<S> {
    /// Checks the rows about persons, and goes back to the first one.
    ///
    /// # Errors
    /// All rows that contradict each other or the table; or if the rows or the store cannot be read.
    pub(super) async fn check_persons(&self, sorted: &mut Sorted) -> Result<(), EngineError> {
        let mut faults = FieldFaults::default();
        while let Some(step) = sorted.next_batch(PERSONS_A_STEP).map_err(EngineError::from_read_error)? {
            for (_, parts) in &step {
                faults.append(differing_rows(parts.iter().map(|(at, part)| (*at, part.key(), part)), "person_id"));
            }
            let enrolments: Vec<_> = step.into_iter().filter(|(_, parts)| has_enrolment(parts)).collect();
            self.check_enrolments(enrolments, &mut faults).await?;
        }
        faults.into_result(()).map_err(EngineError::Invalid)?;
        sorted.rewind().map_err(EngineError::from_read_error)
    }

    /// Adds a fault for every enrolment that holds on a day on which another one of the person holds.
    async fn check_enrolments(
        &self,
        persons: Vec<(PersonId, Vec<NumberedPart>)>,
        faults: &mut FieldFaults,
    ) -> Result<(), EngineError> {
        if persons.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = persons.iter().map(|(id, _)| id.clone()).collect();
        let records = self.store.persons(&ids).await.map_err(EngineError::from_read_error)?;
        for ((id, parts), record) in persons.into_iter().zip(records) {
            let mut record = record.unwrap_or_else(|| PersonRecord::new(id));
            let rows: Vec<_> = parts.iter().filter_map(|(at, part)| Some((*at, enrolment_from(part)?))).collect();
            for (_, part) in parts {
                record.put(part);
            }
            let message = "begins a row that shares a day with another row of the person";
            add_overlaps(faults, rows, record.enrolments().overlapping(), message);
        }
        Ok(())
    }
}

/// The first day of an enrolment; `None` if the row is of another table.
fn enrolment_from(part: &PersonPart) -> Option<Option<Day>> {
    match part {
        PersonPart::Enrolment(_, days) => Some(days.from),
        _ => None,
    }
}

fn has_enrolment(parts: &[NumberedPart]) -> bool {
    parts.iter().any(|(_, part)| enrolment_from(part).is_some())
}

/// Checks that no two rows about hospitals have one key and differ.
///
/// # Errors
/// All rows that do.
pub(super) fn check_hospitals(incoming: &ImportRows) -> Result<(), EngineError> {
    let rows = incoming.hospitals.iter().map(|(at, id, part)| (*at, (id, part.key()), part));
    differing_rows(rows, "hospital_id").into_result(()).map_err(EngineError::Invalid)
}

/// Checks that no two rows of hospitals.csv about one hospital hold on one day, in the tables with the rows of the
/// import.
///
/// # Errors
/// All rows of the import that do.
pub(super) fn check_successions(incoming: &ImportRows, tables: &LookupTables) -> Result<(), EngineError> {
    let mut rows_of: HashMap<_, Vec<_>> = HashMap::new();
    for (at, id, part) in &incoming.hospitals {
        if let HospitalPart::Status(_, days) = part {
            rows_of.entry(id).or_default().push((*at, days.from));
        }
    }
    let mut faults = FieldFaults::default();
    for (id, rows) in rows_of {
        let overlapping = tables.hospitals.get(id).map(|record| record.statuses().overlapping()).unwrap_or_default();
        let message = "begins a row that shares a day with another row of the hospital";
        add_overlaps(&mut faults, rows, overlapping, message);
    }
    faults.into_result(()).map_err(EngineError::Invalid)
}

/// Adds a fault for every row of the import whose first day is one of these.
fn add_overlaps(faults: &mut FieldFaults, rows: Vec<(u64, Option<Day>)>, overlapping: Vec<Option<Day>>, message: &str) {
    let overlapping: HashSet<_> = overlapping.into_iter().collect();
    for (at, _) in rows.iter().filter(|(_, from)| overlapping.contains(from)) {
        faults.add(format!("rows[{at}].from"), FaultReason::Overlap, message);
    }
}

/// A fault for every row whose key another row has with other values. `column` is the first one of the key.
pub(super) fn differing_rows<'a, K: Hash + Eq, R: PartialEq + 'a>(
    rows: impl Iterator<Item = (u64, K, &'a R)>,
    column: &str,
) -> FieldFaults {
    let mut first_of: HashMap<K, (u64, &R)> = HashMap::new();
    let mut differing = Vec::new();
    for (at, key, row) in rows {
        let (first, known) = *first_of.entry(key).or_insert((at, row));
        if known != row {
            differing.extend([first, at]);
        }
    }
    differing.sort_unstable();
    differing.dedup();
    let mut faults = FieldFaults::default();
    for at in differing {
        let message = "is in the key of two rows of this import that differ";
        faults.add(format!("rows[{at}].{column}"), FaultReason::DifferingRows, message);
    }
    faults
}
