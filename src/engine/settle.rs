//! Settle (结算): decide and commit; the answer leaves when it is durable.

use bytes::Bytes;
use tracing::debug_span;

use crate::domain::claim::{Claim, RawClaim};
use crate::domain::day::Day;
use crate::domain::fault::FieldFault;
use crate::domain::ids::{Digest, RequestId};
use crate::domain::journal::{Entry, Settlement};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::journal::content::{encoded_settle_content, split_digest};
use crate::journal::{ClaimMessage, EncodedSettlement, encode_settlement};
use crate::store::rows::ClaimRow;
use crate::store::{Commit, LookUp, Scope, Store};

use super::decide::Decision;
use super::error::CommitError;
use super::idempotency::{SentClaim, SentRequest, check_claim_free, invalid, request_keys};
use super::notices::notices;
use super::{CommitStamp, Engine, EngineError};

/// A request to settle.
pub struct SettleRequest {
    /// The claim, as received.
    pub claim: RawClaim,
    /// The idempotency key, as received.
    pub request_id: String,
    /// The quote that the patient was shown, if one was.
    pub quote: Option<PresentedQuote>,
    /// The day in China on which the request arrived.
    pub today: Day,
}

/// A quote that a request to settle presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedQuote {
    /// The caller was shown the split with this digest for this very claim.
    Shown(Digest),
    /// The caller was not, or too long ago.
    Invalid(FieldFault),
}

/// The message of a claim as received, and the digest of a request to settle it.
pub struct ReceivedClaim {
    /// The message.
    pub message: ClaimMessage,
    /// The digest.
    pub content: Digest,
}

impl ReceivedClaim {
    /// The claim of this message.
    pub fn new(message: ClaimMessage) -> ReceivedClaim {
        ReceivedClaim { content: encoded_settle_content(&message), message }
    }
}

/// What was committed, now or before.
pub struct SettleOutcome {
    /// The settlement.
    pub entry: Entry<Settlement>,
    /// The answer: the same bytes whenever the request is sent again.
    pub answer: Bytes,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

crate::domain::ids::silent_debug!(SettleOutcome);

/// A settlement with its answer, the bytes as they were committed.
pub struct AnsweredSettlement {
    /// The settlement.
    pub entry: Entry<Settlement>,
    /// The answer.
    pub answer: Bytes,
}

crate::domain::ids::silent_debug!(AnsweredSettlement);

/// What stays the same from one attempt to the next.
struct Attempt<'a> {
    request_id: &'a RequestId,
    received: &'a ReceivedClaim,
    quote: Option<&'a PresentedQuote>,
}

impl<S: Store> Engine<S> {
    /// Settles a claim, or answers again what the same request settled before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn settle(&self, request: SettleRequest, stamp: CommitStamp) -> Result<SettleOutcome, EngineError> {
        let received = ReceivedClaim::new(ClaimMessage::from(&request.claim));
        self.settle_received(request, &received, stamp).await
    }

    /// The same where the message of the claim is known.
    ///
    /// # Errors
    /// As [`Engine::settle`].
    pub async fn settle_received(
        &self,
        request: SettleRequest,
        received: &ReceivedClaim,
        stamp: CommitStamp,
    ) -> Result<SettleOutcome, EngineError> {
        let SettleRequest { claim: raw, request_id, quote, today } = request;
        let limits = &self.settings.limits;
        let validated = raw.validate(limits, self.book().vocabulary(), today);
        let sent = &SentRequest::Settle(SentClaim::new(validated.as_ref().ok(), raw));
        let keys = validated.as_ref().map(Claim::keys);
        let (keys, request_id) = request_keys(keys, request_id, limits.id_bytes)?;
        let attempt = Attempt { request_id: &request_id, received, quote: quote.as_ref() };
        let scope = Scope::of_person(&keys.person_id).with_claim(&keys.hospital_id, &keys.claim_id);
        let scope = scope.with_request(&keys.hospital_id, &request_id);
        let (validated, attempt, person_id) = (&validated, &attempt, &keys.person_id);
        let settle = |seen: LookUp, stamp| async move {
            if let Some((entry, answer)) = self.replay(&seen, received.content, sent).await? {
                return Ok(SettleOutcome { entry: entry.try_into()?, answer, replay: true });
            }
            check_claim_free(&seen, person_id)?;
            let claim = validated.as_ref().map_err(invalid)?;
            check_presented_quote(attempt.quote)?;
            self.attempt_settle(claim, seen, attempt, stamp).await
        };
        self.commit_with_retries(scope, stamp, settle).await
    }

    async fn attempt_settle(
        &self,
        claim: &Claim,
        seen: LookUp,
        attempt: &Attempt<'_>,
        stamp: CommitStamp,
    ) -> Result<SettleOutcome, CommitError> {
        let Decision { facts, book, split, account: (key, account) } = self.decide(claim, &seen).await?;
        check_quoted_split(attempt.quote, &split)?;
        let notices = notices(&seen.state, claim, &split);
        let mut row = seen.claim.unwrap_or_else(|| ClaimRow::unsettled(claim.person_id.clone()));
        row.settled(stamp.id);
        let entry = Entry {
            id: stamp.id,
            link: seen.state.next(),
            committed: stamp.instant,
            request_id: attempt.request_id.clone(),
            content: attempt.received.content,
            body: Settlement { claim: claim.clone(), facts, book, split, notices },
        };
        let encode = || encode_settlement(&entry, &attempt.received.message);
        let EncodedSettlement { record, digest, answer } = debug_span!("encode").in_scope(encode);
        let mut commit = Commit::from_record(seen.state, &entry, record, digest);
        commit.set_account(key, account);
        commit.set_claim(claim.hospital_id.clone(), claim.claim_id.clone(), row);
        self.commit(commit).await?;
        Ok(SettleOutcome { entry, answer, replay: false })
    }
}

/// The end of stage 2: a quote that the caller was not given for this claim is refused before anything is looked at that
/// decides the split.
fn check_presented_quote(quote: Option<&PresentedQuote>) -> Result<(), ClaimRefusal> {
    match quote {
        Some(PresentedQuote::Invalid(fault)) => Err(ClaimRefusal::InvalidQuote(fault.clone().into())),
        Some(PresentedQuote::Shown(_)) | None => Ok(()),
    }
}

/// Stage 6: the split is the one that the quote showed, if one was shown.
fn check_quoted_split(quote: Option<&PresentedQuote>, split: &Split) -> Result<(), EngineError> {
    let Some(PresentedQuote::Shown(shown)) = quote else { return Ok(()) };
    let digest = split_digest(split);
    if *shown == digest {
        return Ok(());
    }
    Err(ClaimRefusal::QuoteChanged { split: Box::new(split.clone()), digest }.into())
}
