//! Checks of the rows of an import against each other and against the tables, before anything is written: two rows of one
//! key in one import are the same, and no two rows of a succession hold on one day.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::reference::hospital::HospitalPart;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::PersonPart;

use super::EngineError;
use super::import_rows::ImportRows;

/// The first day of an enrolment; `None` if the row is of another table.
pub(super) fn enrolment_from(part: &PersonPart) -> Option<Option<Day>> {
    match part {
        PersonPart::Enrolment(_, days) => Some(days.from),
        _ => None,
    }
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
pub(super) fn add_overlaps(
    faults: &mut FieldFaults,
    rows: Vec<(u64, Option<Day>)>,
    overlapping: Vec<Option<Day>>,
    message: &str,
) {
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
