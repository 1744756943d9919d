//! The world of a simulation: who there is, what may be asked, and when the tables say what. The same rows are given
//! to the servers and, in words of its own, to the model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use onestop::domain::claim::{Item, Quantity, ToldClaim, UnitPrice};
use onestop::domain::money::Money;
use onestop::domain::vocabulary::Visit;
use onestop::policy::{Book, shipped};
use onestop::reference::row::{Row, Table};

use super::scheduler::Time;
use crate::model::{self, Bill};
use crate::support::{TABLES, claims, row};

/// The shipped book; it is read once, for that takes longer than many runs.
pub fn book() -> Book {
    static BOOK: LazyLock<Book> = LazyLock::new(|| shipped::book().expect("the shipped book"));
    BOOK.clone()
}

/// The shipped policies, for the model's own reading.
pub fn texts() -> Vec<(String, String)> {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/policies");
    let files = std::fs::read_dir(place).expect("the policies").map(|file| file.expect("a file").path());
    let mut texts: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("a text")))
        .collect();
    texts.sort();
    texts
}

/// The rows of [`TABLES`] for the servers.
pub fn rows() -> Vec<Row> {
    TABLES.iter().flat_map(|(table, rows)| rows.iter().map(|cells| row(*table, cells))).collect()
}

/// What the tables say of hospitals and codes; it does not change.
pub struct Tables {
    pub hospitals: BTreeMap<String, model::Hospital>,
    pub catalogue: Vec<model::CatalogueRow>,
}

fn told(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}

/// The rows of one table.
fn of(table: Table) -> impl Iterator<Item = &'static &'static [&'static str]> {
    TABLES.iter().filter(move |(known, _)| *known == table).flat_map(|(_, rows)| rows.iter())
}

/// The hospitals and the catalogue of [`TABLES`] for the model.
pub fn tables() -> Tables {
    let mut hospitals: BTreeMap<String, model::Hospital> = BTreeMap::new();
    for cells in of(Table::Hospitals) {
        let hospital = model::Hospital { level: cells[2].into(), region: cells[3].into(), designated: Vec::new() };
        hospitals.insert(cells[0].into(), hospital);
    }
    for cells in of(Table::Designations) {
        let hospital = hospitals.get_mut(cells[0]).expect("a hospital");
        hospital.designated.push((told(cells[1]), told(cells[2])));
    }
    let catalogue = of(Table::Catalogue).map(|cells| model::CatalogueRow {
        code: cells[0].into(),
        class: cells[4].into(),
        self_pay_ratio: told(cells[5]),
        price_ceiling: told(cells[6]),
        regions: cells[1].split_whitespace().map(str::to_owned).collect(),
        from: told(cells[2]),
        until: told(cells[7]),
    });
    Tables { hospitals, catalogue: catalogue.collect() }
}

/// The persons of [`TABLES`] for the model.
pub fn persons() -> BTreeMap<String, model::Person> {
    let mut persons: BTreeMap<String, model::Person> = BTreeMap::new();
    for cells in of(Table::Persons) {
        let person = persons.entry(cells[0].into()).or_default();
        (person.insurance, person.region) = (cells[1].into(), cells[2].into());
    }
    for cells in of(Table::Enrolments) {
        let person = persons.entry(cells[0].into()).or_default();
        person.enrolled.push((told(cells[1]), told(cells[2])));
    }
    for cells in of(Table::Categories) {
        let person = persons.entry(cells[0].into()).or_default();
        person.categories.push((cells[1].into(), told(cells[2]), told(cells[3])));
    }
    for cells in of(Table::Approvals) {
        let person = persons.entry(cells[0].into()).or_default();
        person.approvals.push((cells[1].into(), told(cells[2]), told(cells[3])));
    }
    persons
}

/// A person over the run: each version with when it began to be written, and when it was known to be.
pub struct Versions(Vec<(Time, Option<Time>, model::Person)>);

impl Versions {
    pub fn new(person: model::Person) -> Versions {
        Versions(vec![(0, Some(0), person)])
    }

    pub fn newest(&self) -> &model::Person {
        &self.0[self.0.len() - 1].2
    }

    pub fn begins(&mut self, at: Time, person: model::Person) {
        self.0.push((at, None, person));
    }

    pub fn is_known(&mut self, at: Time) {
        if let Some(last) = self.0.last_mut() {
            last.1 = Some(at);
        }
    }

    /// The versions that a reader may have seen between two moments.
    pub fn between(&self, from: Time, until: Time) -> impl Iterator<Item = &model::Person> {
        let replaced = |at: usize| self.0.get(at + 1).and_then(|(_, known, _)| *known);
        let seen = move |(at, (begun, ..)): &(usize, &(Time, Option<Time>, model::Person))| {
            *begun <= until && replaced(*at).is_none_or(|gone| gone >= from)
        };
        self.0.iter().enumerate().filter(seen).map(|(_, (.., person))| person)
    }
}

/// The bill of a claim, for the model.
pub fn bill(claim: &ToldClaim) -> Bill {
    let day = |day: Option<onestop::domain::claim::ToldDay>| {
        day.map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)).unwrap_or_default()
    };
    let line = |item: &Item| model::Line {
        code: item.code.as_str().to_owned(),
        quantity_e4: item.quantity.0,
        unit_price_micro: item.unit_price.0,
        amount_fen: item.amount.fen(),
    };
    Bill {
        visit: claim.visit.map(word).unwrap_or_default().to_owned(),
        emergency: claim.emergency,
        admitted: day(claim.admitted),
        discharged: day(claim.discharged),
        lines: claim.items.iter().map(line).collect(),
    }
}

fn word(visit: Visit) -> &'static str {
    match visit {
        Visit::Inpatient => "inpatient",
        Visit::OutpatientSerious => "outpatient_serious",
        Visit::OutpatientChronic => "outpatient_chronic",
        Visit::Maternity => "maternity",
    }
}

/// A line of so many units at a price in fen.
pub fn line(code: &str, quantity: i64, price: i64) -> Item {
    Item {
        code: code.into(),
        quantity: Quantity(quantity * 10_000),
        unit_price: UnitPrice(price * 10_000),
        amount: Money::from_fen(quantity * price),
    }
}

/// A claim of this hospital and person.
pub fn claim(hospital: &str, person: &str, id: &str, discharged: &str) -> ToldClaim {
    ToldClaim {
        hospital_id: hospital.into(),
        admitted: claims::day(discharged),
        discharged: claims::day(discharged),
        ..claims::claim(id, person, "1.00")
    }
}
