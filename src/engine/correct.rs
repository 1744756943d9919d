//! Correct: in one commit, the reversal of a claim, the re-adjudication of later settlements, and the settlement of the
//! claim's changed content. The entries are those that reverse, re-adjudicate and settle would write one after the other.

use bytes::Bytes;

use crate::domain::claim::{Claim, ClaimKeys, valid_text};
use crate::domain::content::{RawCorrection, ValidReversal};
use crate::domain::day::Day;
use crate::domain::fault::FieldFaults;
use crate::domain::ids::{Digest, RequestId, check_length};
use crate::domain::journal::{Entry, Reversal, Revision, Settlement};
use crate::domain::refusal::ClaimRefusal;
use crate::journal::content::correct_content;
use crate::store::{LookUp, Scope, Store};

use super::error::CommitError;
use super::idempotency::{SentClaim, SentRequest, invalid, request_keys};
use super::readjudicate::Replacement;
use super::reverse::{PreparedReversal, ReversalRequest};
use super::settle::AnsweredSettlement;
use super::{CommitStamp, Engine, EngineError};

/// A request to correct a claim that is settled.
pub struct CorrectRequest {
    /// What is asked for, as received.
    pub correction: RawCorrection,
    /// The idempotency key, as received.
    pub request_id: String,
    /// Whether to answer what it would do, and change nothing.
    pub dry_run: bool,
    /// The day of the request, of China Standard Time; no discharge lies after it.
    pub today: Day,
}

/// What was corrected, now or before; or would be, of a dry run.
#[derive(Debug)]
pub struct CorrectOutcome {
    /// The reversal of the settlement that was in force.
    pub reversal: Entry<Reversal>,
    /// The revisions of later settlements, in the order of those.
    pub revisions: Vec<Entry<Revision>>,
    /// The settlement of the changed content.
    pub settlement: Entry<Settlement>,
    /// The answer about that settlement, the bytes as they were committed; of a dry run, as they would be.
    pub answer: Bytes,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

/// A correction that is valid by itself.
struct ValidCorrection {
    reversal: ValidReversal,
    claim: Claim,
}

impl<S: Store> Engine<S> {
    /// Corrects a claim, or answers again what the same request corrected before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn correct(&self, request: CorrectRequest, stamp: CommitStamp) -> Result<CorrectOutcome, EngineError> {
        let CorrectRequest { correction: raw, request_id, dry_run, today } = request;
        let (limits, content) = (&self.settings.limits, correct_content(&raw));
        let RawCorrection { claim, reason } = raw;
        let validated = claim.validate(limits, self.book().vocabulary(), today);
        let sent_reason = reason.clone();
        let keys = validated.as_ref().map(Claim::keys);
        let (keys, request_id) = request_keys(keys, request_id, limits.id_bytes)?;
        let mut faults = validated.as_ref().map_or_else(|error| error.faults.clone(), |_| FieldFaults::default());
        let reason = valid_text(&mut faults, "reason", check_length(&reason, limits.reason_bytes).map(|()| reason));
        let correction = match (validated.map_err(|error| invalid(&error)), reason) {
            (Ok(claim), Some(reason)) => {
                let (keys, request_id) = (keys.clone(), request_id.clone());
                Ok(ValidCorrection { reversal: ValidReversal { keys, request_id, reason, readjudicate: true }, claim })
            }
            _ => Err(ClaimRefusal::InvalidRequest(faults)),
        };
        let scope = Scope::of_person(&keys.person_id).with_claim(&keys.hospital_id, &keys.claim_id);
        let scope = scope.with_request(&keys.hospital_id, &request_id).with_closed_months();
        let sent = SentClaim::new(correction.as_ref().ok().map(|valid| &valid.claim), claim);
        let sent = &SentRequest::Correct(sent, &sent_reason);
        let (correction, keys, request_id) = (&correction, &keys, &request_id);
        let correct = |seen: LookUp, stamp| async move {
            if let Some((entry, answer)) = self.replay(&seen, content, sent).await? {
                return Ok(self.replayed_correction(entry.try_into()?, answer).await?);
            }
            check_settled(&seen, keys)?;
            let correction = correction.as_ref().map_err(Clone::clone)?;
            self.attempt_correct(correction, seen, (request_id, content, dry_run), stamp).await
        };
        self.commit_with_retries(scope, stamp, correct).await
    }

    async fn attempt_correct(
        &self,
        correction: &ValidCorrection,
        seen: LookUp,
        (request_id, content, dry_run): (&RequestId, Digest, bool),
        stamp: CommitStamp,
    ) -> Result<CorrectOutcome, CommitError> {
        let ValidCorrection { reversal, claim } = correction;
        // Later settlements take the ids from 0.
        let id = stamp.derived_id(u32::MAX);
        let request = ReversalRequest { request_id, content, correction: Some(id) };
        let replaced = seen.claim.as_ref().and_then(|row| row.settlement_in_force()).map(|known| known.settlement);
        let continuation = self.named_continuation(claim, &seen, replaced).await?;
        let replacement = Replacement { claim, id, seen: &seen, continuation };
        let prepared = self.prepare_reversal(reversal, &seen, request, stamp, Some(replacement)).await?;
        let PreparedReversal { commit, entry: reversal, revisions, settlement } = prepared;
        let settlement = settlement.ok_or_else(|| EngineError::broken_invariant("a correction settles nothing"))?;
        let AnsweredSettlement { entry: settlement, answer } = settlement;
        if !dry_run {
            self.commit(commit).await?;
        }
        Ok(CorrectOutcome { reversal, revisions, settlement, answer, replay: false })
    }

    /// The correction that ends in this settlement.
    async fn replayed_correction(
        &self,
        settlement: Entry<Settlement>,
        answer: Bytes,
    ) -> Result<CorrectOutcome, EngineError> {
        let no_reversal = || EngineError::broken_invariant(format!("settlement {} follows no reversal", settlement.id));
        let reversal = self.reversal_of_correction(&settlement).await?.ok_or_else(no_reversal)?;
        let revisions = self.revisions(&reversal.body).await?;
        Ok(CorrectOutcome { revisions, reversal, settlement, answer, replay: true })
    }
}

/// Checks that a settlement of the claim is in force, before anything of the new content is considered.
fn check_settled(seen: &LookUp, keys: &ClaimKeys) -> Result<(), EngineError> {
    let row = seen.claim.as_ref().filter(|row| row.person_id == keys.person_id).ok_or(EngineError::NotFound)?;
    row.settlement_in_force().map(drop).ok_or_else(|| ClaimRefusal::AlreadyReversed.into())
}
