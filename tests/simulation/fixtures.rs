//! The tables and the claims of a simulation, given both to the servers and to the model.

use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::money::Money;
use onestop::reference::row::ReferenceRow;

use super::scheduler::Time;
use crate::model;
use crate::support::as_model::{Cells, tables_from_rows};
use crate::support::{TABLES, claims, row};

/// The rows of [`TABLES`] for the servers.
pub fn table_rows() -> Vec<ReferenceRow> {
    TABLES.iter().flat_map(|(table, table_rows)| table_rows.iter().map(|cells| row(*table, cells))).collect()
}

/// [`TABLES`] for the model.
pub fn model_tables() -> model::Tables {
    let cells = |cells: &&[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
    let table_rows: Vec<Cells> =
        TABLES.iter().flat_map(|(table, table_rows)| table_rows.iter().map(|row| (*table, cells(row)))).collect();
    tables_from_rows(&table_rows)
}

/// The versions of a person or a book over a run, each with the begin and the end of the change to it.
pub struct Versions<T>(Vec<(Time, Option<Time>, T)>);

impl<T> Versions<T> {
    pub fn new(first: T) -> Versions<T> {
        Versions(vec![(0, Some(0), first)])
    }

    pub fn latest(&self) -> &T {
        &self.0[self.0.len() - 1].2
    }

    pub fn begin_change(&mut self, at: Time, next: T) {
        self.0.push((at, None, next));
    }

    pub fn complete_change(&mut self, at: Time) {
        if let Some(last) = self.0.last_mut() {
            last.1 = Some(at);
        }
    }

    /// The versions that a reader may see between two times.
    pub fn visible_between(&self, from: Time, until: Time) -> impl Iterator<Item = &T> {
        let replaced = |at: usize| self.0.get(at + 1).and_then(|(_, known, _)| *known);
        let seen = move |(at, (begun, ..)): &(usize, &(Time, Option<Time>, T))| {
            *begun <= until && replaced(*at).is_none_or(|gone| gone >= from)
        };
        self.0.iter().enumerate().filter(seen).map(|(_, (.., version))| version)
    }
}

/// An item with this quantity of whole units and this price in fen.
pub fn item(code: &str, quantity: i64, price: i64) -> RawItem {
    RawItem {
        code: code.into(),
        quantity: Quantity(quantity * 10_000),
        unit_price: UnitPrice(price * 10_000),
        amount: Money::from_fen(quantity * price),
        day: None,
    }
}

/// A claim of this person at this hospital, admitted and discharged on this day.
pub fn claim(hospital: &str, person: &str, id: &str, discharged: &str) -> RawClaim {
    RawClaim {
        hospital_id: hospital.into(),
        admitted: claims::day(discharged),
        discharged: claims::day(discharged),
        ..claims::claim(id, person, "1.00")
    }
}
