//! The journal alone reproduces every settlement: byte for byte, from the stored policies, in an unbroken chain, even
//! after the tables have changed.

use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::ids::AccountKey;
use onestop::domain::ids::{Digest, EntryId, PersonId};
use onestop::domain::journal::{EntryKind, Settlement};
use onestop::domain::split::Split;
use onestop::engine::Engine;
use onestop::engine::fence::RequestName;
use onestop::journal::content::split_digest;
use onestop::journal::{decode_entry, encode_entry};
use onestop::reference::row::ReferenceRow;
use onestop::reference::table::ReferenceTable;
use onestop::store::memory::MemoryStore;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestCaseResult};

use super::engine::{check_async_property, engine_for, person_state, reverse_request, settle_step};
use super::scenario::Step;
use crate::support::ids::id;
use crate::support::{row, stamp};

#[test]
fn the_journal_reproduces_every_settlement_in_an_unbroken_chain() {
    check_async_property(|scenario| async move {
        let (engine, steps) = (engine_for(&scenario).await, scenario.adjudicate_all());
        for (number, step) in steps.iter().enumerate() {
            settle_and_perhaps_reverse(&engine, step, 3 * number as u64 + 1).await;
        }
        engine.import(changed_tables()).await.expect("sound tables");
        let mut replayed = ReplayedJournal::default();
        for record in engine.store().journal() {
            replayed.replay(&engine, &record).await?;
        }
        for (person, chain) in &replayed.chains {
            let state = person_state(&engine, person).await;
            prop_assert_eq!((state.version, state.head, state.chained), (chain.number, chain.head, chain.chained));
            prop_assert_eq!(state.accounts().len(), chain.accounts.len());
            prop_assert!(state.accounts().iter().all(|(key, account)| chain.accounts[key] == *account));
        }
        Ok(())
    });
}

/// Settles a claim; reverses every second one, and adds a fence after every third.
async fn settle_and_perhaps_reverse(engine: &Engine<MemoryStore>, step: &Step, number: u64) {
    settle_step(engine, step, number).await;
    if number.is_multiple_of(2) {
        engine
            .reverse(reverse_request(step, "1"), stamp(number + 1))
            .await
            .expect("the newest settlement can be reversed");
    }
    if number % 9 == 1 {
        let (hospital_id, person_id) = (step.claim.hospital_id.clone(), step.claim.person_id.clone());
        let name = RequestName { hospital_id: Some(hospital_id), person_id, request_id: id(format!("f{number}")) };
        engine.fence(&name, stamp(number + 2)).await.expect("a fence");
    }
}

/// Rows that change everything that the settlements looked up.
fn changed_tables() -> Vec<ReferenceRow> {
    let mut rows = vec![row(ReferenceTable::Enrolments, &["P0", "2010-01-01", "employee", "110100", ""])];
    rows.push(row(ReferenceTable::Categories, &["P0", "destitute", "2010-01-01", ""]));
    rows.push(row(ReferenceTable::Catalogue, &["A", "", "", "another item", "C", "", "", ""]));
    rows.push(row(ReferenceTable::Hospitals, &["H0", "", "another hospital", "tertiary", "110100", "", ""]));
    rows
}

/// The state that the entries read so far add up to.
#[derive(Default)]
struct ReplayedJournal {
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

impl ReplayedJournal {
    /// Checks the link of an entry and applies it to the account.
    async fn replay(&mut self, engine: &Engine<MemoryStore>, bytes: &[u8]) -> TestCaseResult {
        let (entry, digest) = decode_entry(bytes).expect("a record");
        prop_assert!(encode_entry(&entry) == (bytes.to_vec(), digest), "an entry has one record");
        let chain = self.chains.entry(entry.parties().1.clone()).or_default();
        prop_assert_eq!(entry.link.number, chain.number + 1);
        prop_assert_eq!(entry.link.previous, chain.head);
        prop_assert_eq!(entry.link.chained, chain.chained);
        match &entry.body {
            EntryKind::Settlement(settled) => {
                let account = chain.accounts.entry(settled.split.circumstances.account.clone()).or_default();
                *account = account_after(engine, settled, account).await?;
                self.splits.insert(entry.id, settled.split.clone());
            }
            EntryKind::Reversal(reversed) => {
                let account = chain.accounts.get_mut(&reversed.account).expect("an account");
                *account = account
                    .without_settlement(&self.splits[&reversed.settlement])
                    .expect("the split is in the account");
            }
            EntryKind::Fence(_) | EntryKind::Revision(_) => {}
        }
        (chain.number, chain.head, chain.chained) = (entry.link.number, Some(entry.id), digest);
        Ok(())
    }
}

/// Adjudicates the claim and facts of a settlement again, which must give the same split byte for byte, and returns the
/// account after it.
async fn account_after(
    engine: &Engine<MemoryStore>,
    settled: &Settlement,
    account: &Account,
) -> Result<Account, TestCaseError> {
    let policy = engine.stored_policy(settled.split.circumstances.policy.digest).await.expect("a policy text");
    let policy = policy.expect("the policy was kept");
    let input = AdjudicationInput { claim: &settled.claim, facts: &settled.facts, policy: &policy, continued: None };
    let (split, after) = adjudicate(input, account).expect("small amounts");
    prop_assert_eq!(split_digest(&split), split_digest(&settled.split));
    prop_assert_eq!(&split, &settled.split);
    Ok(after)
}
