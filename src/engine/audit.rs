//! The audit: every chain is read, every record checked, and every split recomputed from the journal under the policy that
//! it names. The derived rows must equal what the entries add up to.
//!
//! It only reads. It trusts the digests of records and policies, and nothing derived.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::ids::Digest;
use crate::domain::journal::{Entry, EntryKind};
use crate::domain::policy::Policy;
use crate::store::rows::PersonState;
use crate::store::{LookUp, Scope, Store, StoreError};

use super::administration_chain::read_administration;
use super::booking_check::Closings;
use super::chain::{self, AuditFinding, ChainFault, StoredEntry};
use super::entry_replay::{EntryReplay, KeptPolicies};

/// A verified chain.
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    /// The digest of each record, from the first entry on.
    pub digests: Vec<Digest>,
    /// The number of splits that were recomputed.
    pub splits: usize,
}

/// An audit of a store; many chains can be verified at once.
pub struct Audit<'a, S> {
    store: &'a S,
    policies: Mutex<Arc<KeptPolicies>>,
    closings: OnceCell<Closings>,
}

impl<'a, S: Store> Audit<'a, S> {
    /// An audit of this store.
    pub fn new(store: &'a S) -> Audit<'a, S> {
        Audit { store, policies: Mutex::default(), closings: OnceCell::new() }
    }

    /// Verifies one person's chain and the rows derived from it.
    ///
    /// # Errors
    /// The first finding.
    pub async fn verify_person(&self, state: &PersonState) -> Result<VerifiedChain, AuditFinding> {
        let mut verified = self.verify_persons(std::slice::from_ref(state)).await;
        verified.pop().unwrap_or_else(|| Err(AuditFinding::about_person(state, "was not read")))
    }

    /// Verifies several persons' chains and the rows derived from them, which are read together. The records of all of them
    /// are held in memory.
    ///
    /// # Errors
    /// The first finding of each.
    pub async fn verify_persons(&self, states: &[PersonState]) -> Vec<Result<VerifiedChain, AuditFinding>> {
        let chains = chain::read_chains(self.store, states).await;
        let (mut verified, mut rows) = (Vec::with_capacity(chains.len()), Vec::new());
        for (chain, state) in chains.iter().zip(states) {
            verified.push(match chain {
                Ok(chain) => self.replay(chain, state).await,
                Err(finding) => Err(finding.clone()),
            });
        }
        for (at, chain) in chains.iter().enumerate().filter(|(at, _)| verified[*at].is_ok()) {
            rows.extend(chain.iter().flatten().map(|stored| (at, &stored.entry)));
        }
        let scopes: Vec<Scope<'_>> = rows.iter().map(|(_, entry)| scope_of_rows(entry)).collect();
        for ((at, entry), seen) in rows.into_iter().zip(self.store.look_ups(&scopes).await) {
            let checked = seen.map_err(ChainFault::from).and_then(|seen| check_rows(entry, &states[at], &seen));
            if let (Ok(_), Err(fault)) = (&verified[at], checked) {
                verified[at] = Err(AuditFinding::about_entry(entry.id, fault));
            }
        }
        verified
    }

    /// Recomputes the splits of a chain, and the accounts that its entries give.
    async fn replay(&self, chain: &[StoredEntry], state: &PersonState) -> Result<VerifiedChain, AuditFinding> {
        let policies = self.policies_of(chain).await.map_err(|error| AuditFinding::about_person(state, error))?;
        let entries: Vec<&Entry> = chain.iter().map(|stored| &stored.entry).collect();
        let closings = self.closings.get_or_try_init(|| self.read_closings()).await?;
        let (mut replay, mut splits) = (EntryReplay::new(&policies, closings), 0);
        for (at, entry) in entries.iter().enumerate() {
            let applied = replay.apply(entry, &entries[at + 1..]);
            applied.map_err(|fault| AuditFinding::about_entry(entry.id, fault))?;
            splits += usize::from(entry.split().is_some());
        }
        let accounts = replay.accounts();
        let moved = accounts.values().filter(|account| account.version > 0).count();
        if state.accounts().len() != moved {
            return Err(AuditFinding::about_person(state, "there are accounts that the chain does not change"));
        }
        if state.accounts().iter().any(|(key, account)| accounts.get(key) != Some(account)) {
            return Err(AuditFinding::about_person(state, "an account differs from what the chain adds up to"));
        }
        Ok(VerifiedChain { digests: chain.iter().map(|stored| stored.digest).collect(), splits })
    }

    /// Follows several persons' chains, without recomputing their splits and rows.
    ///
    /// # Errors
    /// The first finding of each.
    pub async fn follow_chains(&self, states: &[PersonState]) -> Vec<Result<VerifiedChain, AuditFinding>> {
        let followed = |chain: Vec<StoredEntry>| VerifiedChain {
            digests: chain.iter().map(|stored| stored.digest).collect(),
            splits: 0,
        };
        let chains = chain::read_chains(self.store, states).await;
        chains.into_iter().map(|chain| chain.map(followed)).collect()
    }

    async fn read_closings(&self) -> Result<Closings, AuditFinding> {
        Ok(Closings::of(&read_administration(self.store).await?))
    }

    /// The policies that the splits of a chain name, as far as the store has them.
    async fn policies_of(&self, chain: &[StoredEntry]) -> Result<Arc<KeptPolicies>, StoreError> {
        let known = || Arc::clone(&self.policies.lock().unwrap_or_else(PoisonError::into_inner));
        for split in chain.iter().filter_map(|stored| stored.entry.split()) {
            let digest = split.circumstances.policy.digest;
            if known().contains_key(&digest) {
                continue;
            }
            let policy = kept_policy(self.store, digest).await?;
            let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut policies).extend(policy.map(|policy| (digest, policy)));
        }
        Ok(known())
    }
}

/// The rows of an entry: those of its person, its request and its claim.
fn scope_of_rows(entry: &Entry) -> Scope<'_> {
    let (hospital_id, person_id) = entry.parties();
    let claim_id = match &entry.body {
        EntryKind::Settlement(settled) => Some(&settled.claim.claim_id),
        EntryKind::Reversal(reversed) => Some(&reversed.claim_id),
        EntryKind::Revision(revised) => Some(&revised.claim_id),
        EntryKind::Fence(_) => None,
    };
    let mut scope = Scope::of_person(person_id).with_request(entry.request_hospital(), &entry.request_id);
    scope.claim = hospital_id.zip(claim_id);
    scope
}

/// Checks the rows of an entry: its person has this chain, its request leads to it, and its claim has its status.
fn check_rows(entry: &Entry, state: &PersonState, seen: &LookUp) -> Result<(), ChainFault> {
    if seen.state != *state {
        return Err(ChainFault::PersonRow);
    }
    // A revision carries the request of the reversal or of the first revision of the run that made it, and a reversal
    // that of the correction that it is part of.
    let correction = entry.as_reversal().and_then(|reversed| reversed.correction);
    let is_of_request = entry.as_revision().is_none() || entry.retroactive_run().is_some();
    if is_of_request && seen.request != Some(correction.unwrap_or(entry.id)) {
        return Err(ChainFault::RequestRow);
    }
    let known = |settlement| seen.claim.as_ref().and_then(|row| row.status_of(settlement));
    let is_known = match &entry.body {
        EntryKind::Settlement(_) => known(entry.id).is_some(),
        EntryKind::Reversal(reversed) => {
            known(reversed.settlement).is_some_and(|status| status.reversal == Some(entry.id))
        }
        EntryKind::Revision(revised) => {
            known(revised.settlement).is_some_and(|status| status.revisions.contains(&entry.id))
        }
        EntryKind::Fence(_) => true,
    };
    if is_known { Ok(()) } else { Err(ChainFault::ClaimRow) }
}

/// A policy as the store keeps it; `None` if it has none, or another one.
pub(super) async fn kept_policy<S: Store>(store: &S, digest: Digest) -> Result<Option<Arc<Policy>>, StoreError> {
    let policy = store.policy(digest).await?.and_then(|text| Policy::from_kept(&text, digest));
    Ok(policy.map(Arc::new))
}
