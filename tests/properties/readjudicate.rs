//! Any sequence of settle, reverse and re-adjudicate calls ends with the accounts of a fresh engine that settles the
//! remaining claims in order, and no earlier response changes.

use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::ids::{AccountKey, Digest, EntryId, PersonId};
use onestop::domain::journal::Settlement;
use onestop::domain::journal::{Differences, Entry, EntryKind, RevisionCause};
use onestop::domain::money::Money;
use onestop::domain::split::Split;
use onestop::engine::Engine;
use onestop::engine::reverse::ReverseRequest;
use onestop::engine::settle::SettleRequest;
use onestop::grpc::status::Reason;
use onestop::journal::encode_entry;
use onestop::store::JournalStore;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::engine::{engine_for, person_state, reverse_request};
use super::scenario::{Scenario, Step, scenarios};
use super::{CASES_WITH_STORE, case_count, check_property};
use crate::copying;
use crate::support::claims::settle;
use crate::support::stamp;

/// An operation; its number selects one of the settled claims.
#[derive(Clone, Copy, Debug)]
enum Operation {
    /// Settles the next claim that is not settled.
    Settle,
    /// Reverses a claim, which is refused if a later one is settled.
    Reverse(usize),
    /// Reverses a claim and re-adjudicates the later ones.
    Readjudicate(usize),
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![5 => Just(Operation::Settle), 1 => any::<usize>().prop_map(Operation::Reverse), 3 => any::<usize>().prop_map(Operation::Readjudicate)];
    prop::collection::vec(operation, 4..=24)
}

/// An engine with the claims settled and the responses given so far.
struct EngineHistory {
    engine: Engine<MemoryStore>,
    steps: Vec<Step>,
    /// The settled claims by number, in the order of settlement, each with its settlement.
    settled: Vec<(usize, Entry<Settlement>)>,
    /// The numbers of the claims that are not settled, the next one first.
    unsettled: Vec<usize>,
    responses: Vec<(SettleRequest, Entry<Settlement>)>,
    round: u64,
}

#[test]
fn reversals_leave_the_accounts_of_settling_the_remaining_claims_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let revised = std::cell::Cell::new(0usize);
    check_property(case_count(CASES_WITH_STORE), &(scenarios(), operations()), |(scenario, operations)| {
        runtime.block_on(async {
            let mut history = EngineHistory::open(&scenario).await;
            for operation in operations {
                history.apply(operation).await?;
            }
            revised.set(revised.get() + history.check_against_fresh_engine(&scenario).await?);
            history.check_replays().await?;
            history.check_chains().await?;
            history.check_copy().await
        })
    });
    // With a chosen number of cases, fewer revisions may be reached.
    assert!(std::env::var_os("ONESTOP_CASES").is_some() || revised.get() > 100, "{} revised", revised.get());
}

fn settle_request(step: &Step, round: u64) -> SettleRequest {
    SettleRequest { request_id: format!("s{round}"), ..settle(step.raw_claim.clone()) }
}

fn readjudicate_request(step: &Step, round: u64, dry_run: bool) -> ReverseRequest {
    let mut settle_request = reverse_request(step, &round.to_string());
    (settle_request.reversal.readjudicate, settle_request.dry_run) = (true, dry_run);
    settle_request
}

impl EngineHistory {
    async fn open(scenario: &Scenario) -> EngineHistory {
        let steps = scenario.adjudicate_all();
        let unsettled = (0..steps.len()).collect();
        let engine = engine_for(scenario).await;
        EngineHistory { engine, steps, settled: Vec::new(), unsettled, responses: Vec::new(), round: 0 }
    }

    async fn apply(&mut self, operation: Operation) -> TestCaseResult {
        self.round += 1;
        match operation {
            Operation::Settle if self.unsettled.is_empty() => Ok(()),
            Operation::Settle => self.settle().await,
            Operation::Reverse(_) | Operation::Readjudicate(_) if self.settled.is_empty() => Ok(()),
            Operation::Reverse(at) => self.reverse(at % self.settled.len()).await,
            Operation::Readjudicate(at) => self.readjudicate(at % self.settled.len()).await,
        }
    }

    async fn settle(&mut self) -> TestCaseResult {
        let number = self.unsettled.remove(0);
        let settle_request = settle_request(&self.steps[number], self.round);
        let repeated = SettleRequest {
            claim: settle_request.claim.clone(),
            request_id: settle_request.request_id.clone(),
            quote: None,
            today: onestop::domain::day::Day::LAST,
        };
        let committed = self.engine.settle(settle_request, stamp(self.round)).await.expect("a settlement");
        self.responses.push((repeated, committed.entry.clone()));
        self.settled.push((number, committed.entry));
        Ok(())
    }

    async fn reverse(&mut self, at: usize) -> TestCaseResult {
        let number = self.settled[at].0;
        let step = &self.steps[number];
        let same = |other: &usize| {
            self.steps[*other].claim.person_id == step.claim.person_id && self.steps[*other].key == step.key
        };
        let has_later = self.settled[at + 1..].iter().any(|(other, _)| same(other));
        let before = self.engine.store().fingerprint();
        let response = self.engine.reverse(reverse_request(step, &self.round.to_string()), stamp(self.round)).await;
        match response {
            Ok(reversal) => {
                prop_assert!(!has_later && reversal.revisions.is_empty());
                self.settled.remove(at);
                self.unsettled.push(number);
            }
            Err(refusal) => {
                prop_assert!(has_later && Reason::from(&refusal) == Reason::LaterSettlements, "{refusal}");
                prop_assert_eq!(self.engine.store().fingerprint(), before);
            }
        }
        Ok(())
    }

    async fn readjudicate(&mut self, at: usize) -> TestCaseResult {
        let (number, round) = (self.settled[at].0, self.round);
        let step = &self.steps[number];
        let before = self.engine.store().fingerprint();
        let dry = self.engine.reverse(readjudicate_request(step, round, true), stamp(round)).await.expect("a dry run");
        prop_assert_eq!(self.engine.store().fingerprint(), before);
        let done =
            self.engine.reverse(readjudicate_request(step, round, false), stamp(round)).await.expect("a reversal");
        prop_assert!(
            (&dry.entry, &dry.revisions) == (&done.entry, &done.revisions),
            "a dry run returns what the reversal does"
        );
        let replay = self
            .engine
            .reverse(readjudicate_request(step, round, false), stamp(90_000 + round))
            .await
            .expect("a replay");
        prop_assert!(replay.replay && replay.entry == done.entry && replay.revisions == done.revisions);
        for entry in &done.revisions {
            let Differences { payers, patient } = &entry.body.differences;
            prop_assert_eq!(payers.iter().map(|(_, by)| *by).sum::<Money>() + *patient, Money::ZERO);
        }
        self.settled.remove(at);
        self.unsettled.push(number);
        Ok(())
    }

    /// Checks splits and accounts against a fresh engine that settles the remaining claims in order. Returns the number of
    /// settlements that are revised.
    async fn check_against_fresh_engine(&self, scenario: &Scenario) -> Result<usize, TestCaseError> {
        let (fresh, mut revised) = (engine_for(scenario).await, 0);
        for (at, (number, settlement)) in self.settled.iter().enumerate() {
            let at = at as u64 + 1;
            let committed =
                fresh.settle(settle_request(&self.steps[*number], at), stamp(at)).await.expect("a settlement");
            let view = self.engine.settlement(settlement.id).await.expect("a settlement");
            prop_assert!(view.settlement == *settlement && view.reversal.is_none());
            let newest = view.revisions.last().map_or(view.settlement.split(), |revision| revision.split());
            prop_assert_eq!(newest, committed.entry.split());
            revised += usize::from(!view.revisions.is_empty());
        }
        for step in &self.steps {
            let [current, expected] = [&self.engine, &fresh].map(|engine| person_state(engine, &step.claim.person_id));
            let (current, expected) = (current.await.account(&step.key), expected.await.account(&step.key));
            prop_assert_eq!(current.admissions, expected.admissions);
            prop_assert!(current.layers() == expected.layers() && current.caps() == expected.caps());
        }
        Ok(revised)
    }

    /// Checks that each repeated request returns its original settlement.
    async fn check_replays(&self) -> TestCaseResult {
        for (original, entry) in &self.responses {
            let settle_request = SettleRequest {
                claim: original.claim.clone(),
                request_id: original.request_id.clone(),
                quote: None,
                today: onestop::domain::day::Day::LAST,
            };
            let replay = self.engine.settle(settle_request, stamp(99_000)).await.expect("a replay");
            prop_assert!(replay.replay && replay.entry == *entry);
        }
        Ok(())
    }

    /// Checks that a copy of the journal has the same derived rows.
    async fn check_copy(&self) -> TestCaseResult {
        let copy = MemoryStore::default();
        copying::copy(self.engine.store(), &copy).await.expect("a copy");
        prop_assert_eq!(copy.settled_fingerprint(), self.engine.store().settled_fingerprint());
        Ok(())
    }

    /// Checks that the journal of each person reproduces every split and the accounts.
    async fn check_chains(&self) -> TestCaseResult {
        let mut persons: Vec<_> = self.steps.iter().map(|step| step.claim.person_id.clone()).collect();
        persons.sort();
        persons.dedup();
        for person in &persons {
            let chain = self.chain(person).await?;
            let mut replayed = ReplayedAccounts::default();
            for (at, entry) in chain.iter().enumerate() {
                replayed.apply_entry(&self.engine, entry, &chain[at + 1..]).await?;
            }
            let state = person_state(&self.engine, person).await;
            prop_assert!(state.accounts().iter().all(|(key, account)| replayed.accounts[key] == *account));
        }
        Ok(())
    }

    /// The entries of a person, oldest first, after a check of every link.
    async fn chain(&self, person: &PersonId) -> Result<Vec<Entry>, TestCaseError> {
        let state = person_state(&self.engine, person).await;
        let (mut chain, mut next, mut chained) = (Vec::new(), state.head, state.chained);
        while let Some(id) = next {
            let entry = self.engine.store().entry(id).await.expect("a read").expect("the entry");
            prop_assert_eq!(encode_entry(&entry).1, chained);
            prop_assert_eq!(entry.link.number, state.version - chain.len() as u64);
            (next, chained) = (entry.link.previous, entry.link.chained);
            chain.push(entry);
        }
        prop_assert_eq!(chained, Digest::default());
        chain.reverse();
        Ok(chain)
    }
}

/// The accounts that a chain adds up to, applied entry by entry.
#[derive(Default)]
struct ReplayedAccounts {
    accounts: HashMap<AccountKey, Account>,
    entries: HashMap<EntryId, Entry>,
}

impl ReplayedAccounts {
    async fn apply_entry(
        &mut self,
        engine: &Engine<MemoryStore>,
        entry: &Entry,
        following: &[Entry],
    ) -> TestCaseResult {
        match &entry.body {
            EntryKind::Settlement(settled) => self.adjudicate_again(engine, entry.id, &settled.split).await?,
            EntryKind::Revision(revised) => {
                let before = self.split(revised.replaces);
                prop_assert_eq!(&revised.differences, &Differences::between(&before, &revised.split));
                self.entries.insert(entry.id, entry.clone());
                return self.adjudicate_again(engine, revised.settlement, &revised.split).await;
            }
            EntryKind::Reversal(reversed) => {
                let revised: Vec<_> =
                    following[..reversed.revisions.len()].iter().filter_map(Entry::as_revision).collect();
                prop_assert!(
                    following.iter().map(|entry| entry.id).zip(&reversed.revisions).all(|(id, named)| id == *named)
                );
                prop_assert!(revised.iter().all(|revised| revised.cause == RevisionCause::Reversal(entry.id)));
                let newest = self.newest(reversed.settlement);
                let replaced = revised.iter().rev().map(|revised| revised.replaces).chain([newest]);
                for split in replaced.map(|id| self.split(id)).collect::<Vec<_>>() {
                    let account = self.accounts.get_mut(&reversed.account).expect("an account");
                    *account = account.without_settlement(&split).expect("the split is in the account");
                }
            }
            EntryKind::Fence(_) => {}
        }
        self.entries.insert(entry.id, entry.clone());
        Ok(())
    }

    fn split(&self, id: EntryId) -> Split {
        self.entries[&id].split().expect("a split").clone()
    }

    fn newest(&self, settlement: EntryId) -> EntryId {
        let revisions = self.entries.values().filter_map(|entry| Some((entry.as_revision()?, entry.id)));
        let own = revisions.filter(|(revised, _)| revised.settlement == settlement);
        own.max_by_key(|(revised, _)| revised.number).map_or(settlement, |(_, id)| id)
    }

    /// Adjudicates the claim and facts of a settlement again on the current account, which must give this split.
    async fn adjudicate_again(
        &mut self,
        engine: &Engine<MemoryStore>,
        settlement: EntryId,
        split: &Split,
    ) -> TestCaseResult {
        let entry = engine.store().entry(settlement).await.expect("a read").expect("the entry");
        let settled = entry.as_settlement().expect("a settlement");
        let policy = engine.stored_policy(split.circumstances.policy.digest).await.expect("a policy text");
        let policy = policy.expect("the policy was kept");
        let input =
            AdjudicationInput { claim: &settled.claim, facts: &settled.facts, policy: &policy, continued: None };
        let account = self.accounts.entry(split.circumstances.account.clone()).or_default();
        let (split_again, after) = adjudicate(input, account).expect("small amounts");
        prop_assert_eq!(&split_again, split);
        *account = after;
        Ok(())
    }
}
