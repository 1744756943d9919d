//! Import of reference rows: all rows of one file, or none, and then every fault is named.
//!
//! Rows are checked as they come ([`super::import_rows`]) and taken when all are there. Persons are put in the order of the
//! store and written some at a time, each whole, so that settlements go on meanwhile and no table of persons is
//! held in memory; what is interrupted is taken again by the same import again. Hospitals and catalogue are few: they
//! are changed in memory, written in parts that hold when the last is there, and shown all at once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use crate::domain::fault::FaultReason;
use crate::domain::ids::{HospitalId, PersonId};
use crate::domain::journal::{AdministrationAct, Instant, JournaledImport};
use crate::reference::catalogue::{CatalogueRow, ROWS_PER_CODE};
use crate::reference::dated::RowChange;
use crate::reference::hospital::HospitalRecord;
use crate::reference::lookup_tables::LookupTables;
use crate::reference::person::PersonRecord;
use crate::reference::row::ReferenceRow;
use crate::store::administration::AdministrationState;
use crate::store::coordination::Coordination;
use crate::store::external_sort::{NumberedPart, Sorted};
use crate::store::imports::{Import, ImportEnd, ImportEvent, ImportStart};
use crate::store::{ReferenceWrite, Store};

use super::administration::StampSource;
use super::import_checks::{PERSONS_A_STEP, check_hospitals, check_successions, differing_rows};
use super::import_rows::ImportRows;
use super::import_unmatched::UnmatchedRows;
use super::{Engine, EngineError};

/// Hospitals or rows of the catalogue in one part.
const ROWS_A_PART: usize = 500;

/// How many rows an import took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// New rows, and rows that replaced one of their key.
    pub changed: u64,
    /// Rows that the table held already.
    pub unchanged: u64,
    /// Rows about persons who have no enrolment.
    pub not_enrolled: u64,
    /// Rows that name an insurance, a region or a hospital that is not known.
    pub unmatched: UnmatchedRows,
}

impl Imported {
    fn count(&mut self, change: RowChange) {
        match change {
            RowChange::Changed => self.changed += 1,
            RowChange::Unchanged => self.unchanged += 1,
        }
    }
}

/// Who imports what, in the caller's words.
#[derive(Clone, Debug, Default)]
pub struct ImportSource {
    /// Where the rows come from: the name of a file.
    pub source: String,
    /// Who brings them.
    pub imported_by: String,
}

/// What an import is brought from outside.
pub struct ImportContext<'a> {
    /// The clock.
    pub now: &'a (dyn Fn() -> Instant + Sync),
    /// The stamps of entries of the journal; `None` where none is kept of imports, as in a policy case.
    pub stamps: Option<StampSource<'a>>,
    /// Whether to stop between two steps.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// The right to import in this process, where one import runs at a time; the lease of the store is the right among
/// instances.
pub struct ImportPermit(#[allow(dead_code)] tokio::sync::OwnedMutexGuard<()>);

impl<S: Store> Engine<S> {
    /// Imports rows that are held in memory, as [`Engine::import_rows`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn import(&self, rows: Vec<ReferenceRow>) -> Result<Imported, EngineError> {
        let mut incoming = self.incoming();
        for row in rows {
            incoming.add_row(row)?;
        }
        let outside = ImportContext { now: &|| Instant(0), stamps: None, stop: &|| false };
        self.import_rows(self.acquire_import_permit().await, incoming, "", ImportSource::default(), &outside).await
    }

    /// Waits until no other import runs in this process.
    pub async fn acquire_import_permit(&self) -> ImportPermit {
        ImportPermit(Arc::clone(&self.importing).lock_owned().await)
    }

    /// Imports all the rows; settlements that begin afterwards see them all.
    ///
    /// # Errors
    /// Every faulty row, and every one that contradicts another; then none is imported. If the store cannot be written, or
    /// it is stopped, rows about some persons may have been imported: the same import again imports the others.
    pub async fn import_rows(
        &self,
        _permit: ImportPermit,
        mut incoming: ImportRows,
        table: &str,
        source: ImportSource,
        outside: &ImportContext<'_>,
    ) -> Result<Imported, EngineError> {
        incoming.check()?;
        let shared_tables_version =
            self.store.coordination().acquire_import_lease().await.map_err(EngineError::from_write_error)?;
        let imported = self.import_under_lease(shared_tables_version, incoming, table, source, outside).await;
        self.store.coordination().release_import_lease().await;
        imported
    }

    /// The same while no other instance imports; what others imported before is read first.
    async fn import_under_lease(
        &self,
        shared_tables_version: Option<u64>,
        incoming: ImportRows,
        table: &str,
        source: ImportSource,
        outside: &ImportContext<'_>,
    ) -> Result<Imported, EngineError> {
        self.read_tables(shared_tables_version.unwrap_or(0)).await.map_err(EngineError::from_read_error)?;
        let last = self.store.imports(u64::MAX, 1).await.map_err(EngineError::from_read_error)?;
        let number = last.first().map_or(0, |import| import.number) + 1;
        let mut draft = Draft::new(&incoming, LookupTables::clone(&self.tables.load()))?;
        let begun = ImportStart {
            table: table.to_owned(),
            source: source.source,
            imported_by: source.imported_by,
            instant: (outside.now)(),
            rows: incoming.rows(),
            digest: incoming.digest(),
        };
        let mut persons = incoming.persons.sorted().map_err(EngineError::from_read_error)?;
        self.check_persons(&mut persons).await?;
        self.store
            .log_import(number, ImportEvent::Start(begun.clone()))
            .await
            .map_err(EngineError::from_write_error)?;
        self.write_changed_persons(number, persons, &mut draft.count, outside).await?;
        self.import_hospitals_and_catalogue(number, &mut draft).await?;
        let journaled = JournaledImport {
            number,
            table: table.to_owned(),
            source: begun.source,
            imported_by: begun.imported_by,
            digest: begun.digest,
            changed: draft.count.changed,
            unchanged: draft.count.unchanged,
        };
        self.end_import(journaled, outside).await?;
        if draft.tables_changed || shared_tables_version.is_some() {
            self.replace_tables(draft.tables, number);
        }
        Ok(draft.count)
    }

    /// Makes the rows of an import apply, and records its end in the same commit.
    async fn end_import(&self, import: JournaledImport, outside: &ImportContext<'_>) -> Result<(), EngineError> {
        let Some(stamps) = outside.stamps else {
            let JournaledImport { number, changed, unchanged, .. } = import;
            let end = ImportEvent::End(ImportEnd { instant: (outside.now)(), changed, unchanged });
            return self.store.log_import(number, end).await.map_err(EngineError::from_write_error);
        };
        let act = |_: &AdministrationState, _: Instant| Ok(Some(AdministrationAct::ImportEnd(import.clone())));
        self.record(act, stamps).await.map(drop)
    }

    /// The last imports before a number, newest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn imports(&self, before: Option<u64>, limit: usize) -> Result<Vec<Import>, EngineError> {
        self.store.imports(before.unwrap_or(u64::MAX), limit).await.map_err(EngineError::from_read_error)
    }

    async fn write_changed_persons(
        &self,
        number: u64,
        mut sorted: Sorted,
        count: &mut Imported,
        outside: &ImportContext<'_>,
    ) -> Result<(), EngineError> {
        while let Some(step) = sorted.next_batch(PERSONS_A_STEP).map_err(EngineError::from_read_error)? {
            if (outside.stop)() {
                return Err(EngineError::ImportStopped);
            }
            let persons = self.changed(step, count).await?;
            if !persons.is_empty() {
                let write = ReferenceWrite { persons, ..ReferenceWrite::default() };
                self.store.write_reference(number, 0, write).await.map_err(EngineError::from_write_error)?;
            }
        }
        Ok(())
    }

    /// Of these persons the records that are not as they were.
    async fn changed(
        &self,
        step: Vec<(PersonId, Vec<NumberedPart>)>,
        count: &mut Imported,
    ) -> Result<Vec<(PersonId, PersonRecord)>, EngineError> {
        let ids: Vec<_> = step.iter().map(|(id, _)| id.clone()).collect();
        let records = self.store.persons(&ids).await.map_err(EngineError::from_read_error)?;
        let mut persons = Vec::with_capacity(step.len());
        for ((id, parts), record) in step.into_iter().zip(records) {
            let mut record = record.unwrap_or_else(|| PersonRecord::new(id.clone()));
            let mut changed = RowChange::Unchanged;
            let rows = parts.len() as u64;
            for (_, part) in parts {
                let change = record.put(part);
                count.count(change);
                changed = changed.max(change);
            }
            if !record.is_known() {
                count.not_enrolled += rows;
            }
            if changed == RowChange::Changed {
                persons.push((id, record));
            }
        }
        Ok(persons)
    }

    async fn import_hospitals_and_catalogue(&self, number: u64, draft: &mut Draft) -> Result<(), EngineError> {
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
struct Draft {
    tables: LookupTables,
    hospitals: Vec<(HospitalId, HospitalRecord)>,
    catalogue: Vec<CatalogueRow>,
    count: Imported,
    tables_changed: bool,
}

impl Draft {
    /// # Errors
    /// Every row of the catalogue that contradicts another.
    fn new(incoming: &ImportRows, tables: LookupTables) -> Result<Draft, EngineError> {
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
