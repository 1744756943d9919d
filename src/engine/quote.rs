//! Quote (预结算): the split as it would be now; it changes nothing.

use bytes::Bytes;

use crate::domain::claim::{ClaimKeys, RawClaim};
use crate::domain::day::Day;
use crate::domain::ids::Digest;
use crate::domain::notice::Notice;
use crate::domain::split::Split;
use crate::journal::answer;
use crate::journal::content::{encoded_split_digest, settle_content};
use crate::store::{Scope, Store};

use super::idempotency::{check_claim_free, claim_keys, invalid};
use super::notices::notices;
use super::{Engine, EngineError};

/// A split that was not committed, and its digest.
#[derive(Debug)]
pub struct Quote {
    /// The ids of the claim.
    pub keys: ClaimKeys,
    /// The split.
    pub split: Split,
    /// The split and its derivation, as they are answered.
    pub answer: QuoteAnswer,
    /// Their digest.
    pub digest: Digest,
    /// The digest of the claim's content.
    pub content: Digest,
    /// What it draws attention to.
    pub notices: Vec<Notice>,
}

/// A split and its derivation, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteAnswer {
    /// `onestop.settlement.v1.Split`.
    pub split: Bytes,
    /// `onestop.settlement.v1.Derivation`.
    pub derivation: Bytes,
}

impl<S: Store> Engine<S> {
    /// The split of a claim as it would be settled now; `today` is the day in China.
    ///
    /// # Errors
    /// Whatever settle would refuse.
    pub async fn quote(&self, raw: RawClaim, today: Day) -> Result<Quote, EngineError> {
        let content = settle_content(&raw);
        self.quote_received(raw, content, today).await
    }

    /// The same where the digest of the claim's content is known.
    ///
    /// # Errors
    /// As [`Engine::quote`].
    pub async fn quote_received(&self, raw: RawClaim, content: Digest, today: Day) -> Result<Quote, EngineError> {
        let validated = raw.validate(&self.settings.limits, self.book().vocabulary(), today);
        let keys = claim_keys(validated.as_ref().map(|claim| claim.keys()))?;
        let scope = Scope::of_person(&keys.person_id).with_claim(&keys.hospital_id, &keys.claim_id);
        let seen = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?;
        check_claim_free(&seen, &keys.person_id)?;
        let claim = validated.map_err(|error| invalid(&error))?;
        let split = self.decide(&claim, &seen).await?.split;
        let answer = QuoteAnswer { split: answer::split(&split), derivation: answer::derivation(&split) };
        let digest = encoded_split_digest(&answer.split, &answer.derivation);
        Ok(Quote { keys, digest, answer, content, notices: notices(&seen.state, &claim, &split), split })
    }
}
