//! The account of a person's benefit year, with the room that each cap leaves.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::day::Day;
use crate::domain::fault::FaultReason;
use crate::domain::fixed_words::{Locality, Referral};
use crate::domain::ids::AccountKey;
use crate::domain::ids::PersonId;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::resolution::{InexactTerms, resolve_terms};
use crate::domain::terms::{Cap, Limit, TermsKey};
use crate::domain::words::{Categories, Level};
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

/// One cap, the room it leaves, and the visits that it applies to.
///
/// What a visit will be is not known before it is claimed, so no circumstance is assumed: an account has one room for
/// each distinct limit that the policy sets on it, and a limit that not every visit has says which visits have it.
#[derive(Debug)]
pub struct CapBalance {
    /// The cap.
    pub cap: Cap,
    /// Its limit; `None` where it is lifted.
    pub annual: Option<Money>,
    /// What its account has added up to.
    pub used: Money,
    /// What it leaves; `None` where it is lifted.
    pub room: Option<Money>,
    /// The circumstances of a visit under which the cap applies; empty if it applies under all of them.
    pub circumstances: Vec<VisitCircumstances>,
}

/// The circumstances of a visit that decide the terms of a layer, beside the person's categories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitCircumstances {
    /// The hospital's level.
    pub level: Level,
    /// Within the insured city or not.
    pub locality: Locality,
    /// With which referral.
    pub referral: Referral,
}

impl VisitCircumstances {
    /// Every circumstance of a visit to a hospital of one of these levels.
    fn all<'a>(levels: impl Iterator<Item = &'a Level>) -> Vec<VisitCircumstances> {
        let mut all = Vec::new();
        for level in levels {
            for locality in Locality::ALL {
                for referral in Referral::ALL {
                    let (level, locality, referral) = (level.clone(), *locality, *referral);
                    all.push(VisitCircumstances { level, locality, referral });
                }
            }
        }
        all
    }
}

/// An account as it stands.
#[derive(Debug)]
pub struct AccountView {
    /// The accumulators.
    pub account: Account,
    /// The caps of the policy in force on the day, for the categories held on it and every circumstance of a visit.
    pub rooms: Vec<CapBalance>,
    /// That policy's id, if there is one.
    pub policy: Option<Arc<str>>,
}

impl<S: Store> Engine<S> {
    /// An account; one without settlements is empty.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] for a person who is not known and has no account; [`EngineError::Invalid`] for a year
    /// that is none.
    pub async fn account(&self, name: &AccountName) -> Result<AccountView, EngineError> {
        let last_of_year = Day::new(name.key.year, 12, 31)
            .map_err(|_| EngineError::invalid("year", FaultReason::NotADay, "is no year"))?;
        let on = name.on.unwrap_or(last_of_year);
        let scope = Scope::of_person(&name.person_id);
        let seen = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?;
        let account = seen.state.account(&name.key);
        let known = seen.person.as_ref().is_some_and(PersonRecord::is_known);
        if !known && account.version == 0 {
            return Err(EngineError::NotFound);
        }
        self.account_view(account, &name.key, seen.person.as_ref(), on).map_err(EngineError::broken_invariant)
    }

    fn account_view(
        &self,
        account: Account,
        key: &AccountKey,
        person: Option<&PersonRecord>,
        on: Day,
    ) -> Result<AccountView, InexactTerms> {
        let facts = person.and_then(|person| person.facts(on, on)).filter(|facts| facts.insurance == key.insurance);
        let book = self.book();
        let policy = facts.as_ref().and_then(|f| book.governing(&f.insurance, &f.insured_region, on, on));
        let rooms = match (&facts, policy) {
            (Some(facts), Some(policy)) => {
                let levels = book.vocabulary().levels.iter().map(|(level, _)| level);
                cap_balances(policy, &facts.categories, &account, &VisitCircumstances::all(levels))?
            }
            _ => Vec::new(),
        };
        Ok(AccountView { rooms, policy: policy.map(|policy| policy.reference.id.clone()), account })
    }
}

/// Every distinct annual cap that the layers of a policy have for these categories, in the order of the layers, at
/// hospitals without tags and without a diagnosis.
fn cap_balances(
    policy: &Policy,
    categories: &Categories,
    account: &Account,
    every: &[VisitCircumstances],
) -> Result<Vec<CapBalance>, InexactTerms> {
    let mut rooms: Vec<CapBalance> = Vec::new();
    for (layer, circumstances) in policy.layers.iter().flat_map(|layer| every.iter().map(move |c| (layer, c))) {
        let VisitCircumstances { level, locality, referral } = circumstances.clone();
        let (tags, diseases) = Default::default();
        let key = TermsKey { level, locality, referral, tags, diseases, categories: categories.clone() };
        let terms = resolve_terms(&layer.rule, &key)?;
        for cap in terms.caps.iter().filter(|cap| !cap.limit.is_per_claim()) {
            match rooms.iter_mut().find(|room| room.cap == *cap) {
                Some(room) if room.circumstances.contains(circumstances) => {}
                Some(room) => room.circumstances.push(circumstances.clone()),
                None => rooms.push(cap_balance(cap, account, circumstances)),
            }
        }
    }
    for room in &mut rooms {
        if room.circumstances.len() == every.len() {
            room.circumstances.clear();
        }
    }
    Ok(rooms)
}

fn cap_balance(cap: &Cap, account: &Account, circumstances: &VisitCircumstances) -> CapBalance {
    let used = account.cap_used(&cap.account);
    let annual = match cap.limit {
        Limit::Annual(annual) => annual,
        Limit::PerClaim(_) | Limit::ShareOfClaim(_) => None,
    };
    let room = annual.map(|annual| (annual - used).at_least_zero());
    CapBalance { annual, room, used, cap: cap.clone(), circumstances: vec![circumstances.clone()] }
}
