//! Generates reference tables: a catalogue with every class, hospitals of every level inside and outside the city, and
//! persons whose categories may end during the year.

use std::collections::HashMap;

use onestop::domain::claim::ClaimLimits;
use onestop::domain::ids::PersonId;
use onestop::reference::lookup_tables::LookupTables;
use onestop::reference::person::PersonRecord;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::policies::{CATEGORIES, LEVELS};
use crate::support::as_model::Cells;

/// The codes of every generated catalogue: each class without a ceiling, then each class with one.
pub const CODES: [&str; 10] = ["A", "B", "C", "SD", "TD", "AL", "BL", "CL", "SDL", "TDL"];

/// The number of hospitals: each level inside the city, then each outside.
pub const HOSPITALS: usize = 6;

/// Their regions, seen from 370100: the county, the city, the county; the province, elsewhere, the province.
const REGIONS: [&str; HOSPITALS] = ["370100", "370102", "370100", "370200", "320100", "370200"];

/// A generated person.
#[derive(Clone, Debug)]
pub struct PersonSpec {
    pub categories: Vec<&'static str>,
    /// The day on which the categories end; empty for never.
    pub until: &'static str,
    pub cross_region: bool,
}

/// The figures that differ between catalogues: ratios of class B, and the ceiling.
#[derive(Clone, Debug)]
pub struct CatalogueSpec {
    pub ratios: [&'static str; 2],
    pub ceiling: &'static str,
}

/// Generates persons.
pub fn persons() -> impl Strategy<Value = Vec<PersonSpec>> {
    let categories = subsequence(CATEGORIES, 0..=CATEGORIES.len());
    let until = select(vec!["", "", "2017-07-01"]);
    let person = (categories, until, any::<bool>());
    let person = person.prop_map(|(categories, until, cross_region)| PersonSpec { categories, until, cross_region });
    prop::collection::vec(person, 1..=2)
}

/// Generates catalogues.
pub fn catalogues() -> impl Strategy<Value = CatalogueSpec> {
    let ratio = || select(vec!["0", "0.10", "100%", "0.3333333333"]);
    let ceiling = select(vec!["0", "50", "12.345678"]);
    (ratio(), ratio(), ceiling).prop_map(|(one, other, ceiling)| CatalogueSpec { ratios: [one, other], ceiling })
}

/// The rows of all tables.
pub fn rows(catalogue: &CatalogueSpec, persons: &[PersonSpec]) -> Vec<ReferenceRow> {
    parsed(&cells(catalogue, persons))
}

/// The rows of these cells.
pub fn parsed(cells: &[Cells]) -> Vec<ReferenceRow> {
    let row = |(table, cells): &Cells| {
        ReferenceRow::from_cells(*table, cells, ClaimLimits::default().id_bytes).expect("a sound row")
    };
    cells.iter().map(row).collect()
}

/// The cells of the rows of all tables. Person `PX` has no approval, `PE` is not enrolled, and hospital `HX` is not designated.
pub fn cells(catalogue: &CatalogueSpec, persons: &[PersonSpec]) -> Vec<Cells> {
    let mut rows = hospital_rows();
    rows.extend(CODES.iter().enumerate().map(|(at, code)| catalogue_row(catalogue, at, code)));
    for (at, person) in persons.iter().enumerate() {
        rows.extend(person_rows(&format!("P{at}"), person));
    }
    rows.push(row(ReferenceTable::Enrolments, &["PX", "2010-01-01", "resident", "370100", ""]));
    rows.push(row(ReferenceTable::Enrolments, &["PE", "2010-01-01", "resident", "370100", "2011-01-01"]));
    rows
}

fn row(table: ReferenceTable, cells: &[&str]) -> Cells {
    (table, cells.iter().map(|cell| (*cell).to_owned()).collect())
}

fn hospital_rows() -> Vec<Cells> {
    let mut rows = vec![row(ReferenceTable::Hospitals, &["HX", "", "a hospital", "primary", "370100", "", ""])];
    for at in 0..HOSPITALS {
        let (id, region) = (format!("H{at}"), REGIONS[at]);
        rows.push(row(ReferenceTable::Hospitals, &[&id, "", "a hospital", LEVELS[at % 3], region, "", ""]));
        rows.push(row(ReferenceTable::Designations, &[&id, "2010-01-01", ""]));
    }
    rows
}

fn catalogue_row(catalogue: &CatalogueSpec, at: usize, code: &str) -> Cells {
    let limited = at / 5;
    let class = ["A", "B", "C", "special", "transitional"][at % 5];
    let ratio = if class == "B" { catalogue.ratios[limited] } else { "" };
    let ceiling = ["", catalogue.ceiling][limited];
    row(ReferenceTable::Catalogue, &[code, "", "", "an item", class, ratio, ceiling, ""])
}

fn person_rows(id: &str, person: &PersonSpec) -> Vec<Cells> {
    let mut rows = vec![row(ReferenceTable::Enrolments, &[id, "2010-01-01", "resident", "370100", ""])];
    for category in &person.categories {
        rows.push(row(ReferenceTable::Categories, &[id, category, "2010-01-01", person.until]));
    }
    let approvals = ["outpatient_serious", "outpatient_chronic", "cross_region"];
    for kind in approvals.iter().take(if person.cross_region { 3 } else { 2 }) {
        rows.push(row(ReferenceTable::Approvals, &[id, kind, "2010-01-01", ""]));
    }
    rows
}

/// The tables and persons that these rows add up to.
pub fn from_rows(rows: Vec<ReferenceRow>) -> (LookupTables, HashMap<PersonId, PersonRecord>) {
    let (mut tables, mut persons) = (LookupTables::default(), HashMap::<_, PersonRecord>::new());
    for row in rows {
        match row {
            ReferenceRow::Person(id, part) => {
                persons.entry(id.clone()).or_insert_with(|| PersonRecord::new(id)).put(part);
            }
            ReferenceRow::Hospital(id, part) => {
                tables.hospitals.entry(id).or_default().put(part);
            }
            ReferenceRow::Catalogue(row) => {
                tables.catalogue.put(row);
            }
        }
    }
    (tables, persons)
}
