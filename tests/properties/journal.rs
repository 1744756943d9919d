//! The journal alone gives every settlement again: to the same bytes, from the policies kept, in an
//! unbroken chain, whatever the tables say by then.

use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::ids::AccountKey;
use onestop::domain::ids::{Digest, EntryId, PersonId};
use onestop::domain::journal::{EntryKind, Settled};
use onestop::domain::split::Split;
use onestop::engine::Engine;
use onestop::engine::fence::RequestName;
use onestop::policy::resolve::resolve;
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use onestop::store::{codec, record};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};

use super::engine::{engine, holds_async, reversal, settled, state};
use super::play::Step;
use crate::support::{row, stamp};

#[test]
fn the_journal_gives_every_settlement_again_in_an_unbroken_chain() {
    holds_async(|scenario| async move {
        let (engine, steps) = (engine(&scenario).await, scenario.play());
        for (number, step) in steps.iter().enumerate() {
            happen(&engine, step, 3 * number as u64 + 1).await;
        }
        engine.import(changed_tables()).await.expect("sound tables");
        let mut audit = Audit::default();
        for record in engine.store().journal() {
            audit.take(&engine, &record).await?;
        }
        for (person, chain) in &audit.chains {
            let state = state(&engine, person).await;
            prop_assert_eq!((state.version, state.head, state.chained), (chain.number, chain.head, chain.chained));
            prop_assert_eq!(state.accounts().len(), chain.accounts.len());
            prop_assert!(state.accounts().iter().all(|(key, account)| chain.accounts[key] == *account));
        }
        Ok(())
    });
}

/// Every second claim is settled and reversed, every third leaves a fence behind it.
async fn happen(engine: &Engine<MemoryStore>, step: &Step, number: u64) {
    settled(engine, step, number).await;
    if number.is_multiple_of(2) {
        engine.reverse(reversal(step, "1"), stamp(number + 1)).await.expect("the newest can be reversed");
    }
    if number % 9 == 1 {
        let (hospital_id, person_id) = (step.claim.hospital_id.clone(), step.claim.person_id.clone());
        let name = RequestName { hospital_id, person_id, request_id: format!("f{number}").into() };
        engine.fence(&name, stamp(number + 2)).await.expect("a fence");
    }
}

/// Everything that the settlements looked up, changed.
fn changed_tables() -> Vec<ReferenceRow> {
    let mut rows = vec![row(ReferenceTable::Persons, &["P0", "employee", "110100"])];
    rows.push(row(ReferenceTable::Categories, &["P0", "destitute", "2010-01-01", ""]));
    rows.push(row(ReferenceTable::Catalogue, &["A", "", "", "another item", "C", "", "", ""]));
    rows.push(row(ReferenceTable::Hospitals, &["H0", "another hospital", "tertiary", "110100"]));
    rows
}

/// What the entries read so far add up to, by person.
#[derive(Default)]
struct Audit {
    chains: HashMap<PersonId, Chain>,
    splits: HashMap<EntryId, Split>,
}

#[derive(Default)]
struct Chain {
    number: u64,
    head: Option<EntryId>,
    chained: Digest,
    accounts: HashMap<AccountKey, Account>,
}

impl Audit {
    async fn take(&mut self, engine: &Engine<MemoryStore>, bytes: &[u8]) -> TestCaseResult {
        let (entry, digest) = codec::decode_entry(bytes).expect("a record");
        let chain = self.chains.entry(entry.parties().1.clone()).or_default();
        prop_assert_eq!(entry.link.number, chain.number + 1);
        prop_assert_eq!(entry.link.previous, chain.head);
        prop_assert_eq!(entry.link.chained, chain.chained);
        match &entry.deed {
            EntryKind::Settled(settled) => {
                let account = chain.accounts.entry(settled.split.judged.account.clone()).or_default();
                *account = recomputed(engine, settled, account).await?;
                self.splits.insert(entry.id, settled.split.clone());
            }
            EntryKind::Reversed(reversed) => {
                let account = chain.accounts.get_mut(&reversed.account).expect("an account");
                *account = account.without(&self.splits[&reversed.settlement]).expect("it was in it");
            }
            EntryKind::Fenced(_) | EntryKind::Revised(_) => {}
        }
        (chain.number, chain.head, chain.chained) = (entry.link.number, Some(entry.id), digest);
        Ok(())
    }
}

/// The account after a settlement that the journal's claim and facts give again, to the same bytes.
async fn recomputed(
    engine: &Engine<MemoryStore>,
    settled: &Settled,
    account: &Account,
) -> Result<Account, TestCaseError> {
    let rule = engine.kept_policy(settled.split.judged.policy.digest).await.expect("a policy text");
    let policy = resolve(&rule.expect("the policy was kept")).expect("exact");
    let matter = AdjudicationInput { claim: &settled.claim, facts: &settled.facts, policy: &policy };
    let (split, after) = adjudicate(matter, account).expect("small amounts");
    prop_assert_eq!(record::encode(&split).expect("a record"), record::encode(&settled.split).expect("a record"));
    Ok(after)
}
