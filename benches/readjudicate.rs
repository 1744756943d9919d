//! The time of a reversal that decides a thousand later settlements of the year again, each of 20 items: on the
//! embedded store, synced, as in the service.
//!
//! `cargo bench --bench readjudicate`

#![allow(missing_docs)]

use std::time::Instant;

use onestop::domain::claim::ClaimLimits;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::content::RawReversal;
use onestop::domain::ids::EntryId;
use onestop::domain::journal;
use onestop::domain::money::Money;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LATER: u64 = 1_000;
const ROUNDS: u64 = 5;
const ITEMS: i64 = 20;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory = std::env::temp_dir().join(format!("onestop-bench-{}", std::process::id()));
    let measured = runtime.block_on(measure(&directory));
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &std::path::Path) -> Result<(), Failed> {
    let store = EmbeddedStore::open(directory, Durability::Synced)?;
    let book = shipped::book().map_err(|faults| format!("{faults:?}"))?;
    let engine = Engine::open(store, book, EngineSettings::default()).await?;
    tables(&engine).await?;
    for number in 0..=LATER {
        let request = SettleRequest {
            claim: claim(number),
            request_id: format!("R{number}"),
            quote: None,
            today: onestop::domain::day::Day::LAST,
        };
        engine.settle(request, stamp(number + 1)).await?;
    }
    // Each round reverses the oldest unreversed settlement, so there is one later settlement less.
    for round in 0..ROUNDS {
        for dry_run in [true, false] {
            let request = ReverseRequest { reversal: reversal(round), request_id: format!("V{round}"), dry_run };
            let start = Instant::now();
            let answer = engine.reverse(request, stamp(LATER + 2 + round)).await?;
            let kind = if dry_run { "decided" } else { "decided and committed" };
            println!("{} later settlements {kind}: {:?}", answer.revisions.len(), start.elapsed());
        }
    }
    Ok(())
}

fn stamp(number: u64) -> CommitStamp {
    CommitStamp { id: EntryId(u128::from(number).to_be_bytes()), instant: journal::Instant(number as i64) }
}

async fn tables<S: Store>(engine: &Engine<S>) -> Result<(), Failed> {
    let mut rows = vec![
        (ReferenceTable::Hospitals, vec!["H1", "", "示范医院", "tertiary", "370100", "", ""]),
        (ReferenceTable::Designations, vec!["H1", "", ""]),
        (ReferenceTable::Enrolments, vec!["P1", "", "resident", "370100", ""]),
        (ReferenceTable::Categories, vec!["P1", "registered_poor", "", ""]),
    ];
    let codes: Vec<_> = (0..ITEMS).map(|at| format!("A{at}")).collect();
    rows.extend(
        codes.iter().map(|code| (ReferenceTable::Catalogue, vec![code, "", "", "an item", "B", "0.10", "", ""])),
    );
    let row = |(table, cells): &(ReferenceTable, Vec<&str>)| {
        let cells: Vec<_> = cells.iter().map(|&cell| cell.to_owned()).collect();
        ReferenceRow::from_cells(*table, &cells, ClaimLimits::default().id_bytes)
            .map_err(|faults| format!("{faults:?}"))
    };
    let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(engine.import(rows).await.map(|_| ())?)
}

fn claim(number: u64) -> RawClaim {
    let item = |at: i64| RawItem {
        code: format!("A{at}").into(),
        quantity: Quantity(10_000),
        unit_price: UnitPrice(12_340_000),
        amount: Money::from_fen(1_234),
        day: None,
    };
    let day = journal::Instant(1_497_500_000_000_000).china_day().into();
    RawClaim {
        claim_id: format!("C{number}"),
        hospital_id: "H1".into(),
        person_id: "P1".into(),
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

fn reversal(number: u64) -> RawReversal {
    let RawClaim { hospital_id, person_id, claim_id, .. } = claim(number);
    RawReversal { hospital_id, person_id, claim_id, reason: "a wrong bill".to_owned(), readjudicate: true }
}
