//! Reference records as rows of their tables again: the cells that would import them.

use std::collections::BTreeMap;

use crate::domain::day::{Day, Interval};
use crate::domain::facts::Class;
use crate::domain::ids::{HospitalId, ItemCode, PersonId};

use super::catalogue::CatalogueRow;
use super::hospital::HospitalRecord;
use super::person::PersonRecord;
use super::row::Table;
use super::tables::Tables;

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
pub fn of_person(table: Table, id: &PersonId, record: &PersonRecord, on: Day) -> Vec<Cells> {
    let id = id.as_str();
    match table {
        Table::Persons => {
            let insured = record.insured().into_iter();
            insured
                .map(|(insurance, region)| vec![id.to_owned(), insurance.to_string(), region.as_str().to_owned()])
                .collect()
        }
        Table::Enrolments => record.enrolments().rows_on(on).map(|((), days)| dated(id, None, days)).collect(),
        Table::Categories => {
            record.categories().rows_on(on).map(|(held, days)| dated(id, Some(held.as_str()), days)).collect()
        }
        Table::Approvals => {
            record.approvals().rows_on(on).map(|(held, days)| dated(id, Some(held.as_str()), days)).collect()
        }
        Table::Hospitals | Table::Designations | Table::Catalogue => Vec::new(),
    }
}

/// The rows of a table about hospitals, or of the catalogue, that are in force on a day: by ascending key, behind
/// one, as many keys as make up so many rows. Gives the last key, if there may be more.
pub fn page(
    table: Table,
    tables: &Tables,
    key: &str,
    behind: &str,
    on: Day,
    most: usize,
) -> (Vec<Cells>, Option<String>) {
    let mut rows: BTreeMap<&str, Vec<Cells>> = BTreeMap::new();
    let mut count = 0;
    let wanted = |known: &str| if key.is_empty() { known > behind } else { known == key && behind.is_empty() };
    let all: Box<dyn Iterator<Item = (&str, Vec<Cells>)>> = match table {
        Table::Catalogue => {
            let codes = tables.catalogue.codes().filter(|(code, _)| wanted(code.as_str()));
            Box::new(codes.map(|(code, rows)| (code.as_str(), of_code(code, rows, on))))
        }
        _ => {
            let hospitals = tables.hospitals.iter().filter(|(id, _)| wanted(id.as_str()));
            Box::new(hospitals.map(|(id, record)| (id.as_str(), of_hospital(table, id, record, on))))
        }
    };
    // The smallest keys so far, whose rows fill a page: a greater key falls out again.
    for (known, cells) in all.filter(|(_, cells)| !cells.is_empty()) {
        count += cells.len();
        rows.insert(known, cells);
        while let Some(last) = rows.last_entry().filter(|last| count - last.get().len() >= most) {
            count -= last.remove().len();
        }
    }
    let last = rows.keys().next_back().map(|last| (*last).to_owned()).filter(|_| count >= most);
    (rows.into_values().flatten().collect(), last)
}

fn of_hospital(table: Table, id: &HospitalId, record: &HospitalRecord, on: Day) -> Vec<Cells> {
    match table {
        Table::Hospitals => record
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
