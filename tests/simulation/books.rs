//! The auditor's books: what each person, claim and request came to, by the journal alone.

use std::collections::BTreeMap;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::{AccountKey, Digest, EntryId};
use onestop::domain::journal::Entry;
use onestop::store::rows::PersonState;

use super::judge::{Verdict, ensure};
use super::scheduler::Time;
use crate::model;
use crate::support::as_model::{is_split, plain};

/// The scope of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelKey {
    pub hospital: String,
    pub person: String,
    pub request: String,
}

impl ModelKey {
    pub fn of(claim: &RawClaim, request: &str) -> ModelKey {
        let (hospital, person) = (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned());
        ModelKey { hospital, person, request: request.to_owned() }
    }

    pub fn of_reversal(told: &RawReversal, request: &str) -> ModelKey {
        let (hospital, person) = (told.hospital_id.as_str().to_owned(), told.person_id.as_str().to_owned());
        ModelKey { hospital, person, request: request.to_owned() }
    }

    pub fn claim(&self, claim: &str) -> (String, String) {
        (self.hospital.clone(), claim.to_owned())
    }
}

/// A settlement that stands.
pub struct Live {
    pub settlement: EntryId,
    pub hospital: String,
    pub claim: String,
    pub insurance: String,
    pub bill: model::Bill,
    pub version: model::Person,
    pub split: model::Split,
    pub revisions: u32,
}

/// By insurance and benefit year.
pub type Accounts = BTreeMap<(String, i32), model::Account>;

/// A person's chain and accounts.
#[derive(Default)]
pub struct Person {
    pub version: u64,
    pub head: Option<EntryId>,
    pub chained: Digest,
    pub accounts: Accounts,
    /// In the order of commits.
    pub live: Vec<Live>,
}

/// A settlement of a claim: for how long it stood.
pub struct Stood {
    pub settlement: EntryId,
    pub from: Time,
    pub until: Option<Time>,
    pub account: (String, i32),
}

/// What became of a claim id.
pub struct Claim {
    pub person: String,
    pub stood: Vec<Stood>,
}

/// All books.
#[derive(Default)]
pub struct Books {
    pub persons: BTreeMap<String, Person>,
    pub claims: BTreeMap<(String, String), Claim>,
    pub requests: BTreeMap<ModelKey, (EntryId, Time)>,
    /// Settlements in the order of commits, with hospital and day.
    pub listed: Vec<(String, Day, EntryId)>,
    /// By person, when each commit became durable, and the accounts then.
    pub history: BTreeMap<String, Vec<(Time, Accounts)>>,
}

impl Books {
    /// A request is used for the first time.
    pub fn uses(&mut self, key: &ModelKey, entry: &Entry, at: Time) -> Verdict {
        let before = self.requests.insert(key.clone(), (entry.id, at));
        ensure(entry.request_id.as_str() == key.request, || format!("{} is of another request", entry.id))?;
        ensure(before.is_none(), || format!("request {} is committed twice, by {}", key.request, entry.id))
    }

    pub fn claim_settled(&mut self, key: &(String, String), person: &str, id: EntryId, at: Time) -> Verdict {
        let fresh = Claim { person: person.to_owned(), stood: Vec::new() };
        let claim = self.claims.entry(key.clone()).or_insert(fresh);
        ensure(claim.person == person, || format!("claim {} goes to another person", key.1))?;
        let stands = claim.stood.last().is_some_and(|last| last.until.is_none());
        claim.stood.push(Stood { settlement: id, from: at, until: None, account: (String::new(), 0) });
        ensure(!stands, || format!("claim {} is settled twice, by {id}", key.1))
    }

    pub fn claim_reversed(&mut self, key: &(String, String), person: &str, at: Time) -> Result<EntryId, String> {
        let claim = self.claims.get_mut(key).filter(|claim| claim.person == person);
        let last = claim.and_then(|claim| claim.stood.last_mut()).filter(|last| last.until.is_none());
        let last = last.ok_or_else(|| format!("claim {} is reversed and does not stand", key.1))?;
        last.until = Some(at);
        Ok(last.settlement)
    }

    /// Notes the accounts of a person as they are now.
    pub fn remember(&mut self, person: &str, at: Time) {
        let Some(known) = self.persons.get(person) else { return };
        self.history.entry(person.to_owned()).or_default().push((at, known.accounts.clone()));
        // In which account a settlement stood is known when its split is.
        for live in &known.live {
            let claim = self.claims.get_mut(&(live.hospital.clone(), live.claim.clone()));
            if let Some(last) = claim.and_then(|claim| claim.stood.last_mut()) {
                last.account = (live.insurance.clone(), live.split.year);
            }
        }
    }

    /// A hospital's settlements by day and order of commit.
    pub fn list(&self, hospital: &str) -> Vec<EntryId> {
        let mut listed: Vec<_> = self.listed.iter().filter(|(of, ..)| of == hospital).collect();
        listed.sort_by_key(|(_, day, _)| *day);
        listed.into_iter().map(|(.., id)| *id).collect()
    }

    /// How many commits of a person became durable between two moments.
    pub fn commits_between(&self, person: &str, from: Time, until: Time) -> usize {
        let history = self.history.get(person).into_iter().flatten();
        history.filter(|(at, _)| *at >= from && *at <= until).count()
    }
}

impl Person {
    pub fn account(&self, insurance: &str, year: i32) -> model::Account {
        self.accounts.get(&(insurance.to_owned(), year)).cloned().unwrap_or_default()
    }

    #[allow(clippy::too_many_arguments)]
    pub fn settle(
        &mut self,
        settlement: EntryId,
        key: &ModelKey,
        claim: &str,
        bill: model::Bill,
        version: model::Person,
        split: model::Split,
        after: model::Account,
    ) {
        let insurance = version.insurance.clone();
        self.accounts.insert((insurance.clone(), split.year), after);
        let (hospital, claim) = (key.hospital.clone(), claim.to_owned());
        self.live.push(Live { settlement, hospital, claim, insurance, bill, version, split, revisions: 0 });
    }

    /// Takes a settlement and the later ones of its account out of the account; gives the places of those.
    pub fn take_out(&mut self, target: EntryId) -> Result<Vec<usize>, String> {
        let at = self.live.iter().position(|live| live.settlement == target).ok_or("it does not stand")?;
        let gone = self.live.remove(at);
        let key = (gone.insurance.clone(), gone.split.year);
        let later: Vec<usize> = (at..self.live.len())
            .filter(|at| (&self.live[*at].insurance, self.live[*at].split.year) == (&key.0, key.1))
            .collect();
        let mut account = self.account(&key.0, key.1);
        for live in later.iter().rev().map(|at| &self.live[*at]).chain([&gone]) {
            account = model::take_out(&account, &live.split, &live.bill);
        }
        self.accounts.insert(key, account);
        Ok(later)
    }

    /// One of the later ones, decided anew.
    pub fn revise(
        &mut self,
        at: usize,
        entry: &Entry,
        book: &model::Book,
        hospital: &model::Hospital,
        catalogue: &[model::CatalogueRow],
    ) -> Verdict {
        let revised = entry.revised().ok_or_else(|| format!("{} is no revision", entry.id))?;
        let live = &self.live[at];
        let is_next = (revised.settlement, revised.number) == (live.settlement, live.revisions + 2);
        ensure(is_next, || format!("{} is not the next revision", entry.id))?;
        let account = |year| self.account(&live.insurance, year);
        let decided = book.settle(&live.bill, &live.version, hospital, catalogue, account);
        let (split, after) = decided.map_err(|no| format!("{} could not be decided: {no:?}", entry.id))?;
        let right = is_split(&revised.split, &split, &live.insurance);
        ensure(right, || format!("the split of revision {} is wrong", entry.id))?;
        let key = (live.insurance.clone(), split.year);
        self.live[at].split = split;
        self.live[at].revisions += 1;
        self.accounts.insert(key, after);
        Ok(())
    }

    /// The accounts are what the journal adds up to.
    pub fn is_as(&self, state: &PersonState) -> Verdict {
        let link = (state.version, state.head, state.chained);
        ensure(link == (self.version, self.head, self.chained), || "the state is at another entry".to_owned())?;
        for ((insurance, year), account) in &self.accounts {
            let key = AccountKey { insurance: insurance.as_str().into(), year: *year };
            let stored = plain(&state.account(&key));
            ensure(stored == *account, || format!("the account of {year} is {stored:?}, and should be {account:?}"))?;
        }
        ensure(state.accounts().len() <= self.accounts.len(), || "an account to spare".to_owned())
    }
}
