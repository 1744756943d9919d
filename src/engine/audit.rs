//! The audit: every chain is read, every record checked, and every split recomputed from the journal under the policy that
//! it names. The derived rows must equal what the entries add up to.
//!
//! It only reads. It trusts the digests of records and policies, and nothing derived.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate};
use crate::domain::continuation::Continued;
use crate::domain::ids::Digest;
use crate::domain::invariants;
use crate::domain::journal::{Differences, Entry, EntryKind, Revision, Settlement};
use crate::domain::policy::Policy;
use crate::domain::rule::PolicyRule;
use crate::domain::split::Split;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store};

use super::account_replay::AccountReplay;
use super::chain::{self, AuditFinding, ChainFault, StoredEntry};

/// A verified chain.
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    /// The digest of each record, from the first entry on.
    pub digests: Vec<Digest>,
    /// The number of splits that were recomputed.
    pub splits: usize,
}

/// An audit of a store.
pub struct Audit<'a, S> {
    store: &'a S,
    policies: HashMap<Digest, Arc<Policy>>,
}

impl<'a, S: Store> Audit<'a, S> {
    /// An audit of this store.
    pub fn new(store: &'a S) -> Audit<'a, S> {
        Audit { store, policies: HashMap::new() }
    }

    /// Verifies one person's chain and the rows derived from it.
    ///
    /// # Errors
    /// The first finding.
    pub async fn verify_person(&mut self, state: &PersonState) -> Result<VerifiedChain, AuditFinding> {
        let chain = chain::read_chain(self.store, state).await?;
        let (mut accounts, mut splits) = (AccountReplay::default(), 0);
        for (at, StoredEntry { entry, .. }) in chain.iter().enumerate() {
            let applied = self.recompute_and_apply(&mut accounts, entry, &chain[at + 1..]).await;
            applied.map_err(|fault| AuditFinding::about_entry(entry.id, fault))?;
            splits += usize::from(entry.split().is_some());
        }
        let moved = accounts.accounts().values().filter(|account| account.version > 0).count();
        if state.accounts().len() != moved {
            return Err(AuditFinding::about_person(state, "there are accounts that the chain does not change"));
        }
        if state.accounts().iter().any(|(key, account)| accounts.accounts().get(key) != Some(account)) {
            return Err(AuditFinding::about_person(state, "an account differs from what the chain adds up to"));
        }
        for StoredEntry { entry, .. } in &chain {
            self.check_rows(entry, state).await.map_err(|fault| AuditFinding::about_entry(entry.id, fault))?;
        }
        Ok(VerifiedChain { digests: chain.iter().map(|stored| stored.digest).collect(), splits })
    }

    async fn recompute_and_apply<'c>(
        &mut self,
        accounts: &mut AccountReplay<'c>,
        entry: &'c Entry,
        following: &[StoredEntry],
    ) -> Result<(), ChainFault> {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                let after = self.recompute(accounts, settled, &settled.split).await?;
                accounts.apply_split(entry.id, entry.id, &settled.split, after);
            }
            EntryKind::Revision(revised) => {
                let after = self.recompute_revision(accounts, revised).await?;
                accounts.apply_split(revised.settlement, entry.id, &revised.split, after);
            }
            EntryKind::Reversal(reversed) => accounts.apply_reversal(entry, reversed, following)?,
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    async fn recompute_revision(
        &mut self,
        accounts: &AccountReplay<'_>,
        revised: &Revision,
    ) -> Result<Account, ChainFault> {
        let settlement = self.store.entry(revised.settlement).await?;
        let settled = settlement.as_ref().and_then(Entry::settled).ok_or(ChainFault::RevisesNoSettlement)?;
        let after = self.recompute(accounts, settled, &revised.split).await?;
        let before = accounts.split(revised.replaces).ok_or(ChainFault::ReplacesUndecided)?;
        if revised.differences != Differences::between(before, &revised.split) {
            return Err(ChainFault::WrongDifferences);
        }
        Ok(after)
    }

    /// Recomputes a split from claim and facts, and compares it; returns the account after it.
    async fn recompute(
        &mut self,
        accounts: &AccountReplay<'_>,
        settled: &Settlement,
        split: &Split,
    ) -> Result<Account, ChainFault> {
        invariants::check(split)?;
        let policy = self.policy(split.circumstances.policy.digest).await?;
        let input = AdjudicationInput {
            claim: &settled.claim,
            facts: &settled.facts,
            policy: &policy,
            continued: continued(accounts, split)?,
        };
        let account = accounts.account(&split.circumstances.account);
        let (recomputed, after) = adjudicate(input, &account)?;
        if recomputed == *split { Ok(after) } else { Err(ChainFault::WrongSplit) }
    }

    async fn policy(&mut self, digest: Digest) -> Result<Arc<Policy>, ChainFault> {
        if let Some(policy) = self.policies.get(&digest) {
            return Ok(Arc::clone(policy));
        }
        let text = self.store.policy(digest).await?;
        let rule = text.and_then(|text| PolicyRule::from_kept(&text, digest));
        let rule = rule.ok_or(ChainFault::PolicyMissing(digest))?;
        let policy = Arc::new(Policy::from_kept(rule, digest));
        self.policies.insert(digest, Arc::clone(&policy));
        Ok(policy)
    }

    /// Checks the rows of an entry: its person has this chain, its request leads to it, and its claim has its status.
    async fn check_rows(&self, entry: &Entry, state: &PersonState) -> Result<(), ChainFault> {
        let (hospital_id, person_id) = entry.parties();
        let claim_id = match &entry.body {
            EntryKind::Settlement(settled) => Some(&settled.claim.claim_id),
            EntryKind::Reversal(reversed) => Some(&reversed.claim_id),
            EntryKind::Revision(revised) => Some(&revised.claim_id),
            EntryKind::Fence(_) => None,
        };
        let mut scope = Scope::of_person(person_id).with_request(hospital_id, &entry.request_id);
        scope.claim = claim_id.map(|claim_id| (hospital_id, claim_id));
        let seen = self.store.look_up(scope).await?;
        if seen.state != *state {
            return Err(ChainFault::PersonRow);
        }
        // A revision carries the request of the reversal that made it, and a reversal that of the correction that it is
        // part of.
        let correction = entry.reversed().and_then(|reversed| reversed.correction);
        if entry.revised().is_none() && seen.request != Some(correction.unwrap_or(entry.id)) {
            return Err(ChainFault::RequestRow);
        }
        let known = |settlement| seen.claim.as_ref().and_then(|row| row.status_of(settlement));
        let is_known = match &entry.body {
            EntryKind::Settlement(_) => known(entry.id).is_some(),
            EntryKind::Reversal(reversed) => {
                known(reversed.settlement).is_some_and(|status| status.reversal == Some(entry.id))
            }
            EntryKind::Revision(revised) => {
                known(revised.settlement).is_some_and(|status| status.revisions.contains(&entry.id))
            }
            EntryKind::Fence(_) => true,
        };
        if is_known { Ok(()) } else { Err(ChainFault::ClaimRow) }
    }
}

/// What a split continues, as the chain decided it before.
fn continued<'c>(accounts: &AccountReplay<'c>, split: &Split) -> Result<Option<Continued<'c>>, ChainFault> {
    let Some(opening) = &split.opening else { return Ok(None) };
    let earlier = accounts.newest_split(opening.settlement).ok_or(ChainFault::ContinuesUndecided)?;
    Ok(Some(Continued { kind: opening.kind, settlement: opening.settlement, split: earlier }))
}
