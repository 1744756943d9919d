//! Re-adjudicate (重新结算): later settlements of a benefit year, decided again after one was taken out.
//!
//! Each is decided from the facts stored with it and the policy by its own day, in the order in which they were
//! settled, on the account without the reversed one. All of it goes into the commit of the reversal, or none.
//!
//! What another settlement continues is decided before it: a correction, which is committed last, is decided before the
//! first of those that continue it, and after all others.

use std::collections::{HashMap, HashSet};

use crate::domain::account::Account;
use crate::domain::adjudicate::AdjudicationInput;
use crate::domain::claim::Claim;
use crate::domain::continuation::Continued;
use crate::domain::facts::Facts;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{EntryId, HospitalId};
use crate::domain::journal::{Differences, Entry, Revision, RevisionCause, Settlement, booking_month};
use crate::domain::month::Month;
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::policy::Book;
use crate::store::rows::ClaimRow;
use crate::store::{Commit, LookUp, Scope, Store};

use super::continuing::{Continuable, may_continue};
use super::decide::{Continuation, Decision, checked_split, policy_in_force};
use super::error::CommitError;
use super::live::LiveSettlement;
use super::notices::notices_of_correction;
use super::settle::AnsweredSettlement;
use super::{CommitStamp, Engine, EngineError, PAUSE};

/// The settlement that is reversed, and the hospital that reverses it.
pub(super) struct Replaced<'a> {
    /// The settlement.
    pub reversed: EntryId,
    /// The hospital, which learns of no settlement of others.
    pub caller: &'a HospitalId,
}

/// A claim that takes the place of the reversed settlement, in the same commit.
pub(super) struct Replacement<'a> {
    /// The claim as it should have been.
    pub claim: &'a Claim,
    /// The id of its settlement.
    pub id: EntryId,
    /// What was looked up, before the reversal.
    pub seen: &'a LookUp,
    /// What the claim continues.
    pub continuation: Option<Continuation>,
}

impl Replacement<'_> {
    /// The settlement that it continues.
    fn continues(&self) -> Option<EntryId> {
        let (_, continuable) = self.continuation.as_ref()?;
        continuable.as_ref().ok().map(|earlier| earlier.settlement)
    }
}

impl<S: Store> Engine<S> {
    /// Adds a revision of each of these, given newest first, to the commit of a reversal, which holds the accounts
    /// without any of them, and the settlement that takes the place of the reversed one. What continues the reversed
    /// settlement continues that one, or is decided as a first part.
    pub(super) async fn readjudicate(
        &self,
        commit: &mut Commit,
        replaced: Replaced<'_>,
        later: Vec<LiveSettlement>,
        stamp: &CommitStamp,
        mut replacement: Option<Replacement<'_>>,
    ) -> Result<(Vec<Entry<Revision>>, Option<AnsweredSettlement>), CommitError> {
        let (book, closed) = (self.book(), commit.closed_months.unwrap_or_default());
        let Replaced { reversed, caller } = replaced;
        let order = decision_order(&later, replacement.as_ref().map(|replacement| (reversed, replacement)));
        let mut later: HashMap<EntryId, LiveSettlement> = later.into_iter().map(|one| (one.settlement, one)).collect();
        let mut decided: HashMap<EntryId, Split> = HashMap::new();
        let (mut revisions, mut settlement) = (Vec::with_capacity(later.len()), None);
        for id in order {
            if (decided.len() + 1).is_multiple_of(PAUSE) {
                tokio::task::yield_now().await;
            }
            let Some(one) = later.remove(&id) else {
                if let Some(replacement) = replacement.take() {
                    settlement = Some(self.replace(commit, reversed, replacement, &mut decided)?);
                }
                continue;
            };
            let key = one.split.circumstances.account.clone();
            let earlier = match one.split.opening.as_deref() {
                Some(opening) if opening.settlement == reversed => match &settlement {
                    Some(corrected) => Some((opening.kind, kept_link(&one, opening.kind, &corrected.entry, caller)?)),
                    None => None,
                },
                Some(opening) => Some((opening.kind, self.continued(opening.settlement, &decided).await?)),
                None => None,
            };
            let continued = earlier.as_ref().map(|(kind, earlier)| Continued {
                kind: *kind,
                settlement: earlier.settlement,
                split: &earlier.split,
            });
            let account = commit.state.account(&key);
            let (split, after) = readjudicated_split(&book, &one, &account, continued, caller)?;
            commit.set_account(key, after);
            decided.insert(one.settlement, split.clone());
            let id = stamp.derived_id(revisions.len() as u32);
            let mut row = self.claim_row(&one).await?;
            if let Some(standing) = row.settlements.iter_mut().find(|known| known.settlement == one.settlement) {
                standing.revisions.push(id);
            }
            let (claim, facts) = (&one.claim, one.facts.clone());
            commit.set_claim(claim.hospital_id.clone(), claim.claim_id.clone(), row);
            let month = booking_month(one.committed, stamp.instant, closed);
            let entry =
                commit.append(id, revision_body(one, (facts, split, month), RevisionCause::Reversal(stamp.id), &book));
            revisions.push(entry);
        }
        Ok((revisions, settlement))
    }

    /// A continued settlement: as decided in this commit, or in force.
    pub(super) async fn continued(
        &self,
        settlement: EntryId,
        decided: &HashMap<EntryId, Split>,
    ) -> Result<Continuable, EngineError> {
        let split = match decided.get(&settlement) {
            Some(split) => split.clone(),
            None => self.newest_split(settlement).await?,
        };
        Ok(Continuable { settlement, split })
    }

    /// Appends the settlement that takes the place of the reversed one.
    fn replace(
        &self,
        commit: &mut Commit,
        reversed: EntryId,
        replacement: Replacement<'_>,
        decided: &mut HashMap<EntryId, Split>,
    ) -> Result<AnsweredSettlement, EngineError> {
        let Replacement { claim, id, seen, mut continuation } = replacement;
        if let Some((_, Ok(earlier))) = &mut continuation
            && let Some(split) = decided.get(&earlier.settlement)
        {
            earlier.split = split.clone();
        }
        // The accounts are those after the reversal, and after what was decided so far.
        let seen = LookUp { state: commit.state.clone(), person: seen.person.clone(), ..LookUp::default() };
        let Decision { facts, book, split, account: (key, account) } =
            self.decide_continuing(claim, &seen, continuation)?;
        let notices = notices_of_correction(&commit.state, claim, &split, Some(reversed));
        let body = Settlement { claim: claim.clone(), facts, book, split, notices };
        let (entry, answer) = commit.append_correction(id, body);
        commit.set_account(key, account);
        let mut rows = commit.claims.iter_mut();
        let row = rows.find(|row| row.hospital_id == claim.hospital_id && row.claim_id == claim.claim_id);
        let row = row.ok_or_else(|| EngineError::broken_invariant("a reversal writes no row of its claim"))?;
        row.row.settled(id);
        decided.insert(reversed, entry.body.split.clone());
        Ok(AnsweredSettlement { entry, answer })
    }

    /// The row of the claim of a settlement in force.
    pub(super) async fn claim_row(&self, one: &LiveSettlement) -> Result<ClaimRow, EngineError> {
        let claim = &one.claim;
        let scope = Scope::of_person(&claim.person_id).with_claim(&claim.hospital_id, &claim.claim_id);
        let row = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?.claim;
        row.ok_or_else(|| {
            EngineError::broken_invariant(format!("settlement {} has no row of its claim", one.settlement))
        })
    }
}

/// The order in which settlements, given newest first, are decided: that of their commits, the replacement of the reversed
/// one last; but what another continues comes before it.
pub(super) fn decision_order(
    later: &[LiveSettlement],
    replacement: Option<(EntryId, &Replacement<'_>)>,
) -> Vec<EntryId> {
    let of_later = later.iter().rev().map(|one| (one.settlement, one.continues()));
    let of_replacement = replacement.map(|(reversed, replacement)| (reversed, replacement.continues()));
    continuation_order(&of_later.chain(of_replacement).collect::<Vec<_>>())
}

/// The order in which these settlements are decided, given in the order of their commits, each with what it continues: the
/// same, but what another continues comes before it.
pub(super) fn continuation_order(all: &[(EntryId, Option<EntryId>)]) -> Vec<EntryId> {
    let continues: HashMap<EntryId, Option<EntryId>> = all.iter().copied().collect();
    let (mut order, mut placed) = (Vec::with_capacity(all.len()), HashSet::new());
    for (id, _) in all.iter().copied() {
        let waits = |id: &EntryId| continues.contains_key(id) && !placed.contains(id);
        let before = |id: &EntryId| continues.get(id).copied().flatten().filter(waits);
        // A chain of continuations has no circle; were there one, its length ends it.
        let parts: Vec<EntryId> = std::iter::successors(Some(id).filter(waits), before).take(continues.len()).collect();
        placed.extend(parts.iter().copied());
        order.extend(parts.into_iter().rev());
    }
    order
}

/// The split of a settlement on this account, by the law in use.
fn readjudicated_split(
    book: &Book,
    one: &LiveSettlement,
    account: &Account,
    continued: Option<Continued<'_>>,
    caller: &HospitalId,
) -> Result<(Split, Account), EngineError> {
    let (claim, facts) = (&one.claim, &one.facts);
    let policy = policy_in_force(book, claim, facts)
        .ok_or_else(|| cannot_readjudicate(one, caller, "without a policy in force"))?;
    let input = AdjudicationInput { claim, facts, policy, continued };
    if input.account_key() != one.split.circumstances.account {
        return Err(cannot_readjudicate(one, caller, "in another benefit year than it was settled in").into());
    }
    checked_split(input, account)
}

/// The correction that a settlement continues now; if it could not continue it, the correction is refused.
fn kept_link(
    one: &LiveSettlement,
    kind: ContinueKind,
    corrected: &Entry<Settlement>,
    caller: &HospitalId,
) -> Result<Continuable, ClaimRefusal> {
    if !may_continue(&one.claim, kind, &corrected.body.claim) {
        return Err(breaks_continuation(one, caller));
    }
    Ok(Continuable { settlement: corrected.id, split: corrected.body.split.clone() })
}

/// A hospital learns the ids of its own settlements only.
fn named(one: &LiveSettlement, caller: &HospitalId) -> String {
    if one.claim.hospital_id == *caller {
        format!("settlement {}", one.settlement)
    } else {
        "a later settlement of another hospital".to_owned()
    }
}

fn breaks_continuation(one: &LiveSettlement, caller: &HospitalId) -> ClaimRefusal {
    let message =
        format!("could not be continued any more by {}: correct or reverse that one first", named(one, caller));
    ClaimRefusal::NotEligible(FieldFault::new("claim", FaultReason::NotContinuable, message).into())
}

fn cannot_readjudicate(one: &LiveSettlement, caller: &HospitalId, why: &str) -> ClaimRefusal {
    let message = format!("would leave {} {why}", named(one, caller));
    ClaimRefusal::NoPolicy(FieldFault::new("readjudicate", FaultReason::NoPolicyInForce, message).into())
}

/// The next revision of a settlement.
pub(super) fn revision_body(
    one: LiveSettlement,
    (facts, split, booking_month): (Facts, Split, Month),
    cause: RevisionCause,
    book: &Book,
) -> Revision {
    let LiveSettlement { settlement, claim, newest, number, split: before, .. } = one;
    Revision {
        hospital_id: claim.hospital_id,
        person_id: claim.person_id,
        claim_id: claim.claim_id,
        settlement,
        number: number + 1,
        replaces: newest,
        cause,
        book: book.digest(),
        differences: Differences::between(&before, &split),
        booking_month,
        facts,
        split,
    }
}
