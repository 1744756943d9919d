//! The rows of an import as they come: each is checked at once, and put aside until all are there.

use std::sync::Arc;

use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::{Digest, HospitalId};
use crate::domain::vocabulary::Vocabulary;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::columns::ColumnOrder;
use crate::reference::hospital::HospitalPart;
use crate::reference::row::ReferenceRow;
use crate::reference::row_words::{cell_word_faults, word_faults};
use crate::reference::table::ReferenceTable;
use crate::store::Store;
use crate::store::external_sort::ExternalSort;

use super::import_unmatched::{CoveredRegions, UnmatchedRows};
use super::{Engine, EngineError};

/// Rows that have come, checked one by one.
pub struct ImportRows {
    pub(super) persons: ExternalSort,
    pub(super) hospitals: Vec<(u64, HospitalId, HospitalPart)>,
    pub(super) catalogue: Vec<(u64, CatalogueRow)>,
    rows: u64,
    digest: blake3::Hasher,
    /// What the digest takes of a row; the memory is kept for the next.
    digested: Vec<u8>,
    faults: FieldFaults,
    most_held: usize,
    id_bytes: usize,
    vocabulary: Arc<Vocabulary>,
    covered: CoveredRegions,
    pub(super) unmatched: UnmatchedRows,
}

impl ImportRows {
    /// Takes the next row. Its faults are reported after the last row.
    ///
    /// # Errors
    /// If there are more rows than an import may have, or they cannot be put aside.
    pub fn add(&mut self, table: ReferenceTable, cells: &[impl AsRef<str>]) -> Result<(), EngineError> {
        self.digested.clear();
        for cell in cells.iter().map(AsRef::as_ref) {
            self.digested.extend_from_slice(&(cell.len() as u64).to_le_bytes());
            self.digested.extend_from_slice(cell.as_bytes());
        }
        self.digest.update(&self.digested);
        match ReferenceRow::from_cells(table, cells, self.id_bytes) {
            Ok(row) => self.add_row(row),
            Err(mut faults) => {
                faults.extend(cell_word_faults(table, cells, &self.vocabulary));
                self.faults(faults);
                self.rows += 1;
                Ok(())
            }
        }
    }

    /// Takes the next row, whose cells are in the order of these columns.
    ///
    /// # Errors
    /// As [`ImportRows::add`].
    pub fn add_named(
        &mut self,
        table: ReferenceTable,
        columns: &ColumnOrder,
        cells: &[String],
    ) -> Result<(), EngineError> {
        if cells.len() == columns.named() {
            return self.add(table, &columns.arrange(|at| cells.get(at).map_or("", String::as_str)));
        }
        let message = format!("has {} cells; {} columns are named", cells.len(), columns.named());
        self.faults(vec![FieldFault::new("cells", FaultReason::Unreadable, message)]);
        self.rows += 1;
        Ok(())
    }

    pub(super) fn add_row(&mut self, row: ReferenceRow) -> Result<(), EngineError> {
        let faults = word_faults(&row, &self.vocabulary);
        if !faults.is_empty() {
            self.faults(faults);
            self.rows += 1;
            return Ok(());
        }
        match row {
            ReferenceRow::Person(id, part) => {
                self.unmatched.add_person(&part, &self.covered);
                self.persons.add(&id, &(self.rows, part)).map_err(EngineError::from_write_error)?
            }
            ReferenceRow::Hospital(id, part) => self.hospitals.push((self.rows, id, part)),
            ReferenceRow::Catalogue(row) => self.catalogue.push((self.rows, row)),
        }
        self.rows += 1;
        if self.hospitals.len().max(self.catalogue.len()) > self.most_held {
            let message =
                format!("must be at most {} of hospitals or of the catalogue in one import: split it", self.most_held);
            return Err(EngineError::invalid("rows", FaultReason::TooMany, message));
        }
        Ok(())
    }

    fn faults(&mut self, found: Vec<FieldFault>) {
        let at = self.rows;
        let of_row = |fault: FieldFault| FieldFault { field: format!("rows[{at}].{}", fault.field), ..fault };
        self.faults.extend(found.into_iter().map(of_row));
    }

    /// The digest over the cells of all rows, each with its length before it.
    pub(super) fn digest(&self) -> Digest {
        Digest(*self.digest.finalize().as_bytes())
    }

    /// How many rows have come.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Refuses the whole if any row is faulty.
    pub(super) fn check(&mut self) -> Result<(), EngineError> {
        std::mem::take(&mut self.faults).into_result(()).map_err(EngineError::Invalid)
    }
}

impl<S: Store> Engine<S> {
    /// An import without rows yet.
    pub fn incoming(&self) -> ImportRows {
        let book = self.book();
        ImportRows {
            persons: self.store.external_sort(),
            hospitals: Vec::new(),
            catalogue: Vec::new(),
            rows: 0,
            digest: blake3::Hasher::new(),
            digested: Vec::new(),
            faults: FieldFaults::default(),
            most_held: self.settings.rows_held,
            id_bytes: self.settings.limits.id_bytes,
            vocabulary: Arc::clone(book.vocabulary()),
            covered: CoveredRegions::of_book(&book),
            unmatched: UnmatchedRows::default(),
        }
    }
}
