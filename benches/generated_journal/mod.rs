//! A store with many settlements of 20 items, settled by the engine.

use std::path::Path;

use futures_util::{StreamExt, stream};
use onestop::domain::claim::ClaimLimits;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal;
use onestop::domain::money::Money;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};

pub type Failed = Box<dyn std::error::Error>;

const ITEMS: i64 = 20;

/// 1 January 2018 in China, in microseconds.
const FIRST_COMMIT: i64 = 1_514_736_000_000_000;

/// The microseconds of a year.
const YEAR: i64 = 365 * 24 * 3_600 * 1_000_000;

/// Makes a store with so many settlements of so many persons, and the tables that they rest on.
pub async fn generate(directory: &Path, settlements: u64, persons: u64) -> Result<(), Failed> {
    let store = EmbeddedStore::open(directory, Durability::Volatile)?;
    let book = shipped::book().map_err(|faults| format!("{faults:?}"))?;
    let engine = Engine::open(store, book, EngineSettings::default()).await?;
    tables(&engine, persons).await?;
    // One settlement of every person after the other, so that a chain is spread over the whole log.
    let settle = |number: u64| {
        let (person, claim) = (number % persons, claim(number, number % persons));
        let request = SettleRequest { claim, request_id: format!("R{number}"), quote: None, today: Day::LAST };
        engine.settle(request, stamp(number, settlements).for_person(&format!("P{person}")))
    };
    let mut settled = stream::iter(0..settlements).map(settle).buffered(persons.min(256) as usize);
    while let Some(one) = settled.next().await {
        one?;
    }
    Ok(())
}

/// The settlements are spread evenly over a year.
fn stamp(number: u64, settlements: u64) -> CommitStamp {
    let at = FIRST_COMMIT + number as i64 * (YEAR / settlements as i64);
    CommitStamp { id: EntryId((u128::from(number + 1) << 64).to_be_bytes()), instant: journal::Instant(at) }
}

async fn tables<S: Store>(engine: &Engine<S>, persons: u64) -> Result<(), Failed> {
    let row = |table: ReferenceTable, cells: &[&str]| {
        let cells: Vec<_> = cells.iter().map(|&cell| cell.to_owned()).collect();
        ReferenceRow::from_cells(table, &cells, ClaimLimits::default().id_bytes).map_err(|faults| format!("{faults:?}"))
    };
    let mut rows = Vec::new();
    for (hospital, level) in [("H0", "primary"), ("H1", "secondary"), ("H2", "tertiary")] {
        rows.push(row(ReferenceTable::Hospitals, &[hospital, "", "示范医院", level, "370100", "", ""])?);
        rows.push(row(ReferenceTable::Designations, &[hospital, "", ""])?);
    }
    for at in 0..ITEMS {
        let (code, class) = (format!("A{at}"), ["A", "A", "B", "C"][at as usize % 4]);
        let ratio = if class == "B" { "0.10" } else { "" };
        rows.push(row(ReferenceTable::Catalogue, &[&code, "", "", "an item", class, ratio, "", ""])?);
    }
    engine.import(rows).await?;
    for first in (0..persons).step_by(10_000) {
        let mut rows = Vec::new();
        for person in (first..persons.min(first + 10_000)).map(|at| format!("P{at}")) {
            rows.push(row(ReferenceTable::Enrolments, &[&person, "", "resident", "370100", ""])?);
            if person.ends_with(['0', '1', '2']) {
                rows.push(row(ReferenceTable::Categories, &[&person, "registered_poor", "", ""])?);
            }
        }
        engine.import(rows).await?;
    }
    Ok(())
}

fn claim(number: u64, person: u64) -> RawClaim {
    let item = |at: i64| {
        let fen = 1_000 + (number as i64 * 7_919 + at * 104_729) % 90_000;
        RawItem {
            code: format!("A{at}").into(),
            quantity: Quantity(10_000),
            unit_price: UnitPrice(fen * 10_000),
            amount: Money::from_fen(fen),
            day: None,
        }
    };
    let day = journal::Instant(1_497_500_000_000_000).china_day().into();
    RawClaim {
        claim_id: format!("C{number}"),
        hospital_id: format!("H{}", number % 3),
        person_id: format!("P{person}"),
        visit: "inpatient".to_owned(),
        emergency: false,
        admitted: Some(day),
        discharged: Some(day),
        items: (0..ITEMS).map(item).collect(),
        total: None,
        diagnosis: None,
        continues: None,
    }
}
