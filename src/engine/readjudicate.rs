//! Re-adjudicate (重新结算): later settlements of a benefit year, decided again after one was taken out.
//!
//! Each is decided from the facts stored with it and the policy by its own day, in the order in which they were
//! settled, on the account without the reversed one. All of it goes into the commit of the reversal, or none.

use std::collections::HashMap;

use crate::domain::account::Account;
use crate::domain::adjudicate::AdjudicationInput;
use crate::domain::continuation::Continued;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::{EntryId, HospitalId};
use crate::domain::journal::{Differences, Entry, Revision};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::policy::Book;
use crate::store::rows::ClaimRow;
use crate::store::{Commit, Scope, Store};

use super::decide::{checked_split, policy_in_force};
use super::error::CommitError;
use super::reverse::LiveSettlement;
use super::{CommitStamp, Engine, EngineError, PAUSE};

impl<S: Store> Engine<S> {
    /// Adds a revision of each of these, given newest first, to the commit of a reversal, which holds the accounts
    /// without any of them. One that continues the reversed settlement is decided as a first part.
    pub(super) async fn readjudicate(
        &self,
        commit: &mut Commit,
        reversed: EntryId,
        later: Vec<LiveSettlement>,
        stamp: &CommitStamp,
    ) -> Result<Vec<Entry<Revision>>, CommitError> {
        let book = self.book();
        let mut decided: HashMap<EntryId, Split> = HashMap::new();
        let mut revisions = Vec::with_capacity(later.len());
        for (n, one) in later.into_iter().rev().enumerate() {
            if (n + 1).is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let key = one.split.circumstances.account.clone();
            let earlier = match one.split.opening.as_deref().filter(|opening| opening.settlement != reversed) {
                Some(opening) => Some((opening, self.split_of_continued(opening.settlement, &decided).await?)),
                None => None,
            };
            let continued = earlier.as_ref().map(|(opening, split)| Continued {
                kind: opening.kind,
                settlement: opening.settlement,
                split,
            });
            let account = commit.state.account(&key);
            let (split, after) = readjudicated_split(&book, &one, &account, continued, &commit.hospital_id)?;
            commit.set_account(key, after);
            decided.insert(one.settlement, split.clone());
            let id = stamp.derived_id(n as u32)?;
            let mut row = self.claim_row(&one).await?;
            if let Some(standing) = row.settlements.iter_mut().find(|known| known.settlement == one.settlement) {
                standing.revisions.push(id);
            }
            let claim = &one.settled.claim;
            commit.set_claim(claim.hospital_id.clone(), claim.claim_id.clone(), row);
            let entry = commit.append(id, revision_body(one, split, stamp, &book));
            revisions.push(entry.map_err(EngineError::from_write)?);
        }
        Ok(revisions)
    }

    /// The split of a continued settlement: as decided in this commit, or in force.
    async fn split_of_continued(
        &self,
        settlement: EntryId,
        decided: &HashMap<EntryId, Split>,
    ) -> Result<Split, EngineError> {
        match decided.get(&settlement) {
            Some(split) => Ok(split.clone()),
            None => self.newest_split(settlement).await,
        }
    }

    async fn claim_row(&self, one: &LiveSettlement) -> Result<ClaimRow, EngineError> {
        let claim = &one.settled.claim;
        let scope = Scope::of_person(&claim.person_id).with_claim(&claim.hospital_id, &claim.claim_id);
        let row = self.store.look_up(scope).await.map_err(EngineError::from_read)?.claim;
        row.ok_or_else(|| EngineError::invariant(format!("settlement {} has no row of its claim", one.settlement)))
    }
}

/// The split of a settlement on this account, by the law in use.
fn readjudicated_split(
    book: &Book,
    one: &LiveSettlement,
    account: &Account,
    continued: Option<Continued<'_>>,
    caller: &HospitalId,
) -> Result<(Split, Account), EngineError> {
    let (claim, facts) = (&one.settled.claim, &one.settled.facts);
    let policy = policy_in_force(book, claim, facts)
        .ok_or_else(|| cannot_readjudicate(one, caller, "without a policy in force"))?;
    let input = AdjudicationInput { claim, facts, policy, continued };
    if input.account_key() != one.split.circumstances.account {
        return Err(cannot_readjudicate(one, caller, "in another benefit year than it was settled in").into());
    }
    checked_split(input, account)
}

/// A hospital learns the ids of its own settlements only.
fn cannot_readjudicate(one: &LiveSettlement, caller: &HospitalId, why: &str) -> ClaimRefusal {
    let which = if one.settled.claim.hospital_id == *caller {
        format!("settlement {}", one.settlement)
    } else {
        "a later settlement of another hospital".to_owned()
    };
    let message = format!("would leave {which} {why}");
    ClaimRefusal::NoPolicy(FieldFault::new("readjudicate", FaultReason::NoPolicyInForce, message).into())
}

fn revision_body(one: LiveSettlement, split: Split, stamp: &CommitStamp, book: &Book) -> Revision {
    let claim = &one.settled.claim;
    Revision {
        hospital_id: claim.hospital_id.clone(),
        person_id: claim.person_id.clone(),
        claim_id: claim.claim_id.clone(),
        settlement: one.settlement,
        number: one.number + 1,
        replaces: one.newest,
        reversal: stamp.id,
        book: book.digest(),
        differences: Differences::between(&one.split, &split),
        split,
    }
}
