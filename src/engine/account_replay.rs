//! What a chain's entries add up to, one entry after the other: accounts, and the splits that they rest on.
//!
//! It does not decide what a split should be; who adds one says what the account is after it.

use std::collections::HashMap;

use crate::domain::account::Account;
use crate::domain::ids::{AccountKey, EntryId};
use crate::domain::journal::{Entry, Reversal, Revision};
use crate::domain::split::Split;

use super::chain::Stored;

/// A chain's entries so far.
#[derive(Default)]
pub(super) struct AccountReplay<'c> {
    accounts: HashMap<AccountKey, Account>,
    splits: HashMap<EntryId, &'c Split>,
    newest: HashMap<EntryId, EntryId>,
}

impl<'c> AccountReplay<'c> {
    /// The accounts that moved.
    pub fn accounts(&self) -> &HashMap<AccountKey, Account> {
        &self.accounts
    }

    /// The account of a benefit year; an empty one if it has not moved yet.
    pub fn account(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_default()
    }

    /// What an earlier entry decided.
    pub fn split(&self, id: EntryId) -> Option<&'c Split> {
        self.splits.get(&id).copied()
    }

    /// Notes what this entry decided of a settlement, and the account after it.
    pub fn decided(&mut self, settlement: EntryId, entry: EntryId, split: &'c Split, after: Account) {
        self.accounts.insert(split.circumstances.account.clone(), after);
        self.splits.insert(entry, split);
        self.newest.insert(settlement, entry);
    }

    /// A reversal takes its settlement out, and before it the later ones that the following entries decide anew.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn taken_out(&mut self, entry: &Entry, reversed: &Reversal, following: &[Stored]) -> Result<(), String> {
        let anew = following.get(..reversed.revisions.len()).unwrap_or_default();
        let named = anew.iter().map(|stored| stored.entry.id).eq(reversed.revisions.iter().copied());
        let revised: Vec<&Revision> = anew.iter().filter_map(|stored| stored.entry.revised()).collect();
        if !named || revised.len() != anew.len() || revised.iter().any(|revised| revised.reversal != entry.id) {
            return Err("its revisions do not follow it".to_owned());
        }
        let newest = self.newest.get(&reversed.settlement).copied().ok_or("reverses what was not settled before")?;
        let replaced = revised.iter().rev().map(|revised| revised.replaces).chain([newest]);
        let mut account = self.account(&reversed.account);
        for id in replaced {
            let split = self.split(id).ok_or("takes out what was not decided before")?;
            account = account.without_settlement(split).map_err(|range| range.to_string())?;
        }
        self.accounts.insert(reversed.account.clone(), account);
        Ok(())
    }
}
