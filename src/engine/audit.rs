//! The audit: every chain is read, every record checked, and every split recomputed from the journal under the policy that
//! it names. The derived rows must equal what the entries add up to.
//!
//! It only reads. It trusts the digests of records and policies, and nothing derived. What takes processor time runs on
//! threads of the runtime, so that several calls verify on as many cores; without a runtime it runs where it is called.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::domain::ids::Digest;
use crate::domain::policy::Policy;
use crate::store::rows::PersonState;
use crate::store::{Scope, Store, StoreError};

use super::administration_chain::read_administration;
use super::booking_check::Closings;
use super::chain::{self, AuditFinding, StoredEntry};
pub use super::chain_check::VerifiedChain;
use super::chain_check::{CheckedChain, check_chain, check_rows};
use super::entry_replay::KeptPolicies;

/// An audit of a store; many chains can be verified at once.
pub struct Audit<'a, S> {
    store: &'a S,
    policies: Mutex<Arc<KeptPolicies>>,
    closings: OnceCell<Arc<Closings>>,
}

/// The entries of each chain, or the first finding of it.
type Chains = Vec<Result<Vec<StoredEntry>, AuditFinding>>;

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
        let mut verified = self.verify_persons(vec![state.clone()]).await;
        verified.pop().unwrap_or_else(|| Err(AuditFinding::about_person(state, "was not read")))
    }

    /// Verifies several persons' chains and the rows derived from them, which are read together. The records of all of them
    /// are held in memory.
    ///
    /// # Errors
    /// The first finding of each.
    pub async fn verify_persons(&self, states: Vec<PersonState>) -> Vec<Result<VerifiedChain, AuditFinding>> {
        let states: Arc<[PersonState]> = states.into();
        let checked = async {
            let chains = self.read_chains(&states).await?;
            let policies = self.policies_of(&chains).await?;
            let closings = Arc::clone(self.closings.get_or_try_init(|| self.read_closings()).await?);
            let of = Arc::clone(&states);
            let check = move || {
                let check = |(chain, state): (Result<Vec<StoredEntry>, AuditFinding>, &PersonState)| {
                    check_chain(chain?, state, &policies, &closings)
                };
                chains.into_iter().zip(&*of).map(check).collect()
            };
            on_another_thread(check).await.map_err(AuditFinding::from)
        };
        match checked.await {
            Ok(checked) => self.compare_rows(checked, &states).await,
            Err(finding) => states.iter().map(|_| Err(finding.clone())).collect(),
        }
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
        match self.read_chains(states).await {
            Ok(chains) => chains.into_iter().map(|chain| chain.map(followed)).collect(),
            Err(finding) => states.iter().map(|_| Err(finding.clone())).collect(),
        }
    }

    /// Reads chains, and verifies every link.
    async fn read_chains(&self, states: &[PersonState]) -> Result<Chains, AuditFinding> {
        let read = chain::read_chains(self.store, states).await;
        let verify = move || read.into_iter().map(chain::ReadChain::verified).collect();
        Ok(on_another_thread(verify).await?)
    }

    /// Compares the rows of persons with those that their chains give.
    async fn compare_rows(
        &self,
        checked: Vec<Result<CheckedChain, AuditFinding>>,
        states: &[PersonState],
    ) -> Vec<Result<VerifiedChain, AuditFinding>> {
        let scopes: Vec<Vec<Scope<'_>>> =
            checked.iter().flatten().map(|chain| chain.rows.iter().map(|row| row.scope()).collect()).collect();
        let mut found = self.store.rows_of_persons(&scopes).await.into_iter();
        let mut verified = Vec::with_capacity(states.len());
        for (chain, state) in checked.iter().zip(states) {
            verified.push(match chain {
                Err(finding) => Err(finding.clone()),
                Ok(chain) => check_rows(chain, state, found.next()).map(|()| chain.verified.clone()),
            });
        }
        verified
    }

    async fn read_closings(&self) -> Result<Arc<Closings>, AuditFinding> {
        Ok(Arc::new(Closings::of(&read_administration(self.store).await?)))
    }

    /// The policies that the splits of chains name, as far as the store has them.
    async fn policies_of(&self, chains: &Chains) -> Result<Arc<KeptPolicies>, StoreError> {
        let known = || Arc::clone(&self.policies.lock().unwrap_or_else(PoisonError::into_inner));
        for split in chains.iter().flatten().flatten().filter_map(|stored| stored.entry.split()) {
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

/// Does work on another thread of the runtime, or here without one.
async fn on_another_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    match Handle::try_current() {
        Ok(runtime) => {
            let ended = runtime.spawn_blocking(work).await;
            ended.map_err(|error| StoreError::Unavailable(format!("a thread of the audit ended: {error}")))
        }
        Err(_) => Ok(work()),
    }
}

/// A policy as the store keeps it; `None` if it has none, or another one.
pub(super) async fn kept_policy<S: Store>(store: &S, digest: Digest) -> Result<Option<Arc<Policy>>, StoreError> {
    let policy = store.policy(digest).await?.and_then(|text| Policy::from_kept(&text, digest));
    Ok(policy.map(Arc::new))
}
