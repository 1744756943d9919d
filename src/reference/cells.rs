//! Converts reference records back to rows of cells, in the form in which they can be imported.

use std::collections::BTreeMap;

use crate::domain::day::{Day, Interval};
use crate::domain::ids::{HospitalId, ItemCode};
use crate::domain::words::Tag;

use super::catalogue::CatalogueRow;
use super::hospital::{HospitalRecord, HospitalStatus};
use super::lookup_tables::LookupTables;
use super::person::{Enrolment, PersonRecord};
use super::table::ReferenceTable;

/// The cells of one row, in the order of the table's columns.
pub type Cells = Vec<String>;

fn optional_day(day: Option<Day>) -> String {
    day.map_or_else(String::new, |day| day.to_string())
}

fn dated_row(id: &str, value: Option<&str>, days: Interval) -> Cells {
    let value = value.map(str::to_owned);
    [id.to_owned()].into_iter().chain(value).chain([optional_day(days.from), optional_day(days.until)]).collect()
}

/// The rows of a person in a table that are in force on a day; none if the table is not about persons.
pub(crate) fn person_rows(table: ReferenceTable, record: &PersonRecord, on: Day) -> Vec<Cells> {
    let id = record.id().as_str();
    match table {
        ReferenceTable::Enrolments => {
            record.enrolments().on(on).map(|(held, days)| enrolment_cells(id, held, days)).into_iter().collect()
        }
        ReferenceTable::Categories => {
            record.categories().rows_on(on).map(|(held, days)| dated_row(id, Some(held.as_str()), days)).collect()
        }
        ReferenceTable::Approvals => {
            record.approvals().rows_on(on).map(|(held, days)| dated_row(id, Some(held.as_str()), days)).collect()
        }
        ReferenceTable::Hospitals | ReferenceTable::Designations | ReferenceTable::Catalogue => Vec::new(),
    }
}

fn enrolment_cells(id: &str, enrolment: &Enrolment, days: Interval) -> Cells {
    vec![
        id.to_owned(),
        optional_day(days.from),
        enrolment.insurance.to_string(),
        enrolment.insured_region.as_str().to_owned(),
        optional_day(days.until),
    ]
}

/// Which keys (hospital ids or codes) of a table are read.
#[derive(Clone, Copy)]
pub enum KeySelection<'a> {
    /// This key only.
    One(&'a str),
    /// All keys after this one in ascending order; the empty key is before all others.
    After(&'a str),
}

/// A page of the rows of the catalogue or of a table about hospitals that are in force on a day, by ascending key.
/// All rows of a key are on one page, so it may hold more than `limit` rows. Returns the last key of the page too if
/// further rows may follow.
pub(crate) fn table_page(
    table: ReferenceTable,
    tables: &LookupTables,
    keys: KeySelection<'_>,
    on: Day,
    limit: usize,
) -> (Vec<Cells>, Option<String>) {
    let after = match keys {
        KeySelection::One(key) => return (rows_of_key(table, tables, key, on), None),
        KeySelection::After(after) => after,
    };
    let mut page = CellPage { rows: BTreeMap::new(), count: 0, limit };
    if table == ReferenceTable::Catalogue {
        for (code, rows) in tables.catalogue.rows_after(after) {
            if page.is_full() {
                break;
            }
            page.add_unless_full(code.as_str(), || code_rows(code, rows, on));
        }
    } else {
        // There are few hospitals.
        for (id, record) in tables.hospitals.iter().filter(|(id, _)| id.as_str() > after) {
            page.add_unless_full(id.as_str(), || hospital_rows(table, id, record, on));
        }
    }
    let last = page.last_key().map(str::to_owned).filter(|_| page.is_full());
    (page.rows.into_values().flatten().collect(), last)
}

/// The rows of one key that are in force on a day.
fn rows_of_key(table: ReferenceTable, tables: &LookupTables, key: &str, on: Day) -> Vec<Cells> {
    let found = if table == ReferenceTable::Catalogue {
        tables.catalogue.rows_of(key).map(|(code, rows)| code_rows(code, rows, on))
    } else {
        let id = HospitalId::from_stored(key).ok();
        let known = id.and_then(|id| tables.hospitals.get_key_value(&id));
        known.map(|(id, record)| hospital_rows(table, id, record, on))
    };
    found.unwrap_or_default()
}

/// The smallest keys offered so far, as many as fill a page of rows.
struct CellPage<'a> {
    rows: BTreeMap<&'a str, Vec<Cells>>,
    count: usize,
    limit: usize,
}

impl<'a> CellPage<'a> {
    fn last_key(&self) -> Option<&'a str> {
        self.rows.keys().next_back().copied()
    }

    fn is_full(&self) -> bool {
        self.count >= self.limit
    }

    /// Adds a key if the page has room or the key precedes its last one; keys that no longer fit are dropped.
    fn add_unless_full(&mut self, key: &'a str, cells: impl FnOnce() -> Vec<Cells>) {
        if self.is_full() && self.last_key().is_some_and(|last| key > last) {
            return;
        }
        let cells = cells();
        if cells.is_empty() {
            return;
        }
        self.count += cells.len();
        self.rows.insert(key, cells);
        while let Some(last) = self.rows.last_entry().filter(|last| self.count - last.get().len() >= self.limit) {
            self.count -= last.remove().len();
        }
    }
}

fn hospital_rows(table: ReferenceTable, id: &HospitalId, record: &HospitalRecord, on: Day) -> Vec<Cells> {
    match table {
        ReferenceTable::Hospitals => {
            record.statuses().on(on).map(|(status, days)| status_cells(id, status, days)).into_iter().collect()
        }
        _ => record.designations().rows_on(on).map(|((), days)| dated_row(id.as_str(), None, days)).collect(),
    }
}

fn status_cells(id: &HospitalId, status: &HospitalStatus, days: Interval) -> Cells {
    vec![
        id.as_str().to_owned(),
        optional_day(days.from),
        status.name.to_string(),
        status.level.as_str().to_owned(),
        status.region.as_str().to_owned(),
        status.tags.as_slice().iter().map(Tag::as_str).collect::<Vec<_>>().join(" "),
        optional_day(days.until),
    ]
}

fn code_rows(code: &ItemCode, rows: &[CatalogueRow], on: Day) -> Vec<Cells> {
    let mut rows: Vec<_> = rows.iter().filter(|row| row.days.contains(on)).collect();
    rows.sort_by(|one, other| one.regions.cmp(&other.regions));
    rows.into_iter().map(|row| catalogue_cells(code, row)).collect()
}

fn catalogue_cells(code: &ItemCode, row: &CatalogueRow) -> Cells {
    let ratio = row.entry.class.self_pay_ratio.map_or_else(String::new, |ratio| ratio.to_string());
    vec![
        code.as_str().to_owned(),
        row.regions.join(" "),
        optional_day(row.days.from),
        row.entry.name.to_string(),
        row.entry.class.word.as_str().to_owned(),
        ratio,
        row.entry.price_ceiling.map_or_else(String::new, |price| price.to_string()),
        optional_day(row.days.until),
    ]
}
