//! Replay of entries for an audit: every split is recomputed from claim, facts and policy on the accounts that the entries
//! before it add up to.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate};
use crate::domain::continuation::Continued;
use crate::domain::ids::{AccountKey, Digest, EntryId};
use crate::domain::invariants;
use crate::domain::journal::{Differences, Entry, EntryKind, Revision, Settlement};
use crate::domain::policy::Policy;
use crate::domain::split::Split;

use super::account_replay::AccountReplay;
use super::chain::ChainFault;

/// The policies that splits name, by digest.
pub(super) type KeptPolicies = HashMap<Digest, Arc<Policy>>;

/// The replay of entries of one chain.
pub(super) struct EntryReplay<'c> {
    policies: &'c KeptPolicies,
    accounts: AccountReplay<'c>,
    settlements: HashMap<EntryId, &'c Settlement>,
}

impl<'c> EntryReplay<'c> {
    /// A replay from the first entry of a chain on.
    pub fn new(policies: &'c KeptPolicies) -> EntryReplay<'c> {
        EntryReplay { policies, accounts: AccountReplay::default(), settlements: HashMap::new() }
    }

    /// Starts from these accounts, which earlier entries add up to.
    pub fn start(&mut self, accounts: &[(AccountKey, Account)]) {
        self.accounts.start(accounts.iter().cloned());
    }

    /// Takes up an earlier entry that later ones rest on; the newest of a settlement last.
    pub fn recall(&mut self, entry: &'c Entry) {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                self.settlements.insert(entry.id, settled);
                self.accounts.recall(entry.id, entry.id, &settled.split);
            }
            EntryKind::Revision(revised) => self.accounts.recall(revised.settlement, entry.id, &revised.split),
            EntryKind::Reversal(_) | EntryKind::Fence(_) => {}
        }
    }

    /// The accounts that the entries add up to.
    pub fn accounts(&self) -> &HashMap<AccountKey, Account> {
        self.accounts.accounts()
    }

    /// Applies the next entry; `following` are those after it, as far as its commit goes.
    ///
    /// # Errors
    /// What is not as claim, facts, policy and the earlier entries give.
    pub fn apply(&mut self, entry: &'c Entry, following: &[&'c Entry]) -> Result<(), ChainFault> {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                let after = self.recompute(settled, &settled.split)?;
                self.settlements.insert(entry.id, settled);
                self.accounts.apply_split(entry.id, entry.id, &settled.split, after);
            }
            EntryKind::Revision(revised) => {
                let after = self.recompute_revision(revised)?;
                self.accounts.apply_split(revised.settlement, entry.id, &revised.split, after);
            }
            EntryKind::Reversal(reversed) => self.accounts.apply_reversal(entry, reversed, following)?,
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    fn recompute_revision(&self, revised: &Revision) -> Result<Account, ChainFault> {
        let settled = self.settlements.get(&revised.settlement).ok_or(ChainFault::RevisesNoSettlement)?;
        let after = self.recompute(settled, &revised.split)?;
        let before = self.accounts.split(revised.replaces).ok_or(ChainFault::ReplacesUndecided)?;
        if revised.differences != Differences::between(before, &revised.split) {
            return Err(ChainFault::WrongDifferences);
        }
        Ok(after)
    }

    /// Recomputes a split from claim and facts, and compares it; returns the account after it.
    fn recompute(&self, settled: &Settlement, split: &Split) -> Result<Account, ChainFault> {
        invariants::check(split)?;
        let digest = split.circumstances.policy.digest;
        let policy = self.policies.get(&digest).ok_or(ChainFault::PolicyMissing(digest))?;
        let (claim, facts, continued) = (&settled.claim, &settled.facts, self.continued(split)?);
        let account = self.accounts.account(&split.circumstances.account);
        let (recomputed, after) = adjudicate(AdjudicationInput { claim, facts, policy, continued }, &account)?;
        if recomputed == *split { Ok(after) } else { Err(ChainFault::WrongSplit) }
    }

    /// What a split continues, as the chain decided it before.
    fn continued(&self, split: &Split) -> Result<Option<Continued<'c>>, ChainFault> {
        let Some(opening) = &split.opening else { return Ok(None) };
        let earlier = self.accounts.newest_split(opening.settlement).ok_or(ChainFault::ContinuesUndecided)?;
        Ok(Some(Continued { kind: opening.kind, settlement: opening.settlement, split: earlier }))
    }
}
