//! The account of a person's benefit year, with the room that each cap leaves.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::ids::AccountKey;
use crate::domain::ids::PersonId;
use crate::domain::money::Money;
use crate::domain::terms::{Cap, TermsKey};
use crate::domain::vocabulary::{Level, Locality, Referral};
use crate::reference::person::PersonRecord;
use crate::store::{Scope, Store};

use super::{Engine, EngineError};

/// Which account, and on what day its caps are looked at.
pub struct AccountName {
    /// Whose.
    pub person_id: PersonId,
    /// Of which insurance and benefit year.
    pub key: AccountKey,
    /// The day whose policy and categories give the caps; the last of the year if none is named.
    pub on: Option<Day>,
}

/// One cap and the room it leaves.
#[derive(Debug)]
pub struct Room {
    /// The cap.
    pub cap: Cap,
    /// What its account has added up to.
    pub used: Money,
    /// What it leaves; `None` where it is lifted.
    pub room: Option<Money>,
}

/// An account as it stands.
#[derive(Debug)]
pub struct AccountView {
    /// The accumulators.
    pub account: Account,
    /// The caps of the policy in force on the day, for the categories held on it.
    pub rooms: Vec<Room>,
    /// That policy's id, if there is one.
    pub policy: Option<Arc<str>>,
}

impl<S: Store> Engine<S> {
    /// An account; one that has not moved yet is empty.
    ///
    /// # Errors
    /// `NOT_FOUND` for a person who is not known and has no account; `INVALID_ARGUMENT` for a year that
    /// is none.
    pub async fn account(&self, name: &AccountName) -> Result<AccountView, EngineError> {
        let on = name
            .on
            .map_or_else(|| Day::new(name.key.year, 12, 31), Ok)
            .map_err(|_| EngineError::invalid("year", FaultReason::NotADay, "is no year"))?;
        let scope = Scope::of_person(&name.person_id);
        let seen = self.store.look_up(scope).await.map_err(EngineError::from_read)?;
        let account = seen.state.account(&name.key);
        let known = seen.person.as_ref().is_some_and(PersonRecord::is_known);
        if !known && account.version == 0 {
            return Err(EngineError::NotFound);
        }
        Ok(self.account_view(account, &name.key, seen.person.as_ref(), on))
    }

    fn account_view(&self, account: Account, key: &AccountKey, person: Option<&PersonRecord>, on: Day) -> AccountView {
        let facts = person.and_then(|person| person.facts(on)).filter(|facts| facts.insurance == key.insurance);
        let book = self.book();
        let policy = facts.as_ref().and_then(|f| book.governing(&f.insurance, &f.insured_region, on, on));
        let mut rooms: Vec<Room> = Vec::new();
        if let (Some(facts), Some(policy)) = (&facts, policy) {
            let circumstances = TermsKey {
                level: Level::Tertiary,
                locality: Locality::Local,
                referral: Referral::None,
                categories: facts.categories,
            };
            for cap in policy.layers.iter().flat_map(|layer| &layer.terms.get(&circumstances).caps) {
                if !rooms.iter().any(|room| room.cap == *cap) {
                    rooms.push(room(cap, &account));
                }
            }
        }
        AccountView { rooms, policy: policy.map(|policy| policy.reference.id.clone()), account }
    }
}

fn room(cap: &Cap, account: &Account) -> Room {
    let used = account.cap(&cap.account);
    Room { room: cap.annual.map(|annual| (annual - used).at_least_zero()), used, cap: cap.clone() }
}
