//! Retroactive runs of generated scenarios: after tables were put right, the years of a person decided again equal the live
//! claims settled afresh, in their order, by the model with the new tables; and a second run changes nothing.

use std::collections::BTreeSet;

use onestop::engine::audit::Audit;
use onestop::engine::retroactive::{ReadjudicateOutcome, ReadjudicateRequest};
use onestop::engine::{Engine, EngineError};
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::TestCaseResult;

use super::super::engine::person_state;
use super::super::{CASES_WITH_STORE, case_count, check_property};
use super::engines::{compare, engine, import, make};
use super::policy_text::policy_files;
use super::scenario::{Scenario, scenarios};
use crate::copying;
use crate::model::{Answer, Book, Claim, Register, Split};
use crate::support::as_model::{Cells, tables_from_rows};
use crate::support::ids::id;
use crate::support::stamp;

/// Rows that are entered late or put right, with keys of their own; two of them leave some claims without a person or law.
const LATE: &[(ReferenceTable, &[&str])] = &[
    (ReferenceTable::Categories, &["P0", "destitute", "2017-02-15", ""]),
    (ReferenceTable::Categories, &["P1", "registered_poor", "2016-12-01", "2017-06-01"]),
    (ReferenceTable::Approvals, &["P0", "cross_region", "2016-11-01", ""]),
    (ReferenceTable::Hospitals, &["H2", "2017-02-15", "a hospital", "primary", "500201", "tcm", ""]),
    (ReferenceTable::Hospitals, &["H1", "2016-06-01", "a hospital", "tertiary", "370102", "", ""]),
    (ReferenceTable::Catalogue, &["A", "3", "2017-02-15", "an item", "C", "", "", ""]),
    (ReferenceTable::Enrolments, &["P1", "2017-02-15", "resident", "370102", ""]),
    (ReferenceTable::Enrolments, &["P0", "2017-07-15", "resident", "110101", ""]),
    (ReferenceTable::Enrolments, &["P1", "2017-11-15", "unknown", "370102", ""]),
];

type Row = &'static (ReferenceTable, &'static [&'static str]);

fn late_rows() -> impl Strategy<Value = Vec<Row>> {
    subsequence((0..LATE.len()).collect::<Vec<_>>(), 1..=3)
        .prop_map(|chosen| chosen.into_iter().map(|at| &LATE[at]).collect())
}

/// A live claim, and the year of its account before the run.
struct LiveClaim {
    claim: Claim,
    year: i32,
}

fn live_claims(register: &Register, person: &str) -> Vec<LiveClaim> {
    let of_live = |live: crate::model::Live<'_>| LiveClaim {
        claim: Claim {
            continues: live.claim.continues.clone().filter(|_| live.continues.is_some()),
            ..live.claim.clone()
        },
        year: live.split.year,
    };
    register.live(person).into_iter().map(of_live).collect()
}

/// Settles claims afresh; `None` if one is refused or falls into another year.
fn settle_afresh(fresh: &mut Register, claims: &[LiveClaim]) -> Option<Vec<Split>> {
    let mut splits = Vec::new();
    for (number, LiveClaim { claim, year }) in claims.iter().enumerate() {
        match fresh.settle(&format!("f{number}-{}", claim.person_id), claim) {
            Ok(Answer::Settled { split, .. }) if split.year == *year => splits.push(split),
            _ => return None,
        }
    }
    Some(splits)
}

async fn run_year(
    engine: &Engine<MemoryStore>,
    person: &str,
    year: i32,
    (name, number): (&str, u64),
    dry_run: bool,
) -> Result<ReadjudicateOutcome, EngineError> {
    let request = ReadjudicateRequest {
        person_id: person.to_owned(),
        benefit_year: year,
        request_id: format!("{name}{year}"),
        dry_run,
    };
    engine.readjudicate_year(request, stamp(number)).await
}

/// Runs one year, dry first; a refusal changes nothing. Whether it was done.
async fn checked_run(
    engine: &Engine<MemoryStore>,
    person: &str,
    year: i32,
    number: u64,
) -> Result<bool, TestCaseError> {
    let before = engine.store().fingerprint();
    let dry = run_year(engine, person, year, ("run", number), true).await;
    prop_assert_eq!(engine.store().fingerprint(), before);
    let done = match (dry, run_year(engine, person, year, ("run", number), false).await) {
        (Ok(dry), Ok(done)) => {
            prop_assert!(dry.revisions == done.revisions && dry.decided == done.decided);
            done
        }
        (Err(dry), Err(refused)) => {
            prop_assert_eq!(&dry, &refused);
            prop_assert!(matches!(refused, EngineError::Refused(_)), "{}", refused);
            prop_assert_eq!(engine.store().fingerprint(), before);
            return Ok(false);
        }
        (dry, done) => return Err(TestCaseError::fail(format!("{dry:?} {done:?}"))),
    };
    let after = engine.store().fingerprint();
    prop_assert_eq!(done.revisions.is_empty(), after == before);
    let again = run_year(engine, person, year, ("run", number + 40), false).await.expect("a replay");
    prop_assert_eq!(again.replay, !done.revisions.is_empty());
    prop_assert!(again.revisions == done.revisions);
    let second = run_year(engine, person, year, ("second", number + 80), false).await.expect("a second run");
    prop_assert!(second.revisions.is_empty() && second.decided == done.decided);
    prop_assert_eq!(engine.store().fingerprint(), after);
    Ok(true)
}

async fn check(scenario: &Scenario, late: &[Row]) -> Result<usize, TestCaseError> {
    let (mut register, engine) = (scenario.register(), engine(scenario).await);
    for number in 0..scenario.calls.len() {
        let Some((call, _)) = scenario.step(&mut register, number) else { continue };
        make(&engine, &call, number as u64, false).await;
    }
    let late: Vec<Cells> =
        late.iter().map(|(table, cells)| (*table, cells.iter().map(|cell| (*cell).to_owned()).collect())).collect();
    import(&engine, &late).await;
    let tables = tables_from_rows(&[scenario.cells(), late].concat());
    let files = policy_files(&scenario.book).into_iter().map(|(name, text)| (name.to_owned(), text));
    let files: Vec<_> = files.collect();
    let mut revised = 0;
    for at in 0..scenario.persons.len() {
        let person = format!("P{at}");
        let mut fresh = Register::new(Book::read(&files), tables.clone(), "2026-11-28");
        let claims = live_claims(&register, &person);
        let expected = settle_afresh(&mut fresh, &claims);
        let years: BTreeSet<i32> = claims.iter().map(|live| live.year).collect();
        let mut all_done = true;
        for year in years {
            let number = 10_000 * (at as u64 + 1) + 200 * u64::try_from(year - 2000).expect("a year");
            all_done &= checked_run(&engine, &person, year, number).await?;
        }
        prop_assert_eq!(all_done, expected.is_some(), "{:?}", expected);
        if all_done {
            compare(&engine, &fresh, &person).await?;
        }
        revised += verify(&engine, &person).await?;
    }
    let copy = MemoryStore::default();
    copying::copy(engine.store(), &copy).await.expect("a copy");
    prop_assert_eq!(copy.settled_fingerprint(), engine.store().settled_fingerprint());
    Ok(revised)
}

/// Recomputes the chain of a person; returns the number of entries.
async fn verify(engine: &Engine<MemoryStore>, person: &str) -> Result<usize, TestCaseError> {
    let state = person_state(engine, &id(person)).await;
    match Audit::new(engine.store()).verify_person(&state).await {
        Ok(verified) => Ok(verified.digests.len()),
        Err(_) if state.version == 0 => Ok(0),
        Err(finding) => Err(TestCaseError::fail(finding.to_string())),
    }
}

#[test]
fn the_years_decided_again_equal_the_live_claims_settled_afresh_with_the_tables_of_today() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    check_property(case_count(CASES_WITH_STORE), &(scenarios(), late_rows()), |(scenario, late)| -> TestCaseResult {
        runtime.block_on(check(&scenario, &late)).map(drop)
    });
}
