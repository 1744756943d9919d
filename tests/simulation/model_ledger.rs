//! The ledger of the auditor: persons, accounts, claims and requests as derived from the journal alone.

use std::collections::BTreeMap;

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::day::Day;
use onestop::domain::ids::{AccountKey, Digest, EntryId};
use onestop::domain::journal::Entry;
use onestop::store::rows::PersonState;

use super::auditor::{CheckResult, ensure};
use super::closings::AdministrationLedger;
use super::scheduler::Time;
use crate::model;
use crate::support::as_model::{is_split, plain};

/// A request id with its scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKey {
    pub hospital: String,
    pub person: String,
    pub request_id: String,
}

impl RequestKey {
    /// The key of a request about this claim.
    pub fn for_claim(claim: &RawClaim, request_id: &str) -> RequestKey {
        let (hospital, person) = (claim.hospital_id.as_str().to_owned(), claim.person_id.as_str().to_owned());
        RequestKey { hospital, person, request_id: request_id.to_owned() }
    }

    /// The key of a request for this reversal.
    pub fn for_reversal(reversal: &RawReversal, request_id: &str) -> RequestKey {
        let (hospital, person) = (reversal.hospital_id.as_str().to_owned(), reversal.person_id.as_str().to_owned());
        RequestKey { hospital, person, request_id: request_id.to_owned() }
    }

    /// The key of a claim at the hospital of this request.
    pub fn claim_key(&self, claim: &str) -> (String, String) {
        (self.hospital.clone(), claim.to_owned())
    }
}

/// A settlement that is not reversed.
pub struct ActiveSettlement {
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

/// The journal chain and accounts of a person.
#[derive(Default)]
pub struct PersonLedger {
    pub version: u64,
    pub head: Option<EntryId>,
    pub chained: Digest,
    pub accounts: Accounts,
    /// Settlements that are not reversed, in commit order.
    pub active: Vec<ActiveSettlement>,
}

/// The time from a settlement of a claim to its reversal.
pub struct SettledPeriod {
    pub settlement: EntryId,
    pub from: Time,
    pub until: Option<Time>,
    pub account: (String, i32),
}

/// The settlements of a claim id, oldest first.
pub struct ClaimHistory {
    pub person: String,
    pub periods: Vec<SettledPeriod>,
}

/// The state that the journal so far adds up to, by the arithmetic of the model.
#[derive(Default)]
pub struct ModelLedger {
    pub persons: BTreeMap<String, PersonLedger>,
    pub claims: BTreeMap<(String, String), ClaimHistory>,
    pub requests: BTreeMap<RequestKey, (EntryId, Time)>,
    /// Settlements in commit order, with hospital and day.
    pub listed_settlements: Vec<(String, Day, EntryId)>,
    /// By person: the time at which each commit became durable, and the accounts after it.
    pub account_history: BTreeMap<String, Vec<(Time, Accounts)>>,
    /// The closed months.
    pub administration: AdministrationLedger,
}

impl ModelLedger {
    /// Records that an entry uses this request id, which no earlier entry may have used.
    pub fn record_request(&mut self, key: &RequestKey, entry: &Entry, at: Time) -> CheckResult {
        let before = self.requests.insert(key.clone(), (entry.id, at));
        ensure(entry.request_id.as_str() == key.request_id, || format!("{} has another request id", entry.id))?;
        ensure(before.is_none(), || format!("request {} is committed twice, by {}", key.request_id, entry.id))
    }

    /// Records that a claim is settled, which must be new or reversed and of the same person.
    pub fn record_settled_claim(&mut self, key: &(String, String), person: &str, id: EntryId, at: Time) -> CheckResult {
        let fresh = ClaimHistory { person: person.to_owned(), periods: Vec::new() };
        let claim = self.claims.entry(key.clone()).or_insert(fresh);
        ensure(claim.person == person, || format!("claim {} is settled for another person", key.1))?;
        let settled = claim.periods.last().is_some_and(|last| last.until.is_none());
        claim.periods.push(SettledPeriod { settlement: id, from: at, until: None, account: (String::new(), 0) });
        ensure(!settled, || format!("claim {} is settled twice, by {id}", key.1))
    }

    /// Records that a claim is reversed, and returns the settlement that it reverses.
    pub fn record_reversed_claim(&mut self, key: &(String, String), person: &str, at: Time) -> Result<EntryId, String> {
        let claim = self.claims.get_mut(key).filter(|claim| claim.person == person);
        let last = claim.and_then(|claim| claim.periods.last_mut()).filter(|last| last.until.is_none());
        let last = last.ok_or_else(|| format!("claim {} is reversed but not settled", key.1))?;
        last.until = Some(at);
        Ok(last.settlement)
    }

    /// Records the current accounts of a person in the history.
    pub fn record_accounts(&mut self, person: &str, at: Time) {
        let Some(known) = self.persons.get(person) else { return };
        self.account_history.entry(person.to_owned()).or_default().push((at, known.accounts.clone()));
        // The account of a settlement is known only after its split is checked.
        for active in &known.active {
            let claim = self.claims.get_mut(&(active.hospital.clone(), active.claim.clone()));
            if let Some(last) = claim.and_then(|claim| claim.periods.last_mut()) {
                last.account = (active.insurance.clone(), active.split.year);
            }
        }
    }

    /// The settlements of a hospital by day and commit order.
    pub fn hospital_list(&self, hospital: &str) -> Vec<EntryId> {
        let mut listed: Vec<_> = self.listed_settlements.iter().filter(|(listed, ..)| listed == hospital).collect();
        listed.sort_by_key(|(_, day, _)| *day);
        listed.into_iter().map(|(.., id)| *id).collect()
    }

    /// The number of commits of a person that became durable between two times.
    pub fn commits_between(&self, person: &str, from: Time, until: Time) -> usize {
        let history = self.account_history.get(person).into_iter().flatten();
        history.filter(|(at, _)| *at >= from && *at <= until).count()
    }
}

impl PersonLedger {
    /// The current account of an insurance and benefit year; empty if there is none.
    pub fn account(&self, insurance: &str, year: i32) -> model::Account {
        self.accounts.get(&(insurance.to_owned(), year)).cloned().unwrap_or_default()
    }

    #[allow(clippy::too_many_arguments)]
    pub fn add_settlement(
        &mut self,
        settlement: EntryId,
        key: &RequestKey,
        claim: &str,
        bill: model::Bill,
        version: model::Person,
        split: model::Split,
        after: model::Account,
    ) {
        let insurance = version.insurance_on(&bill.discharged).to_owned();
        self.accounts.insert((insurance.clone(), split.year), after);
        let (hospital, claim) = (key.hospital.clone(), claim.to_owned());
        self.active.push(ActiveSettlement {
            settlement,
            hospital,
            claim,
            insurance,
            bill,
            version,
            split,
            revisions: 0,
        });
    }

    /// Removes a settlement, and takes it and the later settlements of its account out of the account. Returns the
    /// positions of the later ones.
    pub fn remove_settlement(&mut self, target: EntryId) -> Result<Vec<usize>, String> {
        let at =
            self.active.iter().position(|active| active.settlement == target).ok_or("the settlement is not active")?;
        let removed = self.active.remove(at);
        let key = (removed.insurance.clone(), removed.split.year);
        let later: Vec<usize> = (at..self.active.len())
            .filter(|at| (&self.active[*at].insurance, self.active[*at].split.year) == (&key.0, key.1))
            .collect();
        let mut account = self.account(&key.0, key.1);
        for active in later.iter().rev().map(|at| &self.active[*at]).chain([&removed]) {
            account = model::account_without(&account, &active.split);
        }
        self.accounts.insert(key, account);
        Ok(later)
    }

    /// Checks a revision of the settlement at this position and adds the revised split to the account.
    pub fn revise_settlement(
        &mut self,
        at: usize,
        entry: &Entry,
        book: &model::Book,
        hospital: &model::Hospital,
        catalogue: &[model::CatalogueRow],
    ) -> CheckResult {
        let revised = entry.as_revision().ok_or_else(|| format!("{} is no revision", entry.id))?;
        let active = &self.active[at];
        let is_next = (revised.settlement, revised.number) == (active.settlement, active.revisions + 2);
        ensure(is_next, || format!("{} is not the next revision", entry.id))?;
        let account = |year| self.account(&active.insurance, year);
        let decided = book.settle(&active.bill, &active.version, hospital, catalogue, account);
        let (split, after) = decided.map_err(|refusal| format!("the model refuses {}: {refusal:?}", entry.id))?;
        let correct = is_split(&revised.split, &split, &active.insurance);
        ensure(correct, || format!("the split of revision {} is wrong", entry.id))?;
        let key = (active.insurance.clone(), split.year);
        self.active[at].split = split;
        self.active[at].revisions += 1;
        self.accounts.insert(key, after);
        Ok(())
    }

    /// Checks that a stored state has the version, chain and accounts that the journal adds up to.
    pub fn check_state(&self, state: &PersonState) -> CheckResult {
        let link = (state.version, state.head, state.chained);
        ensure(link == (self.version, self.head, self.chained), || {
            "the state has another version, head or chain".to_owned()
        })?;
        for ((insurance, year), account) in &self.accounts {
            let key = AccountKey { insurance: insurance.as_str().into(), year: *year };
            let stored = plain(&state.account(&key));
            ensure(stored == *account, || format!("the account of {year} is {stored:?}, and should be {account:?}"))?;
        }
        ensure(state.accounts().len() <= self.accounts.len(), || "the state has an account too many".to_owned())
    }
}
