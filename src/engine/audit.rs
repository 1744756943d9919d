//! The audit: every person's chain is walked, every record checked, and every split recomputed from the journal
//! under the policy that it names; what the entries add up to must be what the rows beside them say.
//!
//! It reads only. It trusts the records' digests, the policies kept by digest, and nothing that was derived.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{Matter, adjudicate};
use crate::domain::ids::{AccountKey, Digest, EntryId};
use crate::domain::invariants;
use crate::domain::journal::{Deed, Differences, Entry, Reversed, Revised, Settled};
use crate::domain::policy::Policy;
use crate::domain::split::Split;
use crate::policy::resolve::resolve;
use crate::policy::rule::PolicyRule;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store, StoreError};

/// What does not hold, and of which entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}: {told}")]
pub struct Difference {
    /// The entry at which it was noticed.
    pub entry: EntryId,
    /// What does not hold.
    pub told: String,
}

/// A chain that holds.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The digest of each record, from the first entry on.
    pub digests: Vec<Digest>,
    /// How many splits were recomputed.
    pub splits: usize,
}

/// An audit of a store.
pub struct Audit<'a, S> {
    store: &'a S,
    policies: HashMap<Digest, Arc<Policy>>,
}

/// A chain's entries so far, and what they add up to.
#[derive(Default)]
struct Sums {
    accounts: HashMap<AccountKey, Account>,
    splits: HashMap<EntryId, Split>,
    newest: HashMap<EntryId, EntryId>,
}

impl<'a, S: Store> Audit<'a, S> {
    /// Of this store.
    pub fn of(store: &'a S) -> Audit<'a, S> {
        Audit { store, policies: HashMap::new() }
    }

    /// One person's chain, by the state that is kept of it.
    ///
    /// # Errors
    /// The first difference.
    pub async fn chain(&mut self, state: &PersonState) -> Result<Chain, Difference> {
        let (entries, digests) = self.walked(state).await?;
        let mut sums = Sums::default();
        for (at, entry) in entries.iter().enumerate() {
            self.take(&mut sums, entry, &entries[at + 1..])
                .await
                .map_err(|told| Difference { entry: entry.id, told })?;
        }
        let head = state.head.unwrap_or(EntryId([0; 16]));
        let differs = |told: &str| Difference { entry: head, told: told.to_owned() };
        let moved = sums.accounts.iter().filter(|(_, account)| account.version > 0).count();
        if state.accounts().len() != moved {
            return Err(differs("there are other accounts than the chain moved"));
        }
        if state.accounts().iter().any(|(key, account)| sums.accounts.get(key) != Some(account)) {
            return Err(differs("an account is not what the chain adds up to"));
        }
        for entry in &entries {
            self.rows(entry).await.map_err(|told| Difference { entry: entry.id, told })?;
        }
        Ok(Chain { digests, splits: sums.splits.len() })
    }

    /// The entries, oldest first, each the one that the next was chained to.
    async fn walked(&self, state: &PersonState) -> Result<(Vec<Entry>, Vec<Digest>), Difference> {
        let (mut entries, mut digests) = (Vec::new(), Vec::new());
        let (mut next, mut chained, mut number) = (state.head, state.chained, state.version);
        while let Some(id) = next {
            let differs = |told: &str| Difference { entry: id, told: told.to_owned() };
            let read = self.store.entry_with_digest(id).await;
            let (entry, digest) =
                read.map_err(|error| differs(&error.to_string()))?.ok_or_else(|| differs("is not there"))?;
            if digest != chained {
                return Err(differs("is not what the chain was continued from"));
            }
            if entry.id != id || entry.link.number != number {
                return Err(differs("stands at another place of the chain"));
            }
            (next, chained, number) = (entry.link.previous, entry.link.chained, number - 1);
            entries.push(entry);
            digests.push(digest);
        }
        if number != 0 || chained != Digest::default() {
            let entry = entries.last().map_or(EntryId([0; 16]), |entry| entry.id);
            return Err(Difference { entry, told: "the chain does not begin where it should".to_owned() });
        }
        entries.reverse();
        digests.reverse();
        Ok((entries, digests))
    }

    async fn take(&mut self, sums: &mut Sums, entry: &Entry, following: &[Entry]) -> Result<(), String> {
        match &entry.deed {
            Deed::Settled(settled) => {
                self.recomputed(sums, settled, &settled.split).await?;
                sums.splits.insert(entry.id, settled.split.clone());
                sums.newest.insert(entry.id, entry.id);
            }
            Deed::Revised(revised) => self.revised(sums, entry, revised).await?,
            Deed::Reversed(reversed) => taken_out(sums, entry, reversed, following)?,
            Deed::Fenced(_) => {}
        }
        Ok(())
    }

    async fn revised(&mut self, sums: &mut Sums, entry: &Entry, revised: &Revised) -> Result<(), String> {
        let settlement = self.store.entry(revised.settlement).await.map_err(|error| error.to_string())?;
        let settled = settlement.as_ref().and_then(Entry::settled).ok_or("revises what is no settlement")?;
        self.recomputed(sums, settled, &revised.split).await?;
        let before = sums.splits.get(&revised.replaces).ok_or("replaces what was not decided before")?;
        if revised.differences != Differences::between(before, &revised.split) {
            return Err("names other differences than there are".to_owned());
        }
        sums.splits.insert(entry.id, revised.split.clone());
        sums.newest.insert(revised.settlement, entry.id);
        Ok(())
    }

    /// The split that claim and facts give on the account as it is; the account moves.
    async fn recomputed(&mut self, sums: &mut Sums, settled: &Settled, split: &Split) -> Result<(), String> {
        invariants::check(split).map_err(|broken| broken.to_string())?;
        let policy = self.policy(split.judged.policy.digest).await?;
        let matter = Matter { claim: &settled.claim, facts: &settled.facts, policy: &policy };
        let account = sums.accounts.entry(split.judged.account.clone()).or_default();
        let (again, after) = adjudicate(matter, account).map_err(|range| range.to_string())?;
        if again != *split {
            return Err("its split is not what claim, facts and policy give".to_owned());
        }
        *account = after;
        Ok(())
    }

    async fn policy(&mut self, digest: Digest) -> Result<Arc<Policy>, String> {
        if let Some(policy) = self.policies.get(&digest) {
            return Ok(Arc::clone(policy));
        }
        let text = self.store.policy(digest).await.map_err(|error| error.to_string())?;
        let rule: Option<PolicyRule> = text.and_then(|text| serde_json::from_str(&text).ok());
        let rule = rule.filter(|rule| rule.digest() == digest).ok_or_else(|| format!("policy {digest} is not kept"))?;
        let policy = Arc::new(resolve(&rule).map_err(|inexact| inexact.to_string())?);
        self.policies.insert(digest, Arc::clone(&policy));
        Ok(policy)
    }

    /// What stands beside an entry: its request leads to it, and its claim knows what became of it.
    async fn rows(&self, entry: &Entry) -> Result<(), String> {
        let (hospital_id, person_id) = entry.parties();
        let claim_id = match &entry.deed {
            Deed::Settled(settled) => Some(&settled.claim.claim_id),
            Deed::Reversed(reversed) => Some(&reversed.claim_id),
            Deed::Revised(revised) => Some(&revised.claim_id),
            Deed::Fenced(_) => None,
        };
        let scope = Scope { hospital_id, person_id, request_id: Some(&entry.request_id), claim_id };
        let seen = self.store.look_up(scope).await.map_err(|error: StoreError| error.to_string())?;
        // A revision carries the request of the reversal that made it.
        if entry.revised().is_none() && seen.request != Some(entry.id) {
            return Err("its request does not lead to it".to_owned());
        }
        let known = |settlement| seen.claim.as_ref().and_then(|row| row.of(settlement));
        let told = match &entry.deed {
            Deed::Settled(_) => known(entry.id).is_some(),
            Deed::Reversed(reversed) => {
                known(reversed.settlement).is_some_and(|standing| standing.reversal == Some(entry.id))
            }
            Deed::Revised(revised) => {
                known(revised.settlement).is_some_and(|standing| standing.revisions.contains(&entry.id))
            }
            Deed::Fenced(_) => true,
        };
        if told { Ok(()) } else { Err("its claim does not know of it".to_owned()) }
    }
}

/// A reversal takes its settlement out, and before it the later ones that the following entries decide anew.
fn taken_out(sums: &mut Sums, entry: &Entry, reversed: &Reversed, following: &[Entry]) -> Result<(), String> {
    let anew = following.get(..reversed.revisions.len()).unwrap_or_default();
    let named = anew.iter().map(|entry| entry.id).eq(reversed.revisions.iter().copied());
    let revised: Vec<&Revised> = anew.iter().filter_map(Entry::revised).collect();
    if !named || revised.len() != anew.len() || revised.iter().any(|revised| revised.reversal != entry.id) {
        return Err("its revisions do not follow it".to_owned());
    }
    let newest = sums.newest.get(&reversed.settlement).copied().ok_or("reverses what was not settled before")?;
    let replaced = revised.iter().rev().map(|revised| revised.replaces).chain([newest]);
    for id in replaced {
        let split = sums.splits.get(&id).ok_or("takes out what was not decided before")?;
        let account = sums.accounts.entry(reversed.account.clone()).or_default();
        *account = account.without(split).map_err(|range| range.to_string())?;
    }
    Ok(())
}
