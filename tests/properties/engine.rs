//! Properties of the engine on generated sequences: a settlement equals its quote, and a reversal restores the accounts.

use onestop::domain::account::Account;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::PersonId;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::{PresentedQuote, SettleOutcome, SettleRequest};
use onestop::engine::{Engine, EngineSettings};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::PersonState;
use onestop::store::{JournalStore, Scope};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::scenario::{Scenario, Step, scenarios};
use super::{CASES_WITH_STORE, case_count, check_property};
use crate::support::claims::settle;
use crate::support::stamp;

/// Checks an asynchronous property on generated scenarios.
pub fn check_async_property<F: Future<Output = TestCaseResult>>(property: impl Fn(Scenario) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    check_property(case_count(CASES_WITH_STORE), &scenarios(), |scenario| runtime.block_on(property(scenario)));
}

/// An engine in memory with the policy and tables of the scenario.
pub async fn engine_for(scenario: &Scenario) -> Engine<MemoryStore> {
    let engine =
        Engine::open(MemoryStore::default(), scenario.book(), EngineSettings::default()).await.expect("an engine");
    engine.import(scenario.rows()).await.expect("sound tables");
    engine
}

/// The stored state of a person.
pub async fn person_state(engine: &Engine<MemoryStore>, person_id: &PersonId) -> PersonState {
    engine.store().look_up(Scope::of_person(person_id)).await.expect("a look-up").state
}

/// A request to reverse a step, with a request id for this round.
pub fn reverse_request(step: &Step, round: &str) -> ReverseRequest {
    let reversal = RawReversal {
        hospital_id: step.raw_claim.hospital_id.clone(),
        person_id: step.raw_claim.person_id.clone(),
        claim_id: step.raw_claim.claim_id.clone(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    ReverseRequest { request_id: format!("v{round}-{}", reversal.claim_id), reversal, dry_run: false }
}

/// Settles the claim of a step.
pub async fn settle_step(engine: &Engine<MemoryStore>, step: &Step, number: u64) -> SettleOutcome {
    engine.settle(settle(step.raw_claim.clone()), stamp(number)).await.expect("a settlement")
}

#[test]
fn a_settlement_equals_its_quote() {
    check_async_property(|scenario| async move {
        let engine = engine_for(&scenario).await;
        for (number, step) in scenario.adjudicate_all().iter().enumerate() {
            let before = engine.store().fingerprint();
            let quote = engine.quote(step.raw_claim.clone(), onestop::domain::day::Day::LAST).await.expect("a quote");
            prop_assert_eq!(engine.store().fingerprint(), before);
            let request =
                SettleRequest { quote: Some(PresentedQuote::Shown(quote.digest)), ..settle(step.raw_claim.clone()) };
            let committed = engine.settle(request, stamp(number as u64 + 1)).await.expect("an accepted quote digest");
            let split = &committed.entry.body.split;
            prop_assert_eq!(split, &quote.split);
            let stored = engine.store().entry(committed.entry.id).await.expect("a store").expect("the entry");
            prop_assert_eq!(&stored, &committed.entry.clone().into());
            prop_assert_eq!(split, &step.split);
        }
        Ok(())
    });
}

/// The accumulators of an account without its version, which a reversal increments.
fn accumulators(account: &Account) -> String {
    format!("{} {:?} {:?}", account.admissions, account.layers(), account.caps())
}

#[test]
fn reversals_restore_every_accumulator_and_admission() {
    check_async_property(|scenario| async move {
        let (engine, steps) = (engine_for(&scenario).await, scenario.adjudicate_all());
        for (number, step) in steps.iter().enumerate() {
            settle_step(&engine, step, number as u64 + 1).await;
        }
        for (number, step) in steps.iter().enumerate().rev() {
            let stamp = stamp((2 * steps.len() - number) as u64);
            engine.reverse(reverse_request(step, "1"), stamp).await.expect("the newest settlement can be reversed");
            let account = person_state(&engine, &step.claim.person_id).await.account(&step.key);
            prop_assert_eq!(accumulators(&account), accumulators(&step.before));
        }
        Ok(())
    });
}

#[test]
fn a_reversed_claim_settles_again_with_the_same_split() {
    check_async_property(|scenario| async move {
        let (engine, steps) = (engine_for(&scenario).await, scenario.adjudicate_all());
        for (number, step) in steps.iter().enumerate() {
            let number = 3 * number as u64 + 1;
            settle_step(&engine, step, number).await;
            engine
                .reverse(reverse_request(step, "1"), stamp(number + 1))
                .await
                .expect("the newest settlement can be reversed");
            let request = SettleRequest { request_id: format!("again-{number}"), ..settle(step.raw_claim.clone()) };
            let committed = engine.settle(request, stamp(number + 2)).await.expect("a settlement");
            prop_assert_eq!(&committed.entry.body.split, &step.split);
            let account = person_state(&engine, &step.claim.person_id).await.account(&step.key);
            prop_assert_eq!(accumulators(&account), accumulators(&step.after));
        }
        Ok(())
    });
}
