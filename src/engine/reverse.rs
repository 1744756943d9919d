//! Reverse (冲正/撤销): another entry that takes a settlement out of its account again.
//!
//! What later settlements of the same benefit year were paid rests on this one. While one stands, a reversal is
//! refused, newest first; or they are decided again with it ([`super::readjudicate`]).

use std::collections::{HashMap, HashSet};

use crate::domain::claim::ClaimKeys;
use crate::domain::content::{InvalidReversal, RawReversal, ValidReversal};
use crate::domain::ids::{AccountKey, Digest, EntryId, HospitalId, RequestId};
use crate::domain::journal::{Entry, Reversal, Revision, Settlement, booking_month};
use crate::domain::month::Month;
use crate::domain::refusal::{ClaimRefusal, LaterSettlements};
use crate::journal::content::reverse_content;
use crate::store::rows::SettlementStatus;
use crate::store::{Commit, LookUp, Scope, Store};

use super::error::CommitError;
use super::idempotency::SentRequest;
use super::live::{LiveSettlement, WalkedChain, retain_resting};
use super::readjudicate::{Replaced, Replacement};
use super::settle::AnsweredSettlement;
use super::{CommitStamp, Engine, EngineError};

/// A request to reverse.
pub struct ReverseRequest {
    /// What is asked for, as received.
    pub reversal: RawReversal,
    /// The idempotency key, as received.
    pub request_id: String,
    /// Whether to say what it would do, and change nothing.
    pub dry_run: bool,
}

/// What was reversed, now or before; or would be, of a dry run.
#[derive(Debug)]
pub struct ReverseOutcome {
    /// The reversal.
    pub entry: Entry<Reversal>,
    /// The revisions of later settlements, in the order of those.
    pub revisions: Vec<Entry<Revision>>,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

/// A reversal that is ready to be committed.
pub(super) struct PreparedReversal {
    /// The commit of the reversal and the revisions.
    pub commit: Commit,
    /// The reversal.
    pub entry: Entry<Reversal>,
    /// The revisions of later settlements, in the order of those.
    pub revisions: Vec<Entry<Revision>>,
    /// The settlement that takes the place of the reversed one, of a correction.
    pub settlement: Option<AnsweredSettlement>,
}

/// The request that a reversal is made for.
#[derive(Clone, Copy)]
pub(super) struct ReversalRequest<'a> {
    /// The idempotency key.
    pub request_id: &'a RequestId,
    /// The digest of the request's content.
    pub content: Digest,
    /// The settlement of a correction that follows in the same commit.
    pub correction: Option<EntryId>,
}

impl<S: Store> Engine<S> {
    /// Reverses the settlement of a claim, or answers again what the same request reversed before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn reverse(&self, request: ReverseRequest, stamp: CommitStamp) -> Result<ReverseOutcome, EngineError> {
        let ReverseRequest { reversal: raw, request_id, dry_run } = request;
        let (limits, content) = (&self.settings.limits, reverse_content(&raw));
        let validated = raw.clone().validate(request_id, limits);
        let sent = &SentRequest::Reverse(&raw);
        let (keys, request_id) = reversal_keys(&validated)?;
        let request = ReversalRequest { request_id, content, correction: None };
        let scope = Scope::of_person(&keys.person_id).with_claim(&keys.hospital_id, &keys.claim_id);
        let scope = scope.with_request(&keys.hospital_id, request_id).with_closed_months();
        let validated = &validated;
        let reverse = |seen: LookUp, stamp| async move {
            if let Some((entry, _)) = self.replay(&seen, content, sent).await? {
                let entry: Entry<Reversal> = entry.try_into()?;
                return Ok(ReverseOutcome { revisions: self.revisions(&entry.body).await?, entry, replay: true });
            }
            let reversal = validated.as_ref().map_err(invalid_reversal)?;
            let PreparedReversal { commit, entry, revisions, .. } =
                self.prepare_reversal(reversal, &seen, request, stamp, None).await?;
            if !dry_run {
                self.commit(commit).await?;
            }
            Ok(ReverseOutcome { entry, revisions, replay: false })
        };
        self.commit_with_retries(scope, stamp, reverse).await
    }

    /// Decides a reversal and the revisions that come with it; writes nothing.
    pub(super) async fn prepare_reversal(
        &self,
        reversal: &ValidReversal,
        seen: &LookUp,
        request: ReversalRequest<'_>,
        stamp: CommitStamp,
        replacement: Option<Replacement<'_>>,
    ) -> Result<PreparedReversal, CommitError> {
        let ClaimKeys { hospital_id, claim_id, .. } = &reversal.keys;
        let target = self.read_live(live_settlement(seen, &reversal.keys)?).await?;
        let key = target.split.circumstances.account.clone();
        // Only a claim that was settled before can be a correction, which earlier settlements may continue.
        let corrected = seen.claim.as_ref().is_some_and(|row| row.settlements.len() > 1);
        let later = self.later_live(seen.state.head, target.settlement, &key, corrected).await?;
        if !reversal.readjudicate && !later.is_empty() {
            return Err(later_settlements(&later, hospital_id).into());
        }
        let mut row = seen.claim.clone().ok_or(EngineError::NotFound)?;
        if let Some(last) = row.settlements.last_mut() {
            last.reversal = Some(stamp.id);
        }
        let revisions = (0..later.len()).map(|n| stamp.derived_id(n as u32)).collect();
        let booked = booking_month(target.committed, stamp.instant, seen.closed_months);
        let entry = Entry {
            id: stamp.id,
            link: seen.state.next(),
            committed: stamp.instant,
            request_id: request.request_id.clone(),
            content: request.content,
            body: Reversal {
                correction: request.correction,
                ..reversal_body(reversal, target.settlement, key, revisions, booked)
            },
        };
        let mut commit = Commit::new(seen.state.clone(), &entry);
        commit.closed_months = Some(seen.closed_months);
        commit.set_claim(hospital_id.clone(), claim_id.clone(), row);
        for split in later.iter().map(|one| &one.split).chain([&target.split]) {
            let key = &split.circumstances.account;
            let account = commit.state.account(key).without_settlement(split).map_err(EngineError::broken_invariant)?;
            commit.set_account(key.clone(), account);
        }
        let replaced = Replaced { reversed: target.settlement, caller: hospital_id };
        let (revisions, settlement) = self.readjudicate(&mut commit, replaced, later, &stamp, replacement).await?;
        Ok(PreparedReversal { commit, entry, revisions, settlement })
    }

    async fn read_live(&self, standing: &SettlementStatus) -> Result<LiveSettlement, EngineError> {
        let settled: Entry<Settlement> = self.required_entry(standing.settlement).await?.try_into()?;
        let newest = match standing.revisions.last() {
            Some(id) => {
                let revision: Entry<Revision> = self.required_entry(*id).await?.try_into()?;
                Some((*id, Box::new(revision.body)))
            }
            None => None,
        };
        Ok(LiveSettlement::new((standing.settlement, settled.committed), settled.body, newest))
    }

    /// The settlements that stand and rest on this one, newest first: the later ones of the same account, and those that
    /// continue it or another of them, with the later ones of their accounts. One that continues a correction may have been
    /// committed before it.
    async fn later_live(
        &self,
        head: Option<EntryId>,
        settlement: EntryId,
        key: &AccountKey,
        corrected: bool,
    ) -> Result<Vec<LiveSettlement>, EngineError> {
        let WalkedChain { mut live, after } = self.live_settlements_after(head, Some(settlement), corrected).await?;
        // From this place in the order of commits on its account rests on it.
        let from = HashMap::from([(key.clone(), live.len() - after)]);
        retain_resting(&mut live, from, HashSet::from([settlement]));
        Ok(live)
    }

    /// The revisions that a reversal made.
    pub(super) async fn revisions(&self, reversal: &Reversal) -> Result<Vec<Entry<Revision>>, EngineError> {
        let mut revisions = Vec::with_capacity(reversal.revisions.len());
        for id in &reversal.revisions {
            revisions.push(self.required_entry(*id).await?.try_into()?);
        }
        Ok(revisions)
    }
}

/// The ids and the idempotency key of a request to reverse, valid or not in the rest.
fn reversal_keys(validated: &Result<ValidReversal, InvalidReversal>) -> Result<(&ClaimKeys, &RequestId), ClaimRefusal> {
    match validated {
        Ok(reversal) => Ok((&reversal.keys, &reversal.request_id)),
        Err(InvalidReversal { keys: Some(named), .. }) => {
            let (keys, request_id) = &**named;
            Ok((keys, request_id))
        }
        Err(error) => Err(invalid_reversal(error)),
    }
}

fn invalid_reversal(error: &InvalidReversal) -> ClaimRefusal {
    ClaimRefusal::InvalidRequest(error.faults.clone())
}

/// The later settlements in force: the caller's own by id, of others how many.
fn later_settlements(later: &[LiveSettlement], caller: &HospitalId) -> ClaimRefusal {
    let own = |one: &&LiveSettlement| one.claim.hospital_id == *caller;
    let own: Vec<EntryId> = later.iter().filter(own).map(|one| one.settlement).collect();
    ClaimRefusal::LaterSettlements(LaterSettlements { others: later.len() - own.len(), own })
}

fn live_settlement<'a>(seen: &'a LookUp, keys: &ClaimKeys) -> Result<&'a SettlementStatus, EngineError> {
    let row = seen.claim.as_ref().filter(|row| row.person_id == keys.person_id).ok_or(EngineError::NotFound)?;
    row.settlement_in_force().ok_or_else(|| ClaimRefusal::AlreadyReversed.into())
}

fn reversal_body(
    reversal: &ValidReversal,
    settlement: EntryId,
    account: AccountKey,
    revisions: Vec<EntryId>,
    booking_month: Month,
) -> Reversal {
    let ClaimKeys { hospital_id, person_id, claim_id } = reversal.keys.clone();
    let reason = reversal.reason.clone();
    let correction = None;
    Reversal { hospital_id, person_id, claim_id, reason, settlement, account, revisions, correction, booking_month }
}
