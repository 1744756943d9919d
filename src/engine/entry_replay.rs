//! Replay of entries for an audit: every split is recomputed from claim, facts and policy on the accounts that the entries
//! before it add up to.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate};
use crate::domain::claim::Claim;
use crate::domain::continuation::Continued;
use crate::domain::facts::Facts;
use crate::domain::ids::{AccountKey, Digest, EntryId};
use crate::domain::invariants;
use crate::domain::journal::{Differences, Entry, EntryKind, Instant, Revision, RevisionCause, Settlement};
use crate::domain::month::Month;
use crate::domain::policy::Policy;
use crate::domain::split::Split;

use super::account_replay::AccountReplay;
use super::booking_check::Closings;
use super::chain::ChainFault;

/// The policies that splits name, by digest.
pub(super) type KeptPolicies = HashMap<Digest, Arc<Policy>>;

/// The replay of entries of one chain.
pub(super) struct EntryReplay<'c> {
    policies: &'c KeptPolicies,
    closings: &'c Closings,
    accounts: AccountReplay<'c>,
    settlements: HashMap<EntryId, SettledFacts<'c>>,
    /// The benefit year of the retroactive run that is being applied.
    run_year: Option<i32>,
}

/// The claim of a settlement, when it was settled, and the facts from which it was decided last.
#[derive(Clone, Copy)]
struct SettledFacts<'c> {
    committed: Instant,
    claim: &'c Claim,
    facts: &'c Facts,
}

impl<'c> SettledFacts<'c> {
    fn new(committed: Instant, settled: &'c Settlement) -> SettledFacts<'c> {
        SettledFacts { committed, claim: &settled.claim, facts: &settled.facts }
    }
}

impl<'c> EntryReplay<'c> {
    /// A replay from the first entry of a chain on.
    pub fn new(policies: &'c KeptPolicies, closings: &'c Closings) -> EntryReplay<'c> {
        let accounts = AccountReplay::default();
        EntryReplay { policies, closings, accounts, settlements: HashMap::new(), run_year: None }
    }

    /// Starts from these accounts, which earlier entries add up to.
    pub fn start_from_accounts(&mut self, accounts: &[(AccountKey, Account)]) {
        self.accounts.start_from(accounts.iter().cloned());
    }

    /// Takes up an earlier entry that later ones rest on; the newest of a settlement last.
    pub fn recall(&mut self, entry: &'c Entry) {
        match &entry.body {
            EntryKind::Settlement(settled) => {
                self.settlements.insert(entry.id, SettledFacts::new(entry.committed, settled));
                self.accounts.recall(entry.id, entry.id, &settled.split);
            }
            EntryKind::Revision(revised) => {
                self.set_facts(revised);
                self.accounts.recall(revised.settlement, entry.id, &revised.split);
            }
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
                let settled_facts = SettledFacts::new(entry.committed, settled);
                let after = self.recompute(settled_facts, &settled.split)?;
                self.settlements.insert(entry.id, settled_facts);
                self.accounts.apply_split(entry.id, entry.id, &settled.split, after);
            }
            EntryKind::Revision(revised) => {
                self.check_booking(entry, revised.settlement, revised.booking_month)?;
                self.apply_revision(entry, revised, following)?;
            }
            EntryKind::Reversal(reversed) => {
                self.accounts.apply_reversal(entry, reversed, following)?;
                self.check_booking(entry, reversed.settlement, reversed.booking_month)?;
            }
            EntryKind::Fence(_) => {}
        }
        Ok(())
    }

    /// Checks the month in which an entry about a settlement is booked.
    fn check_booking(&self, entry: &Entry, settlement: EntryId, booked: Month) -> Result<(), ChainFault> {
        let settled = self.settlements.get(&settlement).ok_or(ChainFault::ReversesUnsettled)?;
        let is_allowed = self.closings.allow(settled.committed, entry.committed, booked);
        if is_allowed { Ok(()) } else { Err(ChainFault::WrongBookingMonth) }
    }

    fn set_facts(&mut self, revised: &'c Revision) {
        if let Some(settled) = self.settlements.get_mut(&revised.settlement) {
            settled.facts = &revised.facts;
        }
    }

    fn apply_revision(
        &mut self,
        entry: &'c Entry,
        revised: &'c Revision,
        following: &[&'c Entry],
    ) -> Result<(), ChainFault> {
        let in_run = !matches!(revised.cause, RevisionCause::Reversal(_));
        if let RevisionCause::RetroactiveRun(run) = &revised.cause {
            self.accounts.begin_run(entry, run, following)?;
            self.run_year = Some(run.benefit_year);
        }
        if in_run {
            self.put_back_unchanged(Some(entry))?;
        }
        let after = self.recompute_revision(revised, in_run)?;
        self.set_facts(revised);
        self.accounts.apply_split(revised.settlement, entry.id, &revised.split, after);
        if in_run { self.put_back_unchanged(None) } else { Ok(()) }
    }

    /// Puts back what a retroactive run decided again without a revision, before a revision or before the next one.
    fn put_back_unchanged(&mut self, before: Option<&Entry>) -> Result<(), ChainFault> {
        while let Some(settlement) = self.accounts.next_unchanged(before)? {
            let settled = *self.settlements.get(&settlement).ok_or(ChainFault::RevisesNoSettlement)?;
            let split = self.accounts.newest_split(settlement).ok_or(ChainFault::TakesOutUndecided)?;
            let after = self.recompute(settled, split)?;
            self.accounts.put_back(split, after);
        }
        Ok(())
    }

    fn recompute_revision(&self, revised: &Revision, in_run: bool) -> Result<Account, ChainFault> {
        let settled = *self.settlements.get(&revised.settlement).ok_or(ChainFault::RevisesNoSettlement)?;
        let looked_up = in_run && self.run_year == Some(revised.split.circumstances.account.year);
        if !looked_up && *settled.facts != revised.facts {
            return Err(ChainFault::WrongFacts);
        }
        let after = self.recompute(SettledFacts { facts: &revised.facts, ..settled }, &revised.split)?;
        let before = self.accounts.split(revised.replaces).ok_or(ChainFault::ReplacesUndecided)?;
        if revised.differences != Differences::between(before, &revised.split) {
            return Err(ChainFault::WrongDifferences);
        }
        Ok(after)
    }

    /// Recomputes a split from claim and facts, and compares it; returns the account after it.
    fn recompute(&self, settled: SettledFacts<'_>, split: &Split) -> Result<Account, ChainFault> {
        invariants::check(split)?;
        let digest = split.circumstances.policy.digest;
        let policy = self.policies.get(&digest).ok_or(ChainFault::PolicyMissing(digest))?;
        let (SettledFacts { claim, facts, .. }, continued) = (settled, self.continued(split)?);
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
