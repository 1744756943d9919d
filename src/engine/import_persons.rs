//! The persons of an import: decided in the order of the store's keys, all before any is written, then written some at a time.

use futures_util::{StreamExt, stream};

use crate::domain::fault::FieldFaults;
use crate::reference::dated::RowChange;
use crate::reference::person::PersonRecord;
use crate::store::changed_persons::{ChangedPersons, ChangedPersonsReader};
use crate::store::external_sort::{ExternalSort, NumberedPart, SortedPerson};
use crate::store::{EncodedPerson, ReferenceWrite, Store};

use super::import::ImportContext;
use super::import_checks::{add_overlaps, differing_rows, enrolment_from};
use super::imported::Imported;
use super::{Engine, EngineError};

/// Persons that are read or written in one step; settlements that wait for one wait for no more.
const PERSONS_A_STEP: usize = 2_000;

/// Steps that are written at once: while one is synced, another is prepared.
const STEPS_AT_ONCE: usize = 3;

impl<S: Store> Engine<S> {
    /// Checks and counts the rows about persons; returns the records that they change.
    ///
    /// # Errors
    /// All rows that contradict each other or the table; or if the rows or the store cannot be read.
    pub(super) async fn decide_persons(
        &self,
        rows: ExternalSort,
        count: &mut Imported,
    ) -> Result<ChangedPersonsReader, EngineError> {
        let mut changes = ChangedPersons::new(self.store.external_sort());
        let (mut sorted, mut faults) = (rows.sorted().map_err(EngineError::from_read_error)?, FieldFaults::default());
        while let Some(step) = sorted.next_batch(PERSONS_A_STEP).map_err(EngineError::from_read_error)? {
            let keys: Vec<_> = step.iter().map(|person| (person.key, person.person_id.clone())).collect();
            let records = self.store.persons_in_order(&keys).await.map_err(EngineError::from_read_error)?;
            for (person, record) in step.into_iter().zip(records) {
                if let Some(changed) = decide_person(person, record, count, &mut faults) {
                    changes.add(&changed).map_err(EngineError::from_write_error)?;
                }
            }
        }
        faults.into_result(()).map_err(EngineError::Invalid)?;
        changes.read().map_err(EngineError::from_read_error)
    }

    /// Writes changed records, some at a time.
    ///
    /// # Errors
    /// If the store cannot be written, or it is to stop: some records may have been written.
    pub(super) async fn write_persons(
        &self,
        number: u64,
        mut changes: ChangedPersonsReader,
        outside: &ImportContext<'_>,
    ) -> Result<(), EngineError> {
        let steps = std::iter::from_fn(move || changes.next_batch(PERSONS_A_STEP).transpose());
        let write = async |persons| {
            if (outside.stop)() {
                return Err(EngineError::ImportStopped);
            }
            let persons: Vec<EncodedPerson> = persons?;
            let write = ReferenceWrite { persons, ..ReferenceWrite::default() };
            self.store.write_reference(number, 0, write).await.map_err(EngineError::from_write_error)
        };
        let steps = steps.map(|step| step.map_err(EngineError::from_read_error));
        let mut writes = stream::iter(steps).map(write).buffered(STEPS_AT_ONCE);
        while let Some(written) = writes.next().await {
            written?;
        }
        Ok(())
    }
}

/// Puts the rows of a person in their record; returns it if it is not as it was.
fn decide_person(
    person: SortedPerson<NumberedPart>,
    record: Option<PersonRecord>,
    count: &mut Imported,
    faults: &mut FieldFaults,
) -> Option<EncodedPerson> {
    let SortedPerson { key, person_id, rows } = person;
    if rows.len() > 1 {
        faults.append(differing_rows(rows.iter().map(|(at, part)| (*at, part.key(), part)), "person_id"));
    }
    let mut record = record.unwrap_or_else(|| PersonRecord::new(person_id));
    let enrolments: Vec<_> = rows.iter().filter_map(|(at, part)| Some((*at, enrolment_from(part)?))).collect();
    let (mut changed, all) = (RowChange::Unchanged, rows.len() as u64);
    for (_, part) in rows {
        let change = record.put(part);
        count.count(change);
        changed = changed.max(change);
    }
    if !enrolments.is_empty() {
        let message = "begins a row that shares a day with another row of the person";
        add_overlaps(faults, enrolments, record.enrolments().overlapping(), message);
    }
    if !record.is_known() {
        count.not_enrolled += all;
    }
    (changed == RowChange::Changed).then(|| EncodedPerson::new(key, &record))
}
