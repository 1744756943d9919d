//! The rows beside the journal: what a person's entries add up to, and what became of a claim id.

use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::ids::AccountKey;
use crate::domain::ids::{Digest, EntryId, PersonId};
use crate::domain::journal::{Entry, Link};

/// A person's accounts, and the end of their chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    /// How many entries the chain has; 0 means that there is none yet. The first field: a commit compares
    /// it without reading the rest.
    pub version: u64,
    /// The last entry.
    pub head: Option<EntryId>,
    /// The digest of the last entry as stored.
    pub chained: Digest,
    accounts: Vec<(AccountKey, Account)>,
}

impl PersonState {
    /// The account of a benefit year; an empty one if it has not moved yet.
    pub fn account(&self, key: &AccountKey) -> Account {
        let known = self.accounts.iter().find(|(known, _)| known == key);
        known.map(|(_, account)| account.clone()).unwrap_or_default()
    }

    /// All accounts.
    pub fn accounts(&self) -> &[(AccountKey, Account)] {
        &self.accounts
    }

    /// The state after an entry whose record has this digest, and after the account that it moved.
    #[must_use]
    pub fn after(mut self, entry: &Entry, chained: Digest, moved: Option<(AccountKey, Account)>) -> PersonState {
        if let Some((key, account)) = moved {
            match self.accounts.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = account,
                None => self.accounts.push((key, account)),
            }
        }
        PersonState { version: entry.link.number, head: Some(entry.id), chained, accounts: self.accounts }
    }

    /// Where the next entry stands in the chain.
    pub fn next(&self) -> Link {
        Link { number: self.version + 1, previous: self.head, chained: self.chained }
    }
}

/// What became of a claim id. Its first commit binds it to the person for ever.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    /// For whom it was settled.
    pub person_id: PersonId,
    /// Every settlement of it, oldest first, with its reversal; only the last may have none.
    pub settlements: Vec<(EntryId, Option<EntryId>)>,
}

crate::domain::ids::silent_debug!(ClaimRow);

impl ClaimRow {
    /// The settlement that stands, if one does.
    pub fn live(&self) -> Option<EntryId> {
        self.settlements.last().filter(|(_, reversal)| reversal.is_none()).map(|(settlement, _)| *settlement)
    }
}
