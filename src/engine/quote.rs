//! Quote (预结算): the split as it would be now; it changes nothing.

use crate::domain::claim::{ClaimKeys, RawClaim};
use crate::domain::day::Day;
use crate::domain::ids::Digest;
use crate::domain::notice::Notice;
use crate::domain::split::Split;
use crate::journal::content::{settle_content, split_digest};
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
    /// Its digest.
    pub digest: Digest,
    /// The digest of the claim's content.
    pub content: Digest,
    /// What it draws attention to.
    pub notices: Vec<Notice>,
}

impl<S: Store> Engine<S> {
    /// The split of a claim as it would be settled now; `today` is the day in China.
    ///
    /// # Errors
    /// Whatever settle would refuse.
    pub async fn quote(&self, raw: RawClaim, today: Day) -> Result<Quote, EngineError> {
        let content = settle_content(&raw);
        let validated = raw.validate(&self.settings.limits, self.book().vocabulary(), today);
        let keys = claim_keys(validated.as_ref().map(|claim| claim.keys()))?;
        let scope = Scope::of_person(&keys.person_id).with_claim(&keys.hospital_id, &keys.claim_id);
        let seen = self.store.look_up(scope).await.map_err(EngineError::from_read_error)?;
        check_claim_free(&seen, &keys.person_id)?;
        let claim = validated.map_err(|error| invalid(&error))?;
        let split = self.decide(&claim, &seen).await?.split;
        Ok(Quote { keys, digest: split_digest(&split), content, notices: notices(&seen.state, &claim, &split), split })
    }
}
