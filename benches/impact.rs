//! `onestop policy impact` on a journal of many settlements of 20 items: settlements a second from the columns and from the log,
//! and where the time goes; then the first report of the year over which they were settled, and of its last day; then statistics
//! of poverty relief, of which three persons in ten are on a register.
//!
//! `cargo bench --bench impact -- SETTLEMENTS PERSONS ROUNDS FROM_LOG` (200000 20000 3 1; without the rounds from the log if
//! `FROM_LOG` is 0)

#![allow(missing_docs)]

mod generated_journal;
mod process_usage;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use generated_journal::{Failed, generate};
use onestop::domain::day::Day;
use onestop::domain::money::Money;
use onestop::engine::impact::{CHUNK_ROWS, ImpactColumns, ImpactQuestion, impact};
use onestop::journal::recorded::{decode_recorded, previous_entry};
use onestop::policy::{Book, shipped, shipped_vocabulary};
use onestop::reports::cache::{CHUNK_LINES, ReportCache};
use onestop::reports::dimension::Dimension;
use onestop::reports::poverty::{Group, PovertyLimits, PovertyQuestion};
use onestop::reports::question::Question;
use onestop::store::JournalStore;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::pages::Pages;
use process_usage::{peak_mib, processor_time, reset_peak};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failed> {
    let argument = |at: usize, default: u64| {
        std::env::args().filter(|text| text != "--bench").nth(at + 1).map_or(Ok(default), |text| text.parse())
    };
    let size = (argument(0, 200_000)?, argument(1, 20_000)?);
    let (rounds, from_log) = (argument(2, 3)?, argument(3, 1)? != 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let directory = std::env::temp_dir().join(format!("onestop-bench-{}", std::process::id()));
    let measured = runtime.block_on(measure(&directory, size, rounds, from_log));
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(
    directory: &Path,
    (settlements, persons): (u64, u64),
    rounds: u64,
    from_log: bool,
) -> Result<(), Failed> {
    let start = Instant::now();
    generate(directory, settlements, persons).await?;
    println!("{settlements} settlements of {persons} persons generated in {:?}", start.elapsed());
    let store = EmbeddedStore::open(directory, Durability::Volatile)?;
    let book = Arc::new(changed_book()?);
    from_columns(&store, directory, settlements, rounds).await?;
    reports(&store, directory, settlements).await?;
    statistics(&store, directory).await?;
    for _ in 0..if from_log { rounds } else { 0 } {
        let (start, before) = (Instant::now(), processor_time()?);
        let found = impact(&store, Arc::clone(&book), ImpactQuestion::default(), None).await?;
        let (elapsed, used) = (start.elapsed(), processor_time()? - before);
        let rate = found.total.settlements as f64 / elapsed.as_secs_f64();
        println!(
            "impact from the log: {rate:.0} settlements a second ({elapsed:?}), {} of processor time each",
            each(used, settlements)
        );
        println!("  {} persons gain, {} lose", found.persons.gain, found.persons.lose);
        steps(&store, settlements).await?;
    }
    println!("resident at most: {} MiB", peak_mib()?);
    Ok(())
}

/// The first report of the year, which reads the log, and then reports of the year and of its last day again.
async fn reports(store: &EmbeddedStore, directory: &Path, settlements: u64) -> Result<(), Failed> {
    let year = Question {
        from: Some(Day::new(2018, 1, 1)?),
        until: Some(Day::new(2019, 1, 1)?),
        by: vec![Dimension::Hospital, Dimension::Month],
        ..Question::default()
    };
    let last_day = Question { from: Some(Day::new(2018, 12, 31)?), ..year.clone() };
    for (name, question) in
        [("first of the year", &year), ("last day", &last_day), ("last day again", &last_day), ("year again", &year)]
    {
        let (start, before) = (Instant::now(), processor_time()?);
        let mut cache = ReportCache::open(store, &directory.join("reports"), CHUNK_LINES).await?;
        let reported = cache.report(question).await?;
        println!(
            "report, {name}: {:?}, {} of processor time for each settlement of the store; {:?}, {} settlements",
            start.elapsed(),
            each(processor_time()? - before, settlements),
            reported.read,
            reported.report.total.settlements
        );
    }
    println!("  resident at most so far: {} MiB", peak_mib()?);
    Ok(())
}

/// Statistics of the year, for the persons in parts and for all at once.
async fn statistics(store: &EmbeddedStore, directory: &Path) -> Result<(), Failed> {
    let question = PovertyQuestion {
        from: Day::new(2018, 1, 1)?,
        until: Day::new(2019, 1, 1)?,
        regions: Vec::new(),
        categories: vec!["registered_poor".to_owned()],
        thresholds: vec![Money::from_fen(100_000)],
        as_of: None,
        first_lines: None,
        names_persons: false,
    };
    let in_parts = PovertyLimits::default();
    for limits in [in_parts, PovertyLimits { registered: usize::MAX, ..in_parts }] {
        reset_peak()?;
        let (begun, start, before) = (peak_mib()?, Instant::now(), processor_time()?);
        let mut cache = ReportCache::open(store, &directory.join("reports"), CHUNK_LINES).await?;
        let found = cache.poverty(&question, limits).await?;
        let all = found.groups.get(&Group::All).ok_or("no sums")?;
        println!(
            "poverty, {} on registers at once: {:?}, {:?} of processor time, {:?}; {} registered, {} treated; resident {begun} \
             MiB before, {} MiB at most",
            limits.registered,
            start.elapsed(),
            processor_time()? - before,
            found.read,
            all.registered,
            all.treated,
            peak_mib()?
        );
    }
    Ok(())
}

/// The columns are made, brought up to date, and an impact is found from them.
async fn from_columns(store: &EmbeddedStore, directory: &Path, settlements: u64, rounds: u64) -> Result<(), Failed> {
    let (book, columns) = (Arc::new(changed_book()?), directory.join("columns"));
    let (start, before) = (Instant::now(), processor_time()?);
    drop(ImpactColumns::open(store, &columns, CHUNK_ROWS).await?);
    let (elapsed, used) = (start.elapsed(), processor_time()? - before);
    let mut bytes = 0;
    for file in std::fs::read_dir(&columns)? {
        bytes += file?.metadata()?.len();
    }
    println!(
        "columns made in {elapsed:?}, {} of processor time each, {} bytes a settlement",
        each(used, settlements),
        bytes / settlements
    );
    println!("  resident at most so far: {} MiB", peak_mib()?);
    for _ in 0..rounds {
        let (start, before) = (Instant::now(), processor_time()?);
        let mut opened = ImpactColumns::open(store, &columns, CHUNK_ROWS).await?;
        let opening = start.elapsed();
        let threads = std::thread::available_parallelism()?;
        let found = opened.impact(&book, &ImpactQuestion::default(), None, threads).await?;
        let (elapsed, used) = (start.elapsed(), processor_time()? - before);
        let rate = found.total.settlements as f64 / elapsed.as_secs_f64();
        println!(
            "impact from columns: {rate:.0} settlements a second ({elapsed:?}, of it opening {opening:?}), {} of processor \
             time each",
            each(used, settlements)
        );
        println!(
            "  {} persons gain, {} lose; {} entries read",
            found.persons.gain,
            found.persons.lose,
            opened.entries_read()
        );
    }
    println!("  resident at most so far: {} MiB", peak_mib()?);
    Ok(())
}

/// The steps alone, on this thread: reading the chains, then decoding what was read.
async fn steps(store: &EmbeddedStore, settlements: u64) -> Result<(), Failed> {
    let (mut read, mut decoded, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    let mut pages = Pages::new(1_000);
    while let Some(page) = pages.next_page(|after, limit| store.states(after, limit)).await? {
        let before = processor_time()?;
        let mut records = Vec::new();
        for (_, state) in page {
            let mut next = state?.head;
            while let Some(id) = next {
                let record = store.record(id).await?.ok_or("an entry is missing")?;
                next = previous_entry(&record)?;
                records.push(record);
            }
        }
        read += processor_time()? - before;
        let before = processor_time()?;
        for record in &records {
            bytes += record.len();
            std::hint::black_box(decode_recorded(record, &|_| true)?);
        }
        decoded += processor_time()? - before;
    }
    println!(
        "  of these: reading {}, decoding {}; the rest decides and adds up; {} bytes a record",
        each(read, settlements),
        each(decoded, settlements),
        bytes as u64 / settlements
    );
    Ok(())
}

fn each(time: Duration, settlements: u64) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6 / settlements as f64)
}

/// The shipped book with another rate and another deductible.
fn changed_book() -> Result<Book, Failed> {
    let change = |(name, text): &(&'static str, &str)| {
        (
            *name,
            text.replace("rate = \"55%\"", "rate = \"65%\"").replace("deductible = \"12000\"", "deductible = \"9000\""),
        )
    };
    let files: Vec<_> = shipped::FILES.iter().chain([&shipped_vocabulary::VOCABULARY]).map(change).collect();
    let texts = files.iter().map(|(name, text)| (*name, text.as_str()));
    Book::from_texts(texts).map_err(|faults| format!("{faults:?}").into())
}
