//! Settlements decided again: those of a person in their order, from given facts under given law, on accounts that hold none
//! of them. A retroactive run takes today's facts and the book in use; the impact of another book takes the facts in force.
//!
//! It reads no store and writes nothing.

use std::collections::HashMap;

use crate::domain::account::Account;
use crate::domain::adjudicate::AdjudicationInput;
use crate::domain::claim::Claim;
use crate::domain::continuation::Continued;
use crate::domain::facts::Facts;
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{AccountKey, EntryId};
use crate::domain::money::Money;
use crate::domain::split::Split;
use crate::domain::words::Pool;
use crate::policy::Book;

use super::EngineError;
use super::decide::{checked_split, checked_split_of_pools, policy_in_force};

/// A settlement that is to be decided again.
pub(super) struct Undecided<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The facts from which it is decided.
    pub facts: &'a Facts,
    /// What its bill fell into, if the classes mean under the book what they meant then.
    pub pools: Option<&'a [(Pool, Money)]>,
    /// The settlement that it continues, and how.
    pub continues: Option<(ContinueKind, EntryId)>,
}

/// Why a settlement cannot be decided again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedecisionError {
    /// No policy is in force for it.
    #[error("no policy is in force for it")]
    NoPolicy,
    /// What it continues was neither decided again nor recalled.
    #[error("what it continues is not decided before it")]
    ContinuesUndecided,
    /// A check failed.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

/// The settlements that were decided again so far.
pub(super) struct Redecision<'b> {
    book: &'b Book,
    accounts: Vec<(AccountKey, Account)>,
    /// The accounts in which the person has none of the settlements.
    others: &'b [(AccountKey, Account)],
    continued: HashMap<EntryId, Split>,
}

impl<'b> Redecision<'b> {
    /// Begins under a book with accounts that hold none of the settlements. `others` are all accounts of the person: one into
    /// which a settlement moves, and that is not among the first, is continued as it is.
    pub fn new(
        book: &'b Book,
        accounts: Vec<(AccountKey, Account)>,
        others: &'b [(AccountKey, Account)],
    ) -> Redecision<'b> {
        Redecision { book, accounts, others, continued: HashMap::new() }
    }

    /// Keeps the split of a settlement that others continue.
    pub fn keep(&mut self, settlement: EntryId, split: Split) {
        self.continued.insert(settlement, split);
    }

    /// Whether the split of a settlement is kept.
    pub fn keeps(&self, settlement: EntryId) -> bool {
        self.continued.contains_key(&settlement)
    }

    /// Decides the next settlement, and adds it to its account.
    ///
    /// # Errors
    /// Why it cannot be decided; then the accounts are as before.
    pub fn decide(&mut self, next: &Undecided<'_>) -> Result<Split, RedecisionError> {
        let Undecided { claim, facts, pools, continues } = next;
        let policy = policy_in_force(self.book, claim, facts).ok_or(RedecisionError::NoPolicy)?;
        let continued = continues.map(|(kind, settlement)| {
            let split = self.continued.get(&settlement).ok_or(RedecisionError::ContinuesUndecided)?;
            Ok::<_, RedecisionError>(Continued { kind, settlement, split })
        });
        let input = AdjudicationInput { claim, facts, policy, continued: continued.transpose()? };
        let key = input.account_key();
        let place = self.accounts.iter().position(|(known, _)| *known == key);
        let none = Account::default();
        let other = || self.others.iter().find(|(known, _)| *known == key).map_or(&none, |(_, account)| account);
        let account = place.map_or_else(other, |place| &self.accounts[place].1);
        let (split, after) = match pools {
            Some(pools) => checked_split_of_pools(input, pools, account)?,
            None => checked_split(input, account)?,
        };
        match place {
            Some(place) => self.accounts[place].1 = after,
            None => self.accounts.push((key, after)),
        }
        Ok(split)
    }

    /// The accounts, with the settlements that were decided again.
    pub fn into_accounts(self) -> Vec<(AccountKey, Account)> {
        self.accounts
    }
}
