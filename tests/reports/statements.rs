//! The ledgers of played histories, with reversals, revisions and corrections, equal sums over statements to the fen.

use std::collections::{BTreeMap, BTreeSet};

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::EntryId;
use onestop::domain::journal::Instant;
use onestop::domain::money::Money;
use onestop::domain::split::Split;
use onestop::engine::read::SettlementView;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::{CommitStamp, Engine};
use onestop::reports::dimension::Dimension;
use onestop::reports::ledger::report;
use onestop::reports::question::{Condition, DayOf, Question};
use onestop::reports::report::Report;
use onestop::store::Store;
use onestop::store::memory::MemoryStore;

use crate::copying::history::History;
use crate::copying::open;
use crate::support::claims::{claim, settle};
use crate::support::engine;
use crate::support::redis_server::RedisServer;

/// What statements add up to: settlements, persons, and amounts by name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    settlements: i64,
    persons: BTreeSet<String>,
    amounts: BTreeMap<String, i64>,
}

/// The statements of every settlement in force that a history knows, read one by one.
async fn statements<S: Store>(engine: &Engine<S>, history: &History) -> Vec<SettlementView> {
    let mut views = Vec::new();
    for (_, _, entry) in &history.settled {
        let view = engine.settlement(entry.id).await.expect("a settlement");
        if view.reversal.is_none() {
            views.push(view);
        }
    }
    views
}

/// The split of the revision in force.
fn split_in_force(view: &SettlementView) -> &Split {
    view.revisions.last().map_or(&view.settlement.body.split, |revision| &revision.body.split)
}

/// Adds statements up by whatever `key` says of each; none leaves it out.
fn sums(views: &[SettlementView], key: impl Fn(&SettlementView) -> Option<Vec<String>>) -> BTreeMap<Vec<String>, Sums> {
    let mut all: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
    for view in views {
        let Some(key) = key(view) else { continue };
        let claim = &view.settlement.body.claim;
        let split = split_in_force(view);
        let sums = all.entry(key).or_default();
        sums.settlements += 1;
        sums.persons.insert(claim.person_id.as_str().to_owned());
        let mut add = |name: String, amount: Money| *sums.amounts.entry(name).or_default() += amount.fen();
        add("total".to_owned(), split.total);
        add("patient".to_owned(), split.patient);
        split.pools.iter().for_each(|(pool, amount)| add(format!("pool_{pool}"), amount));
        split.payers().into_iter().for_each(|(payer, amount)| add(format!("payer_{payer}"), amount));
    }
    all
}

/// A report as sums.
fn reported(report: &Report) -> BTreeMap<Vec<String>, (i64, u64, BTreeMap<String, i64>)> {
    let row = |row: &onestop::reports::report::ReportRow| {
        let amounts = report.columns.iter().cloned().zip(row.amounts.iter().map(|amount| amount.fen()));
        let key = row.key.iter().map(|value| value.to_string()).collect();
        (key, (row.settlements, row.persons, amounts.filter(|(_, amount)| *amount != 0).collect()))
    };
    report.rows.iter().map(row).collect()
}

fn expected(sums: BTreeMap<Vec<String>, Sums>) -> BTreeMap<Vec<String>, (i64, u64, BTreeMap<String, i64>)> {
    let row = |(key, sums): (Vec<String>, Sums)| {
        let amounts = sums.amounts.into_iter().filter(|(_, amount)| *amount != 0).collect();
        (key, (sums.settlements, sums.persons.len() as u64, amounts))
    };
    sums.into_iter().map(row).collect()
}

async fn check<S: Store>(store: S, seed: u64) {
    let engine = engine(store).await;
    let mut history = History::play_with_runs(&engine, seed, 60).await;
    for _ in 0..4 {
        history.correct(&engine).await;
    }
    assert!(history.readjudications() > 0 && !history.reversed.is_empty(), "seed {seed} reverses and decides again");
    let views = statements(&engine, &history).await;
    let ask = async |question: Question| reported(&report(engine.store(), &question).await.expect("a report").report);

    let by_hospital = ask(Question { by: vec![Dimension::Hospital], ..Question::default() }).await;
    let hospital = |view: &SettlementView| view.settlement.body.claim.hospital_id.as_str().to_owned();
    assert_eq!(by_hospital, expected(sums(&views, |view| Some(vec![hospital(view)]))), "seed {seed}");

    let by = vec![Dimension::Month, Dimension::Category, Dimension::Level];
    let discharged = ask(Question { day_of: DayOf::Discharge, by, ..Question::default() }).await;
    let circumstances = |view: &SettlementView| {
        let terms = &split_in_force(view).circumstances.terms;
        let categories: Vec<_> = terms.categories.iter().map(|category| category.as_str()).collect();
        let day = view.settlement.body.claim.discharged.to_string();
        Some(vec![day[..7].to_owned(), categories.join("+"), terms.level.as_str().to_owned()])
    };
    assert_eq!(discharged, expected(sums(&views, circumstances)), "seed {seed}");

    let (from, until): (Day, Day) = ("1970-01-04".parse().unwrap(), "1970-01-12".parse().unwrap());
    let only = vec![Condition::new(Dimension::Hospital, vec!["H1".to_owned(), "H3".to_owned()]).expect("a condition")];
    let by = vec![Dimension::Day];
    let span = Question { from: Some(from), until: Some(until), by, only, ..Question::default() };
    let of_day = |view: &SettlementView| {
        let day = view.settlement.committed.china_day();
        let is_asked = from <= day && day < until && ["H1", "H3"].contains(&hospital(view).as_str());
        is_asked.then(|| vec![day.to_string()])
    };
    assert_eq!(ask(span).await, expected(sums(&views, of_day)), "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_equal_the_statements_of_a_history_in_memory() {
    for seed in 1..=6 {
        check(MemoryStore::default(), seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_equal_the_statements_of_a_history_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    check(open(place.path()), 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ledgers_equal_the_statements_of_a_history_on_redis() {
    check(RedisServer::shared().store().await, 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_payers_pay_equals_the_layers_of_the_statements() {
    let engine = engine(MemoryStore::default()).await;
    let mut history = History::play(&engine, 11, 60).await;
    history.correct(&engine).await;
    let views = statements(&engine, &history).await;
    let by = vec![Dimension::Hospital, Dimension::Payer, Dimension::Layer];
    let found = report(engine.store(), &Question { by, ..Question::default() }).await.expect("a report").report;
    assert_eq!(found.columns, ["paid"]);
    let mut expected: BTreeMap<Vec<String>, (i64, i64)> = BTreeMap::new();
    for view in &views {
        let split = split_in_force(view);
        for layer in split.layers.iter().filter(|layer| layer.pays != Money::ZERO) {
            let hospital = view.settlement.body.claim.hospital_id.as_str();
            let key = [hospital, &layer.head().payer, &layer.head().id].map(str::to_owned).to_vec();
            let sum = expected.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + layer.pays.fen());
        }
    }
    let rows = found.rows.iter().map(|row| {
        let key = row.key.iter().map(|value| value.to_string()).collect::<Vec<_>>();
        (key, (row.settlements, row.amounts[0].fen()))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), expected);
    let with_payment = views.iter().filter(|view| {
        let split = split_in_force(view);
        split.layers.iter().any(|layer| layer.pays != Money::ZERO)
    });
    assert_eq!(found.total.settlements, with_payment.count() as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_day_of_commit_the_parts_of_a_span_add_up_to_the_whole() {
    let engine = engine(MemoryStore::default()).await;
    History::play(&engine, 12, 60).await;
    let ask = async |from: Option<&str>, until: Option<&str>| {
        let day = |text: Option<&str>| text.map(|text| text.parse::<Day>().expect("a day"));
        let question = Question {
            day_of: DayOf::Commit,
            from: day(from),
            until: day(until),
            by: vec![Dimension::Hospital],
            ..Question::default()
        };
        report(engine.store(), &question).await.expect("a report").report
    };
    let (whole, before, after) =
        (ask(None, None).await, ask(None, Some("1970-01-09")).await, ask(Some("1970-01-09"), None).await);
    let total = |report: &Report, name: &str| {
        let at = report.columns.iter().position(|column| column == name);
        at.map_or(0, |at| report.total.amounts[at].fen())
    };
    for column in &whole.columns {
        assert_eq!(total(&whole, column), total(&before, column) + total(&after, column), "{column}");
    }
    assert!(total(&before, "total") > 0 && total(&after, "total") != 0);
}

#[tokio::test]
async fn a_day_whose_sums_are_zero_has_a_row_while_a_person_was_settled_on_it() {
    let engine = engine(MemoryStore::default()).await;
    let at = |day: &str, number: u64| CommitStamp {
        id: EntryId(u128::from(number).to_be_bytes()),
        instant: Instant(day.parse::<Day>().expect("a day").start_in_china_micros() + number as i64),
    };
    let reversal_of = |claim: &RawClaim| ReverseRequest {
        reversal: RawReversal {
            hospital_id: claim.hospital_id.clone(),
            person_id: claim.person_id.clone(),
            claim_id: claim.claim_id.clone(),
            reason: "a wrong bill".to_owned(),
            readjudicate: false,
        },
        request_id: format!("v-{}", claim.claim_id),
        dry_run: false,
    };
    let [first, same, own] = [("C1", "P1"), ("C2", "P4"), ("C3", "P2")].map(|(id, person)| claim(id, person, "900.00"));
    engine.settle(settle(first.clone()), at("2018-06-14", 1)).await.expect("a settlement");
    engine.reverse(reversal_of(&first), at("2018-06-15", 2)).await.expect("a reversal");
    engine.settle(settle(same), at("2018-06-15", 3)).await.expect("a settlement");
    engine.settle(settle(own.clone()), at("2018-06-16", 4)).await.expect("a settlement");
    engine.reverse(reversal_of(&own), at("2018-06-16", 5)).await.expect("a reversal");
    let question = Question { day_of: DayOf::Commit, by: vec![Dimension::Day], ..Question::default() };
    let found = report(engine.store(), &question).await.expect("a report").report;
    let rows = found.rows.iter().map(|row| (&*row.key[0], row.settlements, row.persons, row.amounts[0].fen()));
    assert_eq!(rows.collect::<Vec<_>>(), [("2018-06-14", 1, 1, 90_000), ("2018-06-15", 0, 1, 0)]);
    assert_eq!((found.total.settlements, found.total.persons), (1, 1));
}
