//! What the engine promises on generated sequences: a quote is what settle then does, and a reversal
//! takes back everything.

use onestop::domain::account::Account;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::{HospitalId, PersonId};
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::{Committed, SettleRequest};
use onestop::engine::{Engine, EngineSettings};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::PersonState;
use onestop::store::{JournalStore, Scope};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::play::{Scenario, Step, scenarios};
use super::{SLOW, cases, holds};
use crate::support::claims::settle;
use crate::support::stamp;

/// Runs a property that awaits.
pub fn holds_async<F: Future<Output = TestCaseResult>>(property: impl Fn(Scenario) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    holds(cases(SLOW), &scenarios(), |scenario| runtime.block_on(property(scenario)));
}

/// An engine in memory with the scenario's policy and tables.
pub async fn engine(scenario: &Scenario) -> Engine<MemoryStore> {
    let engine =
        Engine::open(MemoryStore::default(), scenario.book(), EngineSettings::default()).await.expect("an engine");
    engine.import(scenario.rows()).await.expect("sound tables");
    engine
}

/// The state of a person.
pub async fn state(engine: &Engine<MemoryStore>, person_id: &PersonId) -> PersonState {
    let nobody = HospitalId::default();
    let scope = Scope { hospital_id: &nobody, person_id, request_id: None, claim_id: None };
    engine.store().look_up(scope).await.expect("a look-up").state
}

/// A request to reverse a step, under a request id of this round.
pub fn reversal(step: &Step, round: &str) -> ReverseRequest {
    let told = RawReversal {
        hospital_id: step.claim.hospital_id.clone(),
        person_id: step.claim.person_id.clone(),
        claim_id: step.claim.claim_id.clone(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    ReverseRequest { request_id: format!("v{round}-{}", told.claim_id.as_str()).into(), told, dry_run: false }
}

/// Settles a step.
pub async fn settled(engine: &Engine<MemoryStore>, step: &Step, number: u64) -> Committed {
    engine.settle(settle(step.told.clone()), stamp(number)).await.expect("a settlement")
}

#[test]
fn a_quote_is_what_settle_then_commits() {
    holds_async(|scenario| async move {
        let engine = engine(&scenario).await;
        for (number, step) in scenario.play().iter().enumerate() {
            let before = engine.store().fingerprint();
            let quote = engine.quote(step.told.clone()).await.expect("a quote");
            prop_assert_eq!(engine.store().fingerprint(), before);
            let request = SettleRequest { quote: Some(quote.digest.0.to_vec()), ..settle(step.told.clone()) };
            let committed = engine.settle(request, stamp(number as u64 + 1)).await.expect("the digest is accepted");
            let split = &committed.entry.settled().expect("a settlement").split;
            prop_assert_eq!(postcard(split), postcard(&quote.split));
            prop_assert_eq!(split, &step.split);
        }
        Ok(())
    });
}

fn postcard(value: &impl serde::Serialize) -> Vec<u8> {
    onestop::store::record::encode(value).expect("a record").0
}

/// An account's accumulators; its version counts moves, so a reversal raises it too.
fn accumulators(account: &Account) -> String {
    format!("{} {:?} {:?}", account.admissions, account.layers(), account.caps())
}

#[test]
fn reversing_restores_every_accumulator_and_admission() {
    holds_async(|scenario| async move {
        let (engine, steps) = (engine(&scenario).await, scenario.play());
        for (number, step) in steps.iter().enumerate() {
            settled(&engine, step, number as u64 + 1).await;
        }
        for (number, step) in steps.iter().enumerate().rev() {
            let stamp = stamp((2 * steps.len() - number) as u64);
            engine.reverse(reversal(step, "1"), stamp).await.expect("the newest can be reversed");
            let account = state(&engine, &step.claim.person_id).await.account(&step.key);
            prop_assert_eq!(accumulators(&account), accumulators(&step.before));
        }
        Ok(())
    });
}

#[test]
fn what_was_reversed_settles_again_as_before() {
    holds_async(|scenario| async move {
        let (engine, steps) = (engine(&scenario).await, scenario.play());
        for (number, step) in steps.iter().enumerate() {
            let number = 3 * number as u64 + 1;
            settled(&engine, step, number).await;
            engine.reverse(reversal(step, "1"), stamp(number + 1)).await.expect("the newest can be reversed");
            let again = SettleRequest { request_id: format!("again-{number}").into(), ..settle(step.told.clone()) };
            let committed = engine.settle(again, stamp(number + 2)).await.expect("a settlement");
            prop_assert_eq!(&committed.entry.settled().expect("a settlement").split, &step.split);
            let account = state(&engine, &step.claim.person_id).await.account(&step.key);
            prop_assert_eq!(accumulators(&account), accumulators(&step.after));
        }
        Ok(())
    });
}
