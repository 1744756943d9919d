//! The audit: every person's chain is walked, every record checked, and every split recomputed from the journal
//! under the policy that it names; what the entries add up to must be what the rows beside them say.
//!
//! It reads only. It trusts the records' digests, the policies kept by digest, and nothing that was derived.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate};
use crate::domain::ids::Digest;
use crate::domain::invariants;
use crate::domain::journal::{Differences, Entry, EntryKind, Revision, Settlement};
use crate::domain::policy::Policy;
use crate::domain::split::Split;
use crate::policy::resolution::resolve_policy;
use crate::policy::rule::PolicyRule;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store, StoreError};

use super::account_replay::AccountReplay;
use super::chain::{self, AuditFinding, Stored};

/// A chain that holds.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The digest of each record, from the first entry on.
    pub digests: Vec<Digest>,
    /// How many splits were recomputed.
    pub splits: usize,
}

/// An audit of a store.
pub struct Audit<'a, S> {
    store: &'a S,
    policies: HashMap<Digest, Arc<Policy>>,
}

impl<'a, S: Store> Audit<'a, S> {
    /// Of this store.
    pub fn of(store: &'a S) -> Audit<'a, S> {
        Audit { store, policies: HashMap::new() }
    }

    /// One person's chain, by the state that is kept of it.
    ///
    /// # Errors
    /// The first difference.
    pub async fn chain(&mut self, state: &PersonState) -> Result<Chain, AuditFinding> {
        let chain = chain::walked(self.store, state).await?;
        let (mut sums, mut splits) = (AccountReplay::default(), 0);
        for (at, Stored { entry, .. }) in chain.iter().enumerate() {
            let taken = self.take(&mut sums, entry, &chain[at + 1..]).await;
            taken.map_err(|told| AuditFinding::at(entry.id, told))?;
            splits += usize::from(entry.split().is_some());
        }
        let moved = sums.accounts().values().filter(|account| account.version > 0).count();
        if state.accounts().len() != moved {
            return Err(AuditFinding::at_head(state, "there are other accounts than the chain moved"));
        }
        if state.accounts().iter().any(|(key, account)| sums.accounts().get(key) != Some(account)) {
            return Err(AuditFinding::at_head(state, "an account is not what the chain adds up to"));
        }
        for Stored { entry, .. } in &chain {
            self.rows(entry, state).await.map_err(|told| AuditFinding::at(entry.id, told))?;
        }
        Ok(Chain { digests: chain.iter().map(|stored| stored.digest).collect(), splits })
    }

    async fn take<'c>(
        &mut self,
        sums: &mut AccountReplay<'c>,
        entry: &'c Entry,
        following: &[Stored],
    ) -> Result<(), String> {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                let after = self.recomputed(sums, settled, &settled.split).await?;
                sums.decided(entry.id, entry.id, &settled.split, after);
            }
            EntryKind::Revision(revised) => {
                let after = self.revised(sums, revised).await?;
                sums.decided(revised.settlement, entry.id, &revised.split, after);
            }
            EntryKind::Reversal(reversed) => sums.taken_out(entry, reversed, following)?,
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    async fn revised(&mut self, sums: &AccountReplay<'_>, revised: &Revision) -> Result<Account, String> {
        let settlement = self.store.entry(revised.settlement).await.map_err(|error| error.to_string())?;
        let settled = settlement.as_ref().and_then(Entry::settled).ok_or("revises what is no settlement")?;
        let after = self.recomputed(sums, settled, &revised.split).await?;
        let before = sums.split(revised.replaces).ok_or("replaces what was not decided before")?;
        if revised.differences != Differences::between(before, &revised.split) {
            return Err("names other differences than there are".to_owned());
        }
        Ok(after)
    }

    /// The split is the one that claim and facts give on the account as it is; gives the account after it.
    async fn recomputed(
        &mut self,
        sums: &AccountReplay<'_>,
        settled: &Settlement,
        split: &Split,
    ) -> Result<Account, String> {
        invariants::check(split).map_err(|broken| broken.to_string())?;
        let policy = self.policy(split.circumstances.policy.digest).await?;
        let matter = AdjudicationInput { claim: &settled.claim, facts: &settled.facts, policy: &policy };
        let account = sums.account(&split.circumstances.account);
        let (again, after) = adjudicate(matter, &account).map_err(|range| range.to_string())?;
        if again == *split { Ok(after) } else { Err("its split is not what claim, facts and policy give".to_owned()) }
    }

    async fn policy(&mut self, digest: Digest) -> Result<Arc<Policy>, String> {
        if let Some(policy) = self.policies.get(&digest) {
            return Ok(Arc::clone(policy));
        }
        let text = self.store.policy(digest).await.map_err(|error| error.to_string())?;
        let rule: Option<PolicyRule> = text.and_then(|text| serde_json::from_str(&text).ok());
        let rule = rule.filter(|rule| rule.digest() == digest).ok_or_else(|| format!("policy {digest} is not kept"))?;
        let policy = Arc::new(resolve_policy(&rule).map_err(|inexact| inexact.to_string())?);
        self.policies.insert(digest, Arc::clone(&policy));
        Ok(policy)
    }

    /// What stands beside an entry: its person leads to this chain, its request to it, and its claim knows what
    /// became of it.
    async fn rows(&self, entry: &Entry, state: &PersonState) -> Result<(), String> {
        let (hospital_id, person_id) = entry.parties();
        let claim_id = match &entry.body {
            EntryKind::Settlement(settled) => Some(&settled.claim.claim_id),
            EntryKind::Reversal(reversed) => Some(&reversed.claim_id),
            EntryKind::Revision(revised) => Some(&revised.claim_id),
            EntryKind::Fence(_) => None,
        };
        let mut scope = Scope::of_person(person_id).with_request(hospital_id, &entry.request_id);
        scope.claim = claim_id.map(|claim_id| (hospital_id, claim_id));
        let seen = self.store.look_up(scope).await.map_err(|error: StoreError| error.to_string())?;
        if seen.state != *state {
            return Err("its person does not lead to its chain".to_owned());
        }
        // A revision carries the request of the reversal that made it.
        if entry.revised().is_none() && seen.request != Some(entry.id) {
            return Err("its request does not lead to it".to_owned());
        }
        let known = |settlement| seen.claim.as_ref().and_then(|row| row.of(settlement));
        let told = match &entry.body {
            EntryKind::Settlement(_) => known(entry.id).is_some(),
            EntryKind::Reversal(reversed) => {
                known(reversed.settlement).is_some_and(|standing| standing.reversal == Some(entry.id))
            }
            EntryKind::Revision(revised) => {
                known(revised.settlement).is_some_and(|standing| standing.revisions.contains(&entry.id))
            }
            EntryKind::Fence(_) => true,
        };
        if told { Ok(()) } else { Err("its claim does not know of it".to_owned()) }
    }
}
