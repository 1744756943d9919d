//! Statistics of poverty relief: counted from registers and ledger, in text, CSV and a page that a real browser shows.

use std::path::Path;

use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::domain::money::Money;
use onestop::engine::{CommitStamp, Engine};
use onestop::reference::table::ReferenceTable;
use onestop::reports::cache::ReportCache;
use onestop::reports::error::ReportError;
use onestop::reports::poverty::{
    Group, Measures, Poverty, PovertyLimits, PovertyQuestion, poverty as from_journal, share,
};
use onestop::store::Store;
use onestop::store::memory::MemoryStore;

use crate::copying::open;
use crate::support::browser::{ShownPage, shown_on_a_telephone_and_a_desk};
use crate::support::claims::{claim, settle};
use crate::support::engine;
use crate::support::program::run;
use crate::support::redis_server::RedisServer;
use crate::support::row;

fn at(day: &str, number: u64) -> CommitStamp {
    let day: Day = day.parse().expect("a day");
    let id = EntryId(u128::from(number).to_be_bytes());
    CommitStamp { id, instant: Instant(day.start_in_china_micros() + number as i64) }
}

/// P2 and P3 are on a register, P5 of Qingdao until June; P1 was put on one late, after a settlement as ordinary.
async fn play<S: Store>(engine: &Engine<S>) {
    let rows = [
        (ReferenceTable::Enrolments, &["P5", "2014-01-01", "resident", "370202", ""][..]),
        (ReferenceTable::Categories, &["P5", "registered_poor", "2016-01-01", "2017-06-11"]),
        (ReferenceTable::Categories, &["P4", "retired", "2016-01-01", ""]),
    ];
    engine.import(rows.iter().map(|(table, cells)| row(*table, cells)).collect()).await.expect("rows");
    let bills = [
        ("C1", "P1", "20000.00", "2017-06-16"),
        ("C2", "P2", "30000.00", "2017-06-17"),
        ("C3", "P3", "9000.00", "2017-07-01"),
        ("C4", "P2", "5000.00", "2017-07-02"),
        ("C5", "P4", "5000.00", "2017-07-02"),
        ("C6", "P5", "7000.00", "2017-07-03"),
    ];
    for (number, (claim_id, person, yuan, day)) in bills.into_iter().enumerate() {
        engine.settle(settle(claim(claim_id, person, yuan)), at(day, number as u64 + 1)).await.expect("a settlement");
    }
    let late = row(ReferenceTable::Categories, &["P1", "registered_poor", "2017-06-01", ""]);
    engine.import(vec![late]).await.expect("a row");
}

fn question() -> PovertyQuestion {
    PovertyQuestion {
        from: "2017-06-01".parse().expect("a day"),
        until: "2017-08-01".parse().expect("a day"),
        regions: Vec::new(),
        categories: vec!["registered_poor".to_owned(), "destitute".to_owned()],
        thresholds: vec![Money::from_fen(50_000), Money::from_fen(10_000_000)],
        as_of: None,
        first_lines: None,
        names_persons: true,
    }
}

async fn ask<S: Store>(store: &S, question: &PovertyQuestion) -> Poverty {
    let place = tempfile::tempdir().expect("a directory");
    let mut cache = ReportCache::open(store, place.path(), 3).await.expect("a cache");
    cache.poverty(question, PovertyLimits::default()).await.expect("statistics")
}

/// The bills of settlements, read as statements: total, what the patient paid, what each layer paid.
async fn statements<S: Store>(engine: &Engine<S>, numbers: &[u64]) -> (Money, Money, Vec<(String, Money)>) {
    let (mut total, mut patient, mut layers) = (Money::ZERO, Money::ZERO, Vec::<(String, Money)>::new());
    for number in numbers {
        let view = engine.settlement(EntryId(u128::from(*number).to_be_bytes())).await.expect("a settlement");
        let split = view.settlement.body.split;
        total += split.total;
        patient += split.patient;
        for layer in split.layers.iter().filter(|layer| layer.pays != Money::ZERO) {
            match layers.iter_mut().find(|(id, _)| *id == *layer.head().id) {
                Some((_, sum)) => *sum += layer.pays,
                None => layers.push((layer.head().id.to_string(), layer.pays)),
            }
        }
    }
    (total, patient, layers)
}

fn counts(measures: &Measures) -> [u64; 5] {
    let Measures { registered, removed, treated, ordinary_persons, ordinary_settlements, .. } = measures;
    [*registered, *removed, *treated, *ordinary_persons, *ordinary_settlements as u64]
}

async fn counted_from_registers_and_statements<S: Store>(store: S) {
    let engine = engine(store).await;
    play(&engine).await;
    let found = ask(engine.store(), &question()).await;
    let of = |group: Group| found.groups.get(&group).cloned().unwrap_or_default();
    let month = |text: &str| Group::Month(text.parse().expect("a month"));
    // Registered P1, P2, P3 and (until the tenth of June) P5; P5 is removed; P2, P3 are treated; P1 was settled as ordinary.
    assert_eq!(counts(&of(Group::All)), [4, 1, 2, 1, 1]);
    assert_eq!(counts(&of(month("2017-06"))), [4, 1, 1, 1, 1]);
    assert_eq!(counts(&of(month("2017-07"))), [3, 0, 2, 0, 0]);
    assert_eq!(counts(&of(Group::County("370202".into()))), [1, 1, 0, 0, 0]);
    assert_eq!(counts(&of(Group::City("3701".into()))), [3, 0, 2, 1, 1]);
    let all = of(Group::All);
    let (total, patient, mut layers) = statements(&engine, &[2, 3, 4]).await;
    assert_eq!((all.settlements, all.total, all.patient), (3, total, patient));
    let mut paid: Vec<_> = found.layers.iter().map(|layer| layer.id.to_string()).zip(all.layers.clone()).collect();
    assert_eq!(paid.iter().map(|(_, amount)| *amount).sum::<Money>(), total - patient);
    let shares = all.shares();
    assert_eq!((shares[0].0, shares.last().expect("a layer").1), (Some(0), share(total - patient, total)));
    assert_eq!(shares[0].1, share(paid[0].1, total));
    paid.sort();
    layers.sort();
    assert_eq!(paid, layers);
    let above = statements(&engine, &[2, 4]).await.1 > Money::from_fen(50_000);
    let other = statements(&engine, &[3]).await.1 > Money::from_fen(50_000);
    assert_eq!(all.above, [u64::from(above) + u64::from(other), 0]);
    let ordinary: Vec<_> = found.ordinary.iter().map(|one| (&*one.person_id, &*one.region, one.patient)).collect();
    assert_eq!(ordinary, [("P1", "370100", statements(&engine, &[1]).await.1)]);
    let elsewhere = PovertyQuestion { regions: vec!["3702".to_owned()], ..question() };
    let found = ask(engine.store(), &elsewhere).await;
    assert_eq!(counts(&found.groups[&Group::All]), [1, 1, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_counted_from_registers_and_statements_in_memory() {
    counted_from_registers_and_statements(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_counted_from_registers_and_statements_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    counted_from_registers_and_statements(open(place.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_counted_from_registers_and_statements_on_redis() {
    counted_from_registers_and_statements(RedisServer::shared().store().await).await;
}

/// A store with the settlements of [`play`].
async fn played(place: &Path) -> String {
    let store = place.join("store");
    let engine = engine(open(&store)).await;
    play(&engine).await;
    store.display().to_string()
}

fn poverty(store: &str, more: &[&str]) -> (String, String) {
    let span = ["--from", "2017-06-01", "--until", "2017-08-01"];
    let (code, output, errors) = run(&[&["report", "poverty", "--store", store][..], &span, more].concat());
    assert_eq!(code, Some(0), "{errors}");
    (output, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statistics_are_text_in_both_languages_and_rows_of_csv_and_ndjson() {
    let place = tempfile::tempdir().expect("a directory");
    let store = played(place.path()).await;
    let (zh, _) = poverty(&store, &["--lang", "zh"]);
    assert!(zh.contains("健康扶贫医疗保障统计") && zh.contains("自付超1000元人数") && zh.contains("2017-07"), "{zh}");
    assert!(!zh.contains("P1"), "nobody is named");
    let (en, _) = poverty(&store, &["--lang", "en", "--persons"]);
    assert!(en.contains("share before") && en.contains("settled as ordinary") && en.contains("│ P1 "), "{en}");
    let log = std::fs::read_to_string(Path::new(&store).join("access.log")).expect("the access log");
    assert!(log.contains("\"call\":\"Report\"") && log.contains("\"person\":\"*\""), "{log}");
    let (csv, _) = poverty(&store, &["--format", "csv"]);
    let (json, _) = poverty(&store, &["--json"]);
    let header: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().next().expect("a header").split(',').collect();
    assert_eq!(&header[..6], ["month", "city", "county", "registered", "removed", "treated"]);
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), 3, "{json}");
    for (line, row) in csv.lines().skip(1).zip(&rows) {
        for (name, cell) in header.iter().zip(line.split(',')) {
            assert_eq!(row[*name].as_str().map_or_else(|| row[*name].to_string(), str::to_owned), cell, "{name}");
        }
    }
    let (code, _, errors) =
        run(&["report", "poverty", "--store", &store, "--from", "2017-08-01", "--until", "2017-08-01"]);
    assert_eq!(code, Some(2), "{errors}");
}

/// The texts of the charts, those that are too small to read, and the lines that are drawn over a good part of the window.
const MEASURE: &str = "const texts = [...document.querySelectorAll('svg text')].map(one => one.getBoundingClientRect()); \
    const small = texts.filter(one => one.height < 9).length; \
    const lines = [...document.querySelectorAll('.line')].map(one => one.getBoundingClientRect().width); \
    const drawn = lines.filter(width => width > innerWidth * 0.3).length; \
    figures = [texts.length, small, drawn];";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_the_statistics_fits_a_telephone_and_a_desk_and_its_charts_are_drawn() {
    let place = tempfile::tempdir().expect("a directory");
    let store = played(place.path()).await;
    let page = place.path().join("poverty.html");
    poverty(&store, &["--lang", "zh", "--html", &page.display().to_string()]);
    let html = std::fs::read_to_string(&page).expect("the page");
    assert!(html.contains("健康扶贫医疗保障统计") && html.contains("lang=\"zh-CN\""));
    for shown in shown_on_a_telephone_and_a_desk(place.path(), &page, 2_600, MEASURE) {
        let ShownPage { width, figures, picture, picture_file } = shown;
        let [texts, small, lines] = figures[..] else { panic!("{figures:?}") };
        assert!(small == 0 && texts >= 12 && lines >= 5, "{figures:?} at {width}");
        for color in ["#1f6feb", "#2e8b57", "#b3261e"] {
            assert!(picture.pixels_of(color) > 100, "nothing of the color {color} at {width}");
        }
        if let Some(kept) = std::env::var_os("ONESTOP_KEEP_PICTURES") {
            std::fs::copy(picture_file, Path::new(&kept).join(format!("poverty-{width}.png"))).expect("kept");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_of_persons_in_parts_are_those_of_all_at_once() {
    let place = tempfile::tempdir().expect("a directory");
    let engine = engine(MemoryStore::default()).await;
    play(&engine).await;
    let store = engine.store();
    let whole = ask(store, &question()).await;
    assert_eq!((whole.groups.len(), whole.ordinary.len()), (10, 1));
    for registered in 1..=5 {
        let limits = PovertyLimits { registered, ..PovertyLimits::default() };
        let mut cache = ReportCache::open(store, place.path(), 3).await.expect("a cache");
        let cached = cache.poverty(&question(), limits).await.expect("statistics");
        let from_journal = from_journal(store, &question(), limits).await.expect("statistics");
        for found in [cached, from_journal] {
            assert_eq!((&found.groups, &found.layers), (&whole.groups, &whole.layers), "{registered} at once");
            assert_eq!((&found.ordinary, found.end), (&whole.ordinary, whole.end), "{registered} at once");
            assert!(registered > 3 || found.read.lines >= 12, "{registered} at once: {:?}", found.read);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_that_would_hold_more_than_the_limit_are_refused_and_name_it() {
    let engine = engine(MemoryStore::default()).await;
    play(&engine).await;
    // Ten groups, and the sums of three persons, of whom one was settled in two months.
    for (sums, is_within) in [(14, true), (13, false)] {
        let found = from_journal(engine.store(), &question(), PovertyLimits { sums, ..PovertyLimits::default() }).await;
        match found {
            Ok(_) => assert!(is_within),
            Err(error) => {
                assert!(!is_within && matches!(error, ReportError::TooLarge(13)), "{error}");
                assert!(error.to_string().contains("more than 13 groups and persons"), "{error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_of_a_moment_statistics_end_before_the_first_later_commit() {
    let engine = engine(MemoryStore::default()).await;
    let day = "2017-06-16";
    let rows = [row(ReferenceTable::Categories, &["P2", "registered_poor", "2016-01-01", ""])];
    engine.import(rows.to_vec()).await.expect("rows");
    for (number, stamped) in [(1, 10), (2, 30), (3, 20)] {
        let CommitStamp { id, .. } = at(day, number);
        let bill = claim(&format!("C{number}"), "P2", "20000.00");
        let stamp = CommitStamp { id, instant: at(day, stamped).instant };
        engine.settle(settle(bill), stamp).await.expect("a settlement");
    }
    for (stamped, settlements) in [(25, 1), (30, 3)] {
        let asked = PovertyQuestion { as_of: Some(at(day, stamped).instant), ..question() };
        let from_journal = from_journal(engine.store(), &asked, PovertyLimits::default()).await.expect("statistics");
        for found in [ask(engine.store(), &asked).await, from_journal] {
            assert_eq!(found.groups[&Group::All].settlements, settlements, "as of {stamped}");
        }
    }
}
