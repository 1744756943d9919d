//! One row of a reference table: parsed and validated from its cells.

use std::sync::Arc;

use crate::domain::day::Interval;
use crate::domain::facts::CatalogueEntry;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::{HospitalId, ItemCode, PersonId};

use super::catalogue::CatalogueRow;
use super::cell_reader::CellReader;
use super::hospital::{HospitalPart, HospitalStatus};
use super::person::{Enrolment, PersonPart};
use super::table::ReferenceTable;

/// The maximum bytes of the name of a hospital or an item.
const NAME_BYTES: usize = 200;

/// The maximum bytes of the word that names an insurance.
const INSURANCE_BYTES: usize = 64;

/// A valid row.
#[derive(Clone, PartialEq, Eq)]
pub enum ReferenceRow {
    /// A row of a table about persons.
    Person(PersonId, PersonPart),
    /// A row of a table about hospitals.
    Hospital(HospitalId, HospitalPart),
    /// A row of the catalogue.
    Catalogue(CatalogueRow),
}

crate::domain::ids::silent_debug!(ReferenceRow);

impl ReferenceRow {
    /// Parses the cells of a row, given in the order of the table's columns. Ids and codes may have at most
    /// `id_bytes` bytes.
    ///
    /// # Errors
    /// Every invalid cell, by column; or that the number of cells is not the number of columns.
    pub fn from_cells(
        table: ReferenceTable,
        cells: &[impl AsRef<str>],
        id_bytes: usize,
    ) -> Result<ReferenceRow, Vec<FieldFault>> {
        let columns = table.columns();
        if cells.len() != columns.len() {
            let message = format!("has {} cells; the columns are {}", cells.len(), columns.join(", "));
            return Err(vec![FieldFault::new("cells", FaultReason::Unreadable, message)]);
        }
        if let Some(at) = cells.iter().position(|cell| cell.as_ref().contains(['\n', '\r'])) {
            return Err(vec![FieldFault::new(columns[at], FaultReason::ControlCharacter, "has a line end")]);
        }
        let mut reader = CellReader::new(columns, cells.iter().map(AsRef::as_ref), id_bytes);
        let row = read_row(table, &mut reader);
        reader.finish(row)
    }
}

fn read_row(table: ReferenceTable, reader: &mut CellReader<'_>) -> Option<ReferenceRow> {
    match table {
        ReferenceTable::Enrolments => read_person_part(reader, read_enrolment),
        ReferenceTable::Categories => {
            read_person_part(reader, |reader, days| Some(PersonPart::Category(reader.word("category")?, days)))
        }
        ReferenceTable::Approvals => {
            read_person_part(reader, |reader, days| Some(PersonPart::Approval(reader.word("kind")?, days)))
        }
        ReferenceTable::Hospitals => read_hospital(reader),
        ReferenceTable::Designations => {
            let (id, days) = (reader.id("hospital_id", HospitalId::parse), reader.interval());
            Some(ReferenceRow::Hospital(id?, HospitalPart::Designation(days?)))
        }
        ReferenceTable::Catalogue => read_catalogue(reader),
    }
}

fn read_enrolment(reader: &mut CellReader<'_>, days: Interval) -> Option<PersonPart> {
    let (insurance, region) = (reader.text("insurance", INSURANCE_BYTES), reader.region("insured_region"));
    Some(PersonPart::Enrolment(Enrolment { insurance: insurance?.into(), insured_region: region? }, days))
}

/// Every cell is read before a missing one ends the row, so that all faults of the row are found.
fn read_person_part<'a>(
    reader: &mut CellReader<'a>,
    part: impl FnOnce(&mut CellReader<'a>, Interval) -> Option<PersonPart>,
) -> Option<ReferenceRow> {
    let (id, days) = (reader.id("person_id", PersonId::parse), reader.interval());
    let part = part(reader, days.unwrap_or_default());
    days.and(Some(ReferenceRow::Person(id?, part?)))
}

fn read_hospital(reader: &mut CellReader<'_>) -> Option<ReferenceRow> {
    let (id, name) = (reader.id("hospital_id", HospitalId::parse), reader.text("name", NAME_BYTES));
    let (level, region) = (reader.word("level"), reader.region("region"));
    let (tags, days) = (reader.tags(), reader.interval());
    let status = HospitalStatus { name: name?.into(), level: level?, region: region?, tags: tags? };
    Some(ReferenceRow::Hospital(id?, HospitalPart::Status(status, days?)))
}

fn read_catalogue(reader: &mut CellReader<'_>) -> Option<ReferenceRow> {
    let (code, name) = (reader.id("code", ItemCode::parse), reader.text("name", NAME_BYTES));
    let (regions, days) = (reader.region_prefixes(), reader.interval());
    let (class, price_ceiling) = (reader.class(), reader.price_ceiling());
    let entry = CatalogueEntry { code: code?, name: name?.into(), class: class?, price_ceiling: price_ceiling? };
    Some(ReferenceRow::Catalogue(CatalogueRow { regions: regions?, days: days?, entry: Arc::new(entry) }))
}
