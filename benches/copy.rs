//! The time to copy a store, stage by stage, into a fresh directory each round; beside it a plain copy of the database
//! file, which keeps the secret and verifies nothing.
//!
//! `cargo bench --bench copy [-- SETTLEMENTS [PERSONS]]`: by default 20,000 settlements of 20 items for 10,000 persons,
//! and 200,000 persons in the tables.

#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use onestop::domain::claim::ClaimLimits;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::ids::EntryId;
use onestop::domain::journal;
use onestop::domain::money::Money;
use onestop::engine::copy::{CopyContext, CopyReport, Stage, StoreCopy};
use onestop::engine::import::ImportSource;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{CommitStamp, Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;
const ITEMS: i64 = 20;
const HOSPITALS: u64 = 50;

/// Concurrent settlements while the source store is filled.
const AT_ONCE: u64 = 500;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory = std::env::temp_dir().join(format!("onestop-bench-{}", std::process::id()));
    let measured = runtime.block_on(measure(&directory, number(1, 20_000), number(2, 200_000)));
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &Path, settlements: u64, persons: u64) -> Result<(), Failed> {
    std::fs::create_dir(directory)?;
    let from = directory.join("from");
    made(&from, settlements, persons).await?;
    println!(
        "{settlements} settlements, {persons} persons; the log and the database have {} MB",
        size(&from)? / 1_000_000
    );
    for round in 0..ROUNDS {
        let start = Instant::now();
        for (number, file) in files(&from)?.iter().enumerate() {
            let bare = directory.join(format!("bare-{number}"));
            std::fs::copy(file, &bare)?;
            std::fs::File::open(&bare)?.sync_all()?;
            std::fs::remove_file(bare)?;
        }
        println!("plain copy of the files, each synced once: {:.2?}", start.elapsed());
        let to = directory.join(format!("to-{round}"));
        stages(&from, &to).await?;
        std::fs::remove_dir_all(&to)?;
    }
    whole(&from, &directory.join("to"))
}

fn size(store: &Path) -> Result<u64, Failed> {
    let lengths = files(store)?.into_iter().map(|file| Ok(std::fs::metadata(file)?.len()));
    Ok(lengths.sum::<Result<u64, std::io::Error>>()?)
}

/// The segments of the log and the database.
fn files(store: &Path) -> Result<Vec<PathBuf>, Failed> {
    let segments = std::fs::read_dir(store.join("log"))?.map(|file| Ok(file?.path()));
    Ok(segments.chain([Ok(store.join("redb"))]).collect::<Result<_, std::io::Error>>()?)
}

/// Makes one copy and prints the time of each stage, from the last progress report of the stage before to its own.
async fn stages(from: &Path, to: &Path) -> Result<(), Failed> {
    let (source, target) =
        (EmbeddedStore::open(from, Durability::Synced)?, EmbeddedStore::open(to, Durability::Synced)?);
    let (start, ends) = (Instant::now(), Mutex::new(Vec::<(Stage, u64, Duration)>::new()));
    let progress = |stage: Stage, done: u64, _all: u64| {
        let Ok(mut ends) = ends.lock() else { return };
        match ends.last_mut() {
            Some(last) if last.0 == stage => *last = (stage, done, start.elapsed()),
            _ => ends.push((stage, done, start.elapsed())),
        }
    };
    let outside = CopyContext { now: &|| journal::Instant(0), progress: &progress };
    let copied: CopyReport = StoreCopy::new(&source, &target, outside).await?.run(ImportSource::default()).await?;
    let took = start.elapsed();
    let mut before = Duration::ZERO;
    for (stage, done, end) in ends.lock().map_err(|_| "a panic")?.iter() {
        let time = *end - before;
        println!("  {stage:?}: {done} in {time:.2?}, {:.0} a second", *done as f64 / time.as_secs_f64());
        before = *end;
    }
    println!("  all: {took:.2?}; {} entries, {} persons", copied.entries.written, copied.persons.written);
    Ok(())
}

/// Runs the real program and prints its time and peak memory.
fn whole(from: &Path, to: &Path) -> Result<(), Failed> {
    let start = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_onestop"));
    let mut child = command.arg("copy").arg("--from").arg(from).arg("--to").arg(to).stdout(Stdio::null()).spawn()?;
    let (mut most, mut status) = (0, None);
    while status.is_none() {
        std::thread::sleep(Duration::from_millis(20));
        most = most.max(peak(child.id()));
        status = child.try_wait()?;
    }
    println!("the program: {:.2?}, exit {:?}, peak {} MiB", start.elapsed(), status.and_then(|s| s.code()), most >> 10);
    println!("the copy's database has {} MB", size(to)? / 1_000_000);
    Ok(())
}

fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).unwrap_or(0)
}

/// Fills the source store through the engine, as a server does.
async fn made(directory: &Path, settlements: u64, persons: u64) -> Result<(), Failed> {
    let store = EmbeddedStore::open(directory, Durability::Synced)?;
    let book = shipped::book().map_err(|faults| format!("{faults:?}"))?;
    let engine = Engine::open(store, book, EngineSettings::default()).await?;
    tables(&engine, persons).await?;
    for first in (0..settlements).step_by(AT_ONCE as usize) {
        let numbers = first..settlements.min(first + AT_ONCE);
        try_join_all(numbers.map(|number| engine.settle(request(number, settlements), stamp(number)))).await?;
    }
    Ok(())
}

/// One settlement a second, so that the lists have several days.
fn stamp(number: u64) -> CommitStamp {
    let scattered = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let micros = 1_497_500_000_000_000 + number as i64 * 1_000_000;
    CommitStamp { id: EntryId(((micros as u128) << 64 | scattered).to_be_bytes()), instant: journal::Instant(micros) }
}

async fn tables<S: Store>(engine: &Engine<S>, persons: u64) -> Result<(), Failed> {
    let mut rows = Vec::new();
    let mut add = |table: ReferenceTable, cells: &[&str]| {
        let cells: Vec<_> = cells.iter().map(|&cell| cell.to_owned()).collect();
        rows.push(
            ReferenceRow::from_cells(table, &cells, ClaimLimits::default().id_bytes)
                .map_err(|faults| format!("{faults:?}"))?,
        );
        Ok::<_, String>(())
    };
    for number in 0..HOSPITALS {
        add(ReferenceTable::Hospitals, &[&format!("H{number}"), "", "示范医院", "tertiary", "370100", "", ""])?;
        add(ReferenceTable::Designations, &[&format!("H{number}"), "", ""])?;
    }
    for number in 0..ITEMS {
        add(ReferenceTable::Catalogue, &[&format!("A{number}"), "", "", "an item", "B", "0.10", "", ""])?;
    }
    for number in 0..persons {
        add(ReferenceTable::Enrolments, &[&person(number), "", "resident", "370100", ""])?;
    }
    Ok(engine.import(rows).await.map(|_| ())?)
}

fn person(number: u64) -> String {
    format!("37{number:016}")
}

fn request(number: u64, settlements: u64) -> SettleRequest {
    let item = |at: i64| RawItem {
        code: format!("A{at}").into(),
        quantity: Quantity(10_000),
        unit_price: UnitPrice(12_340_000),
        amount: Money::from_fen(1_234),
        day: None,
    };
    let day = journal::Instant(1_497_500_000_000_000).china_day().into();
    let claim = RawClaim {
        claim_id: format!("C{number}"),
        hospital_id: format!("H{}", number % HOSPITALS),
        person_id: person(number % (settlements / 2).max(1)),
        visit: "inpatient".to_owned(),
        emergency: false,
        admitted: Some(day),
        discharged: Some(day),
        items: (0..ITEMS).map(item).collect(),
        total: None,
        diagnosis: None,
        continues: None,
    };
    SettleRequest { claim, request_id: format!("R{number}"), quote: None, today: onestop::domain::day::Day::LAST }
}
