//! The rows of an import as they come: each is checked at once, and put aside until all are there.

use crate::domain::fault::{Fault, FaultReason};
use crate::domain::ids::{Digest, HospitalId};
use crate::domain::refusal::{Reason, Refusal};
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalPart;
use crate::reference::row::ReferenceRow;
use crate::reference::table::ReferenceTable;
use crate::store::Store;
use crate::store::external_sort::ExternalSort;

use super::{Engine, write_failed};

/// The faults that are kept to be named; the others are counted.
pub(super) const FAULTS_KEPT: usize = 100;

/// Rows that have come, checked one by one.
pub struct ImportRows {
    pub(super) persons: ExternalSort,
    pub(super) hospitals: Vec<(HospitalId, HospitalPart)>,
    pub(super) catalogue: Vec<(u64, CatalogueRow)>,
    rows: u64,
    digest: blake3::Hasher,
    faults: Vec<Fault>,
    faulty: usize,
    most_held: usize,
}

impl ImportRows {
    /// Takes the next row. That it is faulty is told when all have come.
    ///
    /// # Errors
    /// If there are more rows than an import may have, or they cannot be put aside.
    pub fn add(&mut self, table: ReferenceTable, cells: &[String]) -> Result<(), Refusal> {
        for cell in cells {
            self.digest.update(&(cell.len() as u64).to_le_bytes());
            self.digest.update(cell.as_bytes());
        }
        match ReferenceRow::from_cells(table, cells) {
            Ok(row) => self.add_row(row),
            Err(faults) => {
                self.faults(faults);
                self.rows += 1;
                Ok(())
            }
        }
    }

    pub(super) fn add_row(&mut self, row: ReferenceRow) -> Result<(), Refusal> {
        match row {
            ReferenceRow::Person(id, part) => self.persons.add(&id, &part).map_err(write_failed)?,
            ReferenceRow::Hospital(id, part) => self.hospitals.push((id, part)),
            ReferenceRow::Catalogue(row) => self.catalogue.push((self.rows, row)),
        }
        self.rows += 1;
        if self.hospitals.len().max(self.catalogue.len()) > self.most_held {
            let told = format!("are more than {} in one import", self.most_held);
            return Err(Refusal::naming(Reason::InvalidRequest, vec![Fault::new("rows", FaultReason::TooMany, told)]));
        }
        Ok(())
    }

    fn faults(&mut self, found: Vec<Fault>) {
        self.faulty += found.len();
        let room = FAULTS_KEPT.saturating_sub(self.faults.len());
        let at = self.rows;
        self.faults.extend(
            found.into_iter().take(room).map(|fault| Fault { field: format!("rows[{at}].{}", fault.field), ..fault }),
        );
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
    pub(super) fn check(&mut self) -> Result<(), Refusal> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let more = self.faulty - self.faults.len();
        Err(Refusal { more, ..Refusal::naming(Reason::InvalidRequest, std::mem::take(&mut self.faults)) })
    }
}

impl<S: Store> Engine<S> {
    /// An import without rows yet.
    pub fn incoming(&self) -> ImportRows {
        ImportRows {
            persons: self.store.external_sort(),
            hospitals: Vec::new(),
            catalogue: Vec::new(),
            rows: 0,
            digest: blake3::Hasher::new(),
            faults: Vec::new(),
            faulty: 0,
            most_held: self.settings.rows_held,
        }
    }
}
