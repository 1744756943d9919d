//! Quote (预结算): the split as it would be now; it changes nothing.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate};
use crate::domain::claim::{Claim, RawClaim};
use crate::domain::facts::Facts;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::ids::AccountKey;
use crate::domain::ids::Digest;
use crate::domain::invariants;
use crate::domain::policy::Policy;
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::policy::Book;
use crate::reference::look_up;
use crate::store::{LookUp, Store};

use super::idempotency::{RequestKeys, check_claim_free};
use super::{Engine, EngineError};

/// A split that was not committed, and its digest.
#[derive(Debug)]
pub struct Quote {
    /// The split.
    pub split: Split,
    /// Its digest, which a settle may carry.
    pub digest: Digest,
}

/// A claim decided, before anything is written.
pub(super) struct Decision {
    pub facts: Facts,
    pub book: Digest,
    pub split: Split,
    pub moved: (AccountKey, Account),
}

impl<S: Store> Engine<S> {
    /// The split of a claim as it would be settled now.
    ///
    /// # Errors
    /// Whatever settle would refuse.
    pub async fn quote(&self, told: RawClaim) -> Result<Quote, EngineError> {
        let (hospital_id, person_id) = (told.hospital_id.clone(), told.person_id.clone());
        let claim_id = told.claim_id.clone();
        let names = RequestKeys {
            hospital_id: &hospital_id,
            person_id: &person_id,
            request_id: None,
            claim_id: Some(&claim_id),
        };
        let sound = self.sound(told);
        names.check(&self.settings.limits, sound.as_ref().err())?;
        let seen = self.seen(&names).await?;
        check_claim_free(&seen, &person_id)?;
        let split = self.decide(&sound?, &seen)?.split;
        Ok(Quote { digest: split.digest(), split })
    }

    /// Stage 2.
    pub(super) fn sound(&self, told: RawClaim) -> Result<Claim, ClaimRefusal> {
        told.check(&self.settings.limits).map_err(ClaimRefusal::InvalidRequest)
    }

    /// Stages 3 to 5, then the split.
    pub(super) fn decide(&self, claim: &Claim, seen: &LookUp) -> Result<Decision, EngineError> {
        let facts = look_up::facts(claim, seen.person.as_ref(), &self.tables.load())?;
        let book = self.book.load();
        let policy = governing(&book, claim, &facts).ok_or_else(no_policy)?;
        let matter = AdjudicationInput { claim, facts: &facts, policy };
        let key = matter.account_key();
        let (split, after) = adjudicated(matter, &seen.state.account(&key))?;
        Ok(Decision { facts, book: book.digest(), split, moved: (key, after) })
    }
}

/// The policy in force for a claim by its own day.
pub(super) fn governing<'a>(book: &'a Book, claim: &Claim, facts: &Facts) -> Option<&'a Arc<Policy>> {
    let person = &facts.person;
    book.governing(&person.insurance, &person.insured_region, claim.admitted, claim.discharged)
}

/// The split on an account, and the account after it; what does not hold of a split is never committed.
pub(super) fn adjudicated(matter: AdjudicationInput<'_>, account: &Account) -> Result<(Split, Account), EngineError> {
    let decided = adjudicate(matter, account).map_err(|range| EngineError::invariant(range.to_string()))?;
    invariants::check(&decided.0).map_err(|broken| EngineError::invariant(broken.to_string()))?;
    Ok(decided)
}

fn no_policy() -> ClaimRefusal {
    let told = "lies on a day on which no policy of the person's insurance and region is in force";
    ClaimRefusal::NoPolicy(FieldFault::new("claim.discharged", FaultReason::NoPolicyInForce, told).into())
}
