//! The world of a simulation: who there is, what may be asked, and when the tables say what. The same rows are given
//! to the servers and, in words of its own, to the model.

use std::sync::LazyLock;

use onestop::domain::claim::{Item, Quantity, RawClaim, UnitPrice};
use onestop::domain::money::Money;
use onestop::policy::{Book, shipped};
use onestop::reference::row::ReferenceRow;

use super::scheduler::Time;
use crate::model;
use crate::support::as_model::{Cells, Tables};
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
pub fn rows() -> Vec<ReferenceRow> {
    TABLES.iter().flat_map(|(table, rows)| rows.iter().map(|cells| row(*table, cells))).collect()
}

/// The same for the model.
pub fn tables() -> Tables {
    let cells = |cells: &&[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Cells> =
        TABLES.iter().flat_map(|(table, rows)| rows.iter().map(|row| (*table, cells(row)))).collect();
    Tables::of(&rows)
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
pub fn claim(hospital: &str, person: &str, id: &str, discharged: &str) -> RawClaim {
    RawClaim {
        hospital_id: hospital.into(),
        admitted: claims::day(discharged),
        discharged: claims::day(discharged),
        ..claims::claim(id, person, "1.00")
    }
}
