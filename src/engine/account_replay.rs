//! Replay of a chain: the accounts that its entries add up to, and the splits that they rest on.
//!
//! It does not recompute splits: the caller passes the account after each split.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::account::Account;
use crate::domain::ids::{AccountKey, EntryId};
use crate::domain::journal::{DecidedAgain, Entry, RetroactiveRun, Reversal, Revision, RevisionCause};
use crate::domain::split::Split;

use super::chain::ChainFault;

/// The replay of the entries so far.
#[derive(Default)]
pub(super) struct AccountReplay<'c> {
    accounts: HashMap<AccountKey, Account>,
    splits: HashMap<EntryId, &'c Split>,
    newest: HashMap<EntryId, EntryId>,
    /// What a retroactive run took out and did not decide again yet.
    taken_out: VecDeque<DecidedAgain>,
}

impl<'c> AccountReplay<'c> {
    /// Starts from these accounts.
    pub fn start_from(&mut self, accounts: impl IntoIterator<Item = (AccountKey, Account)>) {
        self.accounts.extend(accounts);
    }

    /// Takes up the split of an earlier entry to a settlement; a later one of the same settlement replaces it as the
    /// newest.
    pub fn recall(&mut self, settlement: EntryId, entry: EntryId, split: &'c Split) {
        self.splits.insert(entry, split);
        self.newest.insert(settlement, entry);
    }

    /// All accounts.
    pub fn accounts(&self) -> &HashMap<AccountKey, Account> {
        &self.accounts
    }

    /// The account of a benefit year; an empty one if nothing was settled in it.
    pub fn account(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_default()
    }

    /// The split of an earlier entry.
    pub fn split(&self, id: EntryId) -> Option<&'c Split> {
        self.splits.get(&id).copied()
    }

    /// The split in force of a settlement.
    pub fn newest_split(&self, settlement: EntryId) -> Option<&'c Split> {
        self.newest.get(&settlement).and_then(|entry| self.split(*entry))
    }

    /// Applies the split of an entry to a settlement; `after` is the account after it.
    pub fn apply_split(&mut self, settlement: EntryId, entry: EntryId, split: &'c Split, after: Account) {
        self.accounts.insert(split.circumstances.account.clone(), after);
        self.recall(settlement, entry, split);
    }

    /// Applies a reversal: takes out its settlement, and the later ones that the following entries revise.
    ///
    /// # Errors
    /// What is inconsistent.
    pub fn apply_reversal(
        &mut self,
        entry: &Entry,
        reversed: &Reversal,
        following: &[&Entry],
    ) -> Result<(), ChainFault> {
        let others = reversed.revisions.len() + usize::from(reversed.correction.is_some());
        let following = following.get(..others).unwrap_or_default().iter();
        // A correction stands before the revisions of what continues it.
        let revisions: Vec<&&Entry> = following.filter(|entry| Some(entry.id) != reversed.correction).collect();
        let listed = revisions.iter().map(|entry| entry.id).eq(reversed.revisions.iter().copied());
        let revised: Vec<&Revision> = revisions.iter().filter_map(|entry| entry.as_revision()).collect();
        if !listed
            || revised.len() != revisions.len()
            || revised.iter().any(|revised| revised.cause != RevisionCause::Reversal(entry.id))
        {
            return Err(ChainFault::RevisionsMissing);
        }
        let newest = self.newest.get(&reversed.settlement).copied().ok_or(ChainFault::ReversesUnsettled)?;
        let replaced = revised.iter().rev().map(|revised| revised.replaces).chain([newest]);
        for id in replaced {
            let split = self.split(id).ok_or(ChainFault::TakesOutUndecided)?;
            self.take_out(split)?;
        }
        Ok(())
    }

    fn take_out(&mut self, split: &Split) -> Result<(), ChainFault> {
        let key = &split.circumstances.account;
        let account = self.account(key).without_settlement(split)?;
        self.accounts.insert(key.clone(), account);
        Ok(())
    }

    /// Begins a retroactive run: takes out all settlements that it decides again, the last one first.
    ///
    /// # Errors
    /// What is inconsistent.
    pub fn begin_run(&mut self, first: &Entry, run: &RetroactiveRun, following: &[&Entry]) -> Result<(), ChainFault> {
        let later = following.get(..run.revisions().count().saturating_sub(1)).ok_or(ChainFault::RunIncomplete)?;
        let is_later = |entry: &&Entry| {
            entry.as_revision().is_some_and(|revised| revised.cause == RevisionCause::LaterInRun(first.id))
        };
        let listed = run.revisions().eq([first.id].into_iter().chain(later.iter().map(|entry| entry.id)));
        let mut distinct = HashSet::new();
        if !listed || !later.iter().all(is_later) || !run.decided.iter().all(|one| distinct.insert(one.settlement)) {
            return Err(ChainFault::RunIncomplete);
        }
        for decided in run.decided.iter().rev() {
            let split = self.newest_split(decided.settlement).ok_or(ChainFault::TakesOutUndecided)?;
            self.take_out(split)?;
        }
        self.taken_out = run.decided.iter().copied().collect();
        Ok(())
    }

    /// The next settlement that a retroactive run decided again without a revision, before this revision; or, without one,
    /// before the next revision.
    ///
    /// # Errors
    /// If the revision is not the next one of the run.
    pub fn next_unchanged(&mut self, before: Option<&Entry>) -> Result<Option<EntryId>, ChainFault> {
        match (self.taken_out.front().copied(), before) {
            (Some(DecidedAgain { settlement, revision: None }), _) => {
                self.taken_out.pop_front();
                Ok(Some(settlement))
            }
            (_, None) => Ok(None),
            (Some(next), Some(entry)) if next.revision == Some(entry.id) => {
                self.taken_out.pop_front();
                let fits = entry.as_revision().is_some_and(|revised| revised.settlement == next.settlement);
                if fits { Ok(None) } else { Err(ChainFault::RunIncomplete) }
            }
            (_, Some(_)) => Err(ChainFault::OutsideRun),
        }
    }

    /// Puts a settlement that was taken out back with its split in force; `after` is the account after it.
    pub fn put_back(&mut self, split: &Split, after: Account) {
        self.accounts.insert(split.circumstances.account.clone(), after);
    }
}
