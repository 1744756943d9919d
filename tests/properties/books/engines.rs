//! Two engines make the calls of a generated scenario beside the model: the second makes each correction of three calls, or
//! has rows that were withdrawn before the first call.

use std::collections::{BTreeMap, BTreeSet};

use onestop::domain::claim::ClaimKeys;
use onestop::domain::content::{RawCorrection, RawReversal};
use onestop::domain::day::Day;
use onestop::domain::split::Split;
use onestop::domain::vocabulary_section::Section;
use onestop::engine::correct::CorrectRequest;
use onestop::engine::dropped_words::KeptWords;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::engine::{Engine, EngineError, EngineSettings};
use onestop::policy::Book;
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::super::engine::person_state;
use super::super::{CASES_WITH_STORE, case_count, check_property, tables};
use super::adjudicator::raw_claim;
use super::policy_text::policy_files;
use super::scenario::{Call, Scenario, scenarios};
use crate::model::{self, Register};
use crate::support::as_model::{Cells, is_split, plain};
use crate::support::ids::id;
use crate::support::stamp;

/// What the second engine does otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    /// It reverses with re-adjudication and settles, where the first one corrects.
    CorrectsByTwoCalls,
    /// Its tables had further rows, which were withdrawn.
    HasWithdrawnRows,
}

fn book(scenario: &Scenario) -> Book {
    let files = policy_files(&scenario.book);
    Book::from_texts(files.iter().map(|(name, text)| (*name, text.as_str()))).expect("sound files")
}

pub async fn engine(scenario: &Scenario) -> Engine<MemoryStore> {
    let opened = Engine::open(MemoryStore::default(), book(scenario), EngineSettings::default()).await;
    let engine = opened.expect("an engine");
    import(&engine, &scenario.cells()).await;
    engine
}

pub async fn import(engine: &Engine<MemoryStore>, cells: &[Cells]) {
    engine.import(tables::parsed(cells)).await.expect("sound tables");
}

/// Rows that change whom and what they are about, and the same rows withdrawn.
fn wrong_rows(scenario: &Scenario, withdrawn: bool) -> Vec<Cells> {
    let from = "2017-02-15";
    let until = if withdrawn { from } else { "" };
    let row = |table, cells: &[&str]| (table, cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
    let mut rows = vec![
        row(ReferenceTable::Hospitals, &["H2", from, "a hospital", "primary", "500201", "tcm", until]),
        row(ReferenceTable::Catalogue, &["A", "3", from, "an item", "C", "", "", until]),
    ];
    for at in 0..scenario.persons.len() {
        let person = format!("P{at}");
        rows.push(row(ReferenceTable::Enrolments, &[&person, from, "resident", "110101", until]));
        rows.push(row(ReferenceTable::Categories, &[&person, "destitute", from, until]));
        rows.push(row(ReferenceTable::Approvals, &[&person, "cross_region", from, until]));
    }
    rows
}

/// Makes a call; whether it was accepted.
pub async fn make(engine: &Engine<MemoryStore>, call: &Call, number: u64, splits_correction: bool) -> bool {
    let (claim, request_id) = (raw_claim(call.claim()), format!("r{number}"));
    let reason = "billing error".to_owned();
    let reverse = |readjudicate, request_id: String| {
        let model::Claim { hospital_id, person_id, claim_id, .. } = call.claim().clone();
        let reversal = RawReversal { hospital_id, person_id, claim_id, reason: reason.clone(), readjudicate };
        ReverseRequest { reversal, request_id, dry_run: false }
    };
    let settle = |request_id| SettleRequest { claim: claim.clone(), request_id, quote: None, today: Day::LAST };
    let (first, second) = (stamp(2 * number + 1), stamp(2 * number + 2));
    let made: Result<(), EngineError> = match call {
        Call::Settle(_) => engine.settle(settle(request_id), first).await.map(drop),
        Call::Quote(_) => engine.quote(claim.clone(), Day::LAST).await.map(drop),
        Call::Reverse { readjudicate, .. } => engine.reverse(reverse(*readjudicate, request_id), first).await.map(drop),
        Call::Correct { .. } if splits_correction => {
            engine.reverse(reverse(true, format!("v{number}")), first).await.expect("a reversal");
            engine.settle(settle(request_id), second).await.map(drop)
        }
        Call::Correct { .. } => {
            let correction = RawCorrection { claim, reason };
            engine
                .correct(CorrectRequest { correction, request_id, dry_run: false, today: Day::LAST }, first)
                .await
                .map(drop)
        }
    };
    made.is_ok()
}

/// The split in force of a claim.
async fn newest_split(engine: &Engine<MemoryStore>, claim: &model::Claim) -> Split {
    let model::Claim { hospital_id, person_id, claim_id, .. } = claim;
    let keys = ClaimKeys { hospital_id: id(hospital_id), person_id: id(person_id), claim_id: id(claim_id) };
    let view = engine.settlement_of_claim(&keys).await.expect("a settlement");
    assert!(view.reversal.is_none());
    view.revisions.last().map_or(view.settlement.body.split, |revision| revision.body.split.clone())
}

/// Compares the live settlements and the accounts of a person with those of the model.
pub async fn compare(engine: &Engine<MemoryStore>, register: &Register, person: &str) -> TestCaseResult {
    for live in register.live(person) {
        let split = newest_split(engine, live.claim).await;
        prop_assert!(is_split(&split, live.split, "resident"), "{split:#?}\n{:#?}\n{:#?}", live.split, live.claim);
    }
    let state = person_state(engine, &id(person)).await;
    let is_moved = |account: &model::Account| *account != model::Account::default();
    let accounts =
        state.accounts().iter().map(|(key, account)| ((key.insurance.to_string(), key.year), plain(account)));
    let accounts: BTreeMap<_, _> = accounts.filter(|(_, account)| is_moved(account)).collect();
    let expected = register.accounts(person).into_iter().filter(|(_, account)| is_moved(account)).collect();
    prop_assert_eq!(accounts, expected);
    Ok(())
}

async fn run(scenario: &Scenario, second: Second) -> TestCaseResult {
    let (mut register, engines) = (scenario.register(), [engine(scenario).await, engine(scenario).await]);
    if second == Second::HasWithdrawnRows {
        for withdrawn in [false, true] {
            import(&engines[1], &wrong_rows(scenario, withdrawn)).await;
        }
    }
    for number in 0..scenario.calls.len() {
        let Some((call, answer)) = scenario.step(&mut register, number) else { continue };
        let is_split = second == Second::CorrectsByTwoCalls
            && matches!(call, Call::Correct { is_continued: false, .. })
            && answer.is_ok();
        for (engine, splits) in engines.iter().zip([false, is_split]) {
            let accepted = make(engine, &call, number as u64, splits).await;
            prop_assert_eq!(accepted, answer.is_ok(), "{:#?} {:#?}", call, answer);
            compare(engine, &register, &call.claim().person_id).await?;
        }
    }
    check_used_words(&engines[0], scenario, &register).await
}

/// A word that a row or a settlement uses cannot be dropped; another can.
async fn check_used_words(engine: &Engine<MemoryStore>, scenario: &Scenario, register: &Register) -> TestCaseResult {
    let mut used: BTreeSet<(Section, String)> = BTreeSet::new();
    for (table, cells) in scenario.cells() {
        let mut add = |section, word: &str| used.extend([(section, word.to_owned())]);
        match table {
            ReferenceTable::Hospitals => {
                add(Section::Level, &cells[3]);
                cells[5].split_whitespace().for_each(|tag| add(Section::Tag, tag));
            }
            ReferenceTable::Catalogue => add(Section::Class, &cells[4]),
            ReferenceTable::Categories => add(Section::Category, &cells[1]),
            ReferenceTable::Approvals => add(Section::Approval, &cells[1]),
            ReferenceTable::Enrolments | ReferenceTable::Designations => {}
        }
    }
    used.extend(register.settled_visits().into_iter().map(|visit| (Section::Visit, visit.to_owned())));
    let vocabulary = std::sync::Arc::clone(engine.book().vocabulary());
    let checked = [Section::Level, Section::Tag, Section::Class, Section::Category, Section::Approval, Section::Visit];
    for (section, word) in vocabulary.words().filter(|(section, _)| checked.contains(section)) {
        let kept = vocabulary.words().filter(|known| *known != (section, word));
        let kept: KeptWords = kept.map(|(section, word)| (section, word.to_owned())).collect();
        let dropped = engine.dropped_words(&kept).await.expect("a search");
        let named: Vec<_> = dropped.iter().map(|dropped| (dropped.section, dropped.word.as_str())).collect();
        let expected: Vec<_> =
            Some((section, word)).into_iter().filter(|_| used.contains(&(section, word.to_owned()))).collect();
        prop_assert_eq!(named, expected);
    }
    Ok(())
}

fn check(second: Second) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    check_property(case_count(CASES_WITH_STORE), &scenarios(), |scenario| runtime.block_on(run(&scenario, second)));
}

#[test]
fn a_correction_equals_reverse_readjudicate_and_settle_and_the_model_on_generated_books() {
    check(Second::CorrectsByTwoCalls);
}

#[test]
fn a_withdrawn_row_leaves_no_trace_and_a_used_word_cannot_be_dropped_on_generated_books() {
    check(Second::HasWithdrawnRows);
}
