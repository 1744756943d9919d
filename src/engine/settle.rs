//! Settle (结算): decide and commit; the answer leaves when it is durable.

use crate::domain::claim::{Claim, RawClaim};
use crate::domain::ids::{Digest, RequestId};
use crate::domain::journal::{Entry, EntryKind, Settled};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::store::rows::ClaimRow;
use crate::store::{Commit, LookUp, Store};

use super::error::CommitError;
use super::idempotency::{RequestKeys, check_claim_free};
use super::quote::Decision;
use super::{CommitStamp, Engine, EngineError};

/// A request to settle.
pub struct SettleRequest {
    /// The claim, as told.
    pub claim: RawClaim,
    /// The idempotency key.
    pub request_id: RequestId,
    /// The digest of the quote that the patient was shown, if one was.
    pub quote: Option<Vec<u8>>,
}

/// What was committed, now or before.
#[derive(Debug)]
pub struct Committed {
    /// The entry of the journal.
    pub entry: Entry,
    /// Whether the same request had committed it before.
    pub replay: bool,
}

/// A settle on its way: all that stays the same from one try to the next.
struct Attempt<'a> {
    request_id: &'a RequestId,
    content: Digest,
    quote: Option<&'a [u8]>,
    stamp: CommitStamp,
}

impl<S: Store> Engine<S> {
    /// Settles a claim, or answers again what the same request settled before.
    ///
    /// # Errors
    /// The first stage of refusal that holds; then nothing is written.
    pub async fn settle(&self, request: SettleRequest, stamp: CommitStamp) -> Result<Committed, EngineError> {
        let SettleRequest { claim: told, request_id, quote } = request;
        let content = told.content();
        let (hospital_id, person_id) = (told.hospital_id.clone(), told.person_id.clone());
        let claim_id = told.claim_id.clone();
        let names = RequestKeys {
            hospital_id: &hospital_id,
            person_id: &person_id,
            request_id: Some(&request_id),
            claim_id: Some(&claim_id),
        };
        let sound = self.sound(told);
        names.check(&self.settings.limits, sound.as_ref().err())?;
        let attempt = Attempt { request_id: &request_id, content, quote: quote.as_deref(), stamp };
        for _ in 0..=self.settings.conflict_retries {
            let seen = self.seen(&names).await?;
            if let Some(entry) = self.replay(&seen, content).await? {
                return Ok(Committed { entry, replay: true });
            }
            check_claim_free(&seen, &person_id)?;
            let claim = sound.as_ref().map_err(ClaimRefusal::clone)?;
            match self.attempt(claim, seen, &attempt).await {
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error),
                Ok(entry) => return Ok(Committed { entry, replay: false }),
            }
        }
        Err(EngineError::Conflict)
    }

    async fn attempt(&self, claim: &Claim, seen: LookUp, attempt: &Attempt<'_>) -> Result<Entry, CommitError> {
        let Decision { facts, book, split, moved: (key, account) } = self.decide(claim, &seen)?;
        check_quote(attempt.quote, &split)?;
        let mut row = seen.claim.unwrap_or_else(|| ClaimRow::unsettled(claim.person_id.clone()));
        row.settled(attempt.stamp.id);
        let request = (attempt.request_id.clone(), attempt.content);
        let mut commit = Commit::on(seen.state, request, attempt.stamp.instant);
        let settled = Settled { claim: claim.clone(), facts, book: Some(book), split };
        let entry =
            commit.push(attempt.stamp.id, EntryKind::Settled(Box::new(settled))).map_err(EngineError::from_write)?;
        commit.moves(key, account);
        commit.claim(claim.hospital_id.clone(), claim.claim_id.clone(), row);
        self.store.commit(commit).await.map_err(CommitError::from_commit)?;
        Ok(entry)
    }
}

/// Stage 6: the split is the one that the quote showed, if one was shown.
fn check_quote(shown: Option<&[u8]>, split: &Split) -> Result<(), ClaimRefusal> {
    let Some(shown) = shown else { return Ok(()) };
    let digest = split.digest();
    if shown == digest.0 {
        return Ok(());
    }
    Err(ClaimRefusal::QuoteChanged { split: Box::new(split.clone()), digest })
}
