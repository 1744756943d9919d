//! Closed months: what is reversed or revised later is booked in the month of its commit, on every store, across a restart, in a
//! copy, and as a server and the command line answer it.

use std::path::Path;

use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::{AdministrationAct, Instant};
use onestop::domain::month::Month;
use onestop::engine::close_month::ClosedMonth;
use onestop::engine::correct::CorrectRequest;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::{CommitStamp, Engine, EngineError, EngineSettings};
use onestop::journal::{CommittedEntry, decode_committed};
use onestop::policy::shipped;
use onestop::reports::dimension::Dimension;
use onestop::reports::ledger::report;
use onestop::reports::question::{DayOf, Question};
use onestop::reports::report::ReportRow;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::CommitPosition;
use serde_json::Value;

use crate::support::claims::{claim, settle};
use crate::support::program::{Serve, run};
use crate::support::redis_server::{self, RedisServer};
use crate::support::{engine, import_tables};

/// A stamp on a day, in the order of numbers.
pub fn stamp_on(day: &str, number: u64) -> CommitStamp {
    let day: Day = day.parse().expect("a day");
    let instant = Instant(day.start_in_china_micros() + number as i64);
    CommitStamp { id: EntryId(u128::from(number << 8).to_be_bytes()), instant }.for_person("P1")
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

/// The entries in the order of commits, each with the month that it closes or is booked in.
async fn booked(store: &impl Store) -> Vec<(&'static str, Option<Month>)> {
    let page = store.entries_after(CommitPosition::FIRST, 1_000).await.expect("entries");
    assert!(page.is_end);
    let entries = page.entries.into_iter().map(|stored| {
        match decode_committed(&stored.record.expect("a record")).expect("an entry").0 {
            CommittedEntry::Person(entry) => {
                let kind = match entry.split().is_some() {
                    true if entry.as_revision().is_some() => "revision",
                    true => "settlement",
                    false => "reversal",
                };
                (kind, entry.booking_month())
            }
            CommittedEntry::Administration(entry) => match entry.act {
                AdministrationAct::MonthClosing(closing) => ("closing", Some(closing.month)),
                _ => ("other", None),
            },
        }
    });
    entries.collect()
}

/// A request to reverse a claim of H3, whatever was settled later.
pub fn reversal(claim_id: &str, person_id: &str) -> ReverseRequest {
    let reversal = RawReversal {
        hospital_id: "H3".into(),
        person_id: person_id.into(),
        claim_id: claim_id.into(),
        reason: "a wrong bill".to_owned(),
        readjudicate: true,
    };
    ReverseRequest { reversal, request_id: format!("v-{claim_id}"), dry_run: false }
}

/// Settlements of June, one of which is reversed before June is closed, and the closing.
async fn june<S: Store>(engine: &Engine<S>) {
    for (number, (claim_id, person, day)) in
        [("C1", "P1", "2017-06-20"), ("C2", "P1", "2017-06-25"), ("C3", "P2", "2017-06-28")].into_iter().enumerate()
    {
        let request = settle(claim(claim_id, person, "50000.00"));
        engine.settle(request, stamp_on(day, number as u64 + 1)).await.expect("a settlement");
    }
    engine.reverse(reversal("C3", "P2"), stamp_on("2017-07-02", 4)).await.expect("a reversal");
    let early = engine.close_month(month("2017-07"), "an operator", &|| stamp_on("2017-07-31", 5)).await;
    assert!(matches!(early, Err(EngineError::MonthNotClosable(_))), "{early:?}");
    let closed = engine.close_month(month("2017-06"), "an operator", &|| stamp_on("2017-07-05", 5)).await;
    let Ok(ClosedMonth::Now(entry)) = closed else { panic!("{closed:?}") };
    assert_eq!(entry.committed, stamp_on("2017-07-05", 5).instant);
}

/// What follows: a revision and a reversal of June in July, the closing of July, and a correction of June in August.
async fn july_and_august<S: Store>(engine: &Engine<S>) {
    for text in ["2017-06", "2017-01"] {
        let again = engine.close_month(month(text), "an operator", &|| stamp_on("2017-07-06", 6)).await;
        assert!(
            matches!(again, Ok(ClosedMonth::Before(months)) if months.through == Some(month("2017-06"))),
            "{again:?}"
        );
    }
    let skipped = engine.close_month(month("2017-08"), "an operator", &|| stamp_on("2017-09-05", 6)).await;
    assert!(skipped.expect_err("an earlier month is open").to_string().contains("2017-07"));
    engine.reverse(reversal("C1", "P1"), stamp_on("2017-07-10", 7)).await.expect("a reversal");
    engine.close_month(month("2017-07"), "an operator", &|| stamp_on("2017-08-02", 8)).await.expect("closed");
    let correction = onestop::domain::content::RawCorrection {
        claim: claim("C2", "P1", "40000.00"),
        reason: "a wrong price".to_owned(),
    };
    let request = CorrectRequest { correction, request_id: "c-C2".to_owned(), dry_run: false, today: Day::LAST };
    engine.correct(request, stamp_on("2017-08-05", 9)).await.expect("a correction");
    engine.settle(settle(claim("C4", "P2", "10.00")), stamp_on("2017-08-06", 10)).await.expect("a settlement");
    engine.reverse(reversal("C4", "P2"), stamp_on("2017-08-07", 11)).await.expect("a reversal");
}

const BOOKED: [(&str, &str); 12] = [
    ("settlement", "2017-06"),
    ("settlement", "2017-06"),
    ("settlement", "2017-06"),
    ("reversal", "2017-06"),
    ("closing", "2017-06"),
    ("reversal", "2017-07"),
    ("revision", "2017-07"),
    ("closing", "2017-07"),
    ("reversal", "2017-08"),
    ("settlement", "2017-08"),
    ("settlement", "2017-08"),
    ("reversal", "2017-08"),
];

async fn assert_booked(store: &impl Store) {
    let expected = BOOKED.map(|(kind, text)| (kind, Some(month(text))));
    assert_eq!(booked(store).await, expected);
}

async fn reopened<S: Store>(store: S) -> Engine<S> {
    let book = shipped::book().expect("the shipped book");
    Engine::open(store, book, EngineSettings::default()).await.expect("an engine")
}

/// The report of June and of the months after it by the month in which amounts are booked.
async fn booked_report(store: &impl Store) -> (Vec<ReportRow>, Vec<ReportRow>) {
    let day = |text: &str| Some(text.parse::<Day>().expect("a day"));
    let by = |from, until| Question {
        by: vec![Dimension::Month],
        day_of: DayOf::Booked,
        from: day(from),
        until: day(until),
        ..Question::default()
    };
    let (june, later) = (by("2017-06-01", "2017-07-01"), by("2017-07-01", "2018-01-01"));
    let of = async |question| report(store, &question).await.expect("a report").report.rows;
    (of(june).await, of(later).await)
}

async fn a_closed_month_is_reported_as_it_was<S: Store>(engine: &Engine<S>) {
    june(engine).await;
    let (of_june, none) = booked_report(engine.store()).await;
    assert_eq!((of_june.len(), none.len()), (1, 0));
    let total = |row: &ReportRow| row.amounts[0].to_string();
    assert_eq!((of_june[0].settlements, total(&of_june[0]).as_str()), (2, "100000.00"));
    july_and_august(engine).await;
    let (again, later) = booked_report(engine.store()).await;
    assert_eq!(again, of_june, "nothing that follows changes the closed month");
    let later: Vec<_> = later.iter().map(|row| (row.key[0].to_string(), row.settlements, total(row))).collect();
    let expected = [("2017-07", -1, "-50000.00"), ("2017-08", 0, "-10000.00")];
    assert_eq!(later, expected.map(|(month, settlements, total)| (month.to_owned(), settlements, total.to_owned())));
}

#[tokio::test]
async fn a_closed_month_is_reported_as_it_was_in_memory() {
    a_closed_month_is_reported_as_it_was(&engine(MemoryStore::default()).await).await;
}

#[tokio::test]
async fn a_closed_month_is_reported_as_it_was_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    a_closed_month_is_reported_as_it_was(&engine(store).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_month_is_reported_as_it_was_on_redis() {
    let server = RedisServer::shared();
    a_closed_month_is_reported_as_it_was(&engine(redis_server::open(&server.url()).await).await).await;
}

#[tokio::test]
async fn what_follows_the_closing_of_a_month_is_booked_in_the_month_of_its_commit() {
    let engine = engine(MemoryStore::default()).await;
    june(&engine).await;
    july_and_august(&engine).await;
    assert_booked(engine.store()).await;
}

#[tokio::test]
async fn a_month_stays_closed_when_a_store_in_a_directory_is_opened_again() {
    let place = tempfile::tempdir().expect("a directory");
    let open = || EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    june(&engine(open()).await).await;
    let engine = reopened(open()).await;
    july_and_august(&engine).await;
    assert_booked(engine.store()).await;
    drop(engine);
    let (code, output, errors) = run(&["audit", "verify", "--store", &place.path().display().to_string()]);
    assert_eq!((code, output.as_str()), (Some(0), "2 chains, 12 entries, 6 splits recomputed\n"), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_closed_for_every_instance_over_a_redis() {
    let server = RedisServer::shared();
    let url = server.url();
    june(&engine(redis_server::open(&url).await).await).await;
    let other = reopened(redis_server::open(&url).await).await;
    july_and_august(&other).await;
    assert_booked(other.store()).await;
}

fn entries(serve: &Serve) -> Vec<Value> {
    let (code, output, errors) = run(&["entries", "--json", "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn close(serve: &Serve, text: &str) -> (Option<i32>, String, String) {
    run(&["close", text, "--server", &serve.url])
}

async fn past(store: &Path) {
    let engine = reopened(EmbeddedStore::open(store, Durability::Synced).expect("a store")).await;
    import_tables(&engine).await;
    let request = settle(claim("C1", "P1", "50000.00"));
    engine.settle(request, stamp_on("2017-06-20", 1)).await.expect("a settlement");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_closes_a_month_by_command_and_a_later_reversal_is_booked_in_its_own_month() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    past(&store).await;
    let serve = Serve::start(&store, &[]);
    let (code, output, errors) = close(&serve, "2017-06");
    let said =
        "closed 2017-06: later reversals and revisions of its settlements are booked in the month of their commit\n";
    assert_eq!((code, output.as_str()), (Some(0), said), "{errors}");
    assert_eq!(close(&serve, "2017-06").1, "2017-06 was closed before; closed through 2017-06\n");
    let (code, _, errors) = close(&serve, "2017-08");
    assert_eq!(code, Some(1));
    assert!(errors.contains("MONTH_OUT_OF_ORDER") && errors.contains("2017-07"), "{errors}");
    let (code, _, errors) = close(&serve, "9999-12");
    assert!(code == Some(1) && errors.contains("MONTH_NOT_OVER"), "{errors}");
    assert_eq!(close(&serve, "2017-13").0, Some(2), "no month");
    serve.kill();
    let serve = Serve::start(&store, &[]);
    let arguments =
        ["reverse", "--hospital", "H3", "--person", "P1", "--claim", "C1", "--request", "V1", "--reason", "x"];
    let (code, _, errors) = run(&[&arguments[..], &["--server", &serve.url]].concat());
    assert_eq!(code, Some(0), "{errors}");
    let all = entries(&serve);
    let of_kind = |kind: &str| all.iter().find(|entry| entry["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    assert_eq!(of_kind("settlement")["booking_month"], "2017-06");
    let (closing, reversal) = (of_kind("month_closing"), of_kind("reversal"));
    assert_eq!((&closing["month"], &closing["closed_by"]), (&"2017-06".into(), &"anyone".into()));
    let committed = reversal["commit_time"].as_str().expect("a time");
    assert_eq!(reversal["booking_month"].as_str(), committed.get(..7), "the month of its commit in China");
    let lines = run(&["entries", "--server", &serve.url]).1;
    assert!(lines.contains(" month_closing ") && lines.contains(" 2017-06 by anyone\n"), "{lines}");
    assert!(lines.contains(&format!(", booked in {}\n", &committed[..7])), "{lines}");
}
