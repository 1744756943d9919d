//! Reference records as rows of their tables again: the cells that would import them.

use std::collections::BTreeMap;

use crate::domain::day::{Day, Interval};
use crate::domain::facts::Class;
use crate::domain::ids::{HospitalId, ItemCode, PersonId};

use super::catalogue::CatalogueRow;
use super::hospital::HospitalRecord;
use super::lookup_tables::LookupTables;
use super::person::PersonRecord;
use super::table::ReferenceTable;

/// The cells of a row.
pub type Cells = Vec<String>;

fn end(day: Option<Day>) -> String {
    day.map_or_else(String::new, |day| day.to_string())
}

fn dated(id: &str, value: Option<&str>, days: Interval) -> Cells {
    let value = value.map(str::to_owned);
    [id.to_owned()].into_iter().chain(value).chain([end(days.from), end(days.until)]).collect()
}

/// A person's rows of a table that are in force on a day; none of a table that is not about persons.
pub fn of_person(table: ReferenceTable, id: &PersonId, record: &PersonRecord, on: Day) -> Vec<Cells> {
    let id = id.as_str();
    match table {
        ReferenceTable::Persons => {
            let insured = record.insured().into_iter();
            insured
                .map(|(insurance, region)| vec![id.to_owned(), insurance.to_string(), region.as_str().to_owned()])
                .collect()
        }
        ReferenceTable::Enrolments => record.enrolments().rows_on(on).map(|((), days)| dated(id, None, days)).collect(),
        ReferenceTable::Categories => {
            record.categories().rows_on(on).map(|(held, days)| dated(id, Some(held.as_str()), days)).collect()
        }
        ReferenceTable::Approvals => {
            record.approvals().rows_on(on).map(|(held, days)| dated(id, Some(held.as_str()), days)).collect()
        }
        ReferenceTable::Hospitals | ReferenceTable::Designations | ReferenceTable::Catalogue => Vec::new(),
    }
}

/// The rows of a table about hospitals, or of the catalogue, that are in force on a day: by ascending key, behind
/// one, as many keys as make up so many rows. Gives the last key, if there may be more.
pub fn page(
    table: ReferenceTable,
    tables: &LookupTables,
    key: &str,
    behind: &str,
    on: Day,
    most: usize,
) -> (Vec<Cells>, Option<String>) {
    let mut page = CellPage { rows: BTreeMap::new(), count: 0, most };
    let wanted = |known: &str| if key.is_empty() { known > behind } else { known == key && behind.is_empty() };
    if table == ReferenceTable::Catalogue {
        for (code, rows) in tables.catalogue.codes().filter(|(code, _)| wanted(code.as_str())) {
            page.offer(code.as_str(), || of_code(code, rows, on));
        }
    } else {
        for (id, record) in tables.hospitals.iter().filter(|(id, _)| wanted(id.as_str())) {
            page.offer(id.as_str(), || of_hospital(table, id, record, on));
        }
    }
    let last = page.last().map(str::to_owned).filter(|_| page.count >= most);
    (page.rows.into_values().flatten().collect(), last)
}

/// The smallest keys so far, whose rows fill a page.
struct CellPage<'a> {
    rows: BTreeMap<&'a str, Vec<Cells>>,
    count: usize,
    most: usize,
}

impl<'a> CellPage<'a> {
    fn last(&self) -> Option<&'a str> {
        self.rows.keys().next_back().copied()
    }

    /// Takes a key that stands before the last, or while there is room; a greater one falls out for it.
    fn offer(&mut self, key: &'a str, cells: impl FnOnce() -> Vec<Cells>) {
        if self.count >= self.most && self.last().is_some_and(|last| key > last) {
            return;
        }
        let cells = cells();
        if cells.is_empty() {
            return;
        }
        self.count += cells.len();
        self.rows.insert(key, cells);
        while let Some(last) = self.rows.last_entry().filter(|last| self.count - last.get().len() >= self.most) {
            self.count -= last.remove().len();
        }
    }
}

fn of_hospital(table: ReferenceTable, id: &HospitalId, record: &HospitalRecord, on: Day) -> Vec<Cells> {
    match table {
        ReferenceTable::Hospitals => record
            .head()
            .into_iter()
            .map(|head| {
                vec![
                    id.as_str().to_owned(),
                    head.name.to_string(),
                    head.level.as_str().to_owned(),
                    head.region.as_str().to_owned(),
                ]
            })
            .collect(),
        _ => record.designations().rows_on(on).map(|((), days)| dated(id.as_str(), None, days)).collect(),
    }
}

fn of_code(code: &ItemCode, rows: &[CatalogueRow], on: Day) -> Vec<Cells> {
    let mut rows: Vec<_> = rows.iter().filter(|row| row.days.contains(on)).collect();
    rows.sort_by(|one, other| one.regions.cmp(&other.regions));
    rows.into_iter().map(|row| of_row(code, row)).collect()
}

fn of_row(code: &ItemCode, row: &CatalogueRow) -> Cells {
    let ratio = match row.entry.class {
        Class::B(ratio) => ratio.to_string(),
        _ => String::new(),
    };
    vec![
        code.as_str().to_owned(),
        row.regions.join(" "),
        end(row.days.from),
        row.entry.name.to_string(),
        row.entry.class.as_str().to_owned(),
        ratio,
        row.entry.price_ceiling.map_or_else(String::new, |price| price.to_string()),
        end(row.days.until),
    ]
}
