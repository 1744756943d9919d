//! The decision on a claim (stages 3 to 5, then the split), before anything is written.

use std::sync::Arc;

use crate::domain::account::Account;
use crate::domain::adjudicate::{AdjudicationInput, adjudicate, adjudicate_pools};
use crate::domain::claim::Claim;
use crate::domain::continuation::Continued;
use crate::domain::facts::Facts;
use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::fixed_words::ContinueKind;
use crate::domain::ids::{AccountKey, Digest, EntryId};
use crate::domain::invariants;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::domain::words::Pool;
use crate::policy::Book;
use crate::reference::look_up;
use crate::store::{LookUp, Store};

use super::continuing::Continuable;
use super::{Engine, EngineError};

/// How a claim continues a settlement, and that settlement, or the fault of naming it.
pub(super) type Continuation = (ContinueKind, Result<Continuable, FieldFault>);

/// A decided claim.
pub(super) struct Decision {
    /// What was looked up for it.
    pub facts: Facts,
    /// The digest of the book in use.
    pub book: Digest,
    /// Who pays what.
    pub split: Split,
    /// The account that it changes, and the account after it.
    pub account: (AccountKey, Account),
}

impl<S: Store> Engine<S> {
    /// Decides a claim on the rows that were looked up.
    pub(super) async fn decide(&self, claim: &Claim, seen: &LookUp) -> Result<Decision, EngineError> {
        let continuable = self.named_continuation(claim, seen, None).await?;
        self.decide_continuing(claim, seen, continuable)
    }

    /// What a claim continues; `corrected` is the settlement in whose place it stands, if it corrects one.
    pub(super) async fn named_continuation(
        &self,
        claim: &Claim,
        seen: &LookUp,
        corrected: Option<EntryId>,
    ) -> Result<Option<Continuation>, EngineError> {
        let Some(continues) = &claim.continues else { return Ok(None) };
        let continuable = self.continuable(claim, continues, seen.state.head, corrected).await?;
        Ok(Some((continues.kind, continuable)))
    }

    /// Decides a claim on the rows that were looked up and on what it continues.
    pub(super) fn decide_continuing(
        &self,
        claim: &Claim,
        seen: &LookUp,
        continuable: Option<Continuation>,
    ) -> Result<Decision, EngineError> {
        let (book, tables) = (self.book.load_full(), self.tables.load_full());
        let _span = tracing::debug_span!("adjudicate").entered();
        let facts = look_up::facts(claim, seen.person.as_ref(), &tables, book.vocabulary());
        let (facts, earlier) = with_continuation(facts, continuable)?;
        let continued = earlier.as_ref().map(|(kind, earlier)| Continued {
            kind: *kind,
            settlement: earlier.settlement,
            split: &earlier.split,
        });
        let policy = policy_in_force(&book, claim, &facts).ok_or_else(|| no_policy_refusal(claim, &facts))?;
        let input = AdjudicationInput { claim, facts: &facts, policy, continued };
        let key = input.account_key();
        let (split, after) = checked_split(input, &seen.state.account(&key))?;
        Ok(Decision { facts, book: book.digest(), split, account: (key, after) })
    }
}

/// Stages 3 and 4: the facts and what the claim continues; what cannot be continued is a fault of stage 3.
fn with_continuation(
    facts: Result<Facts, ClaimRefusal>,
    continuable: Option<Continuation>,
) -> Result<(Facts, Option<(ContinueKind, Continuable)>), ClaimRefusal> {
    match (facts, continuable) {
        (Err(ClaimRefusal::NotEligible(mut faults)), Some((_, Err(fault)))) => {
            faults.push(fault);
            Err(ClaimRefusal::NotEligible(faults))
        }
        (Ok(_) | Err(ClaimRefusal::UnknownItem(_) | ClaimRefusal::UnchargedRefund(_)), Some((_, Err(fault)))) => {
            Err(ClaimRefusal::NotEligible(fault.into()))
        }
        (facts, Some((kind, Ok(earlier)))) => Ok((facts?, Some((kind, earlier)))),
        (facts, _) => Ok((facts?, None)),
    }
}

/// The policy in force for a claim by its own day.
pub(super) fn policy_in_force<'a>(book: &'a Book, claim: &Claim, facts: &Facts) -> Option<&'a Arc<Policy>> {
    let person = &facts.person;
    book.governing(&person.insurance, &person.insured_region, claim.admitted, claim.discharged)
}

/// The split on an account, and the account after it; what does not hold of a split is never committed.
pub(super) fn checked_split(input: AdjudicationInput<'_>, account: &Account) -> Result<(Split, Account), EngineError> {
    let decided = adjudicate(input, account).map_err(EngineError::broken_invariant)?;
    invariants::check(&decided.0).map_err(|broken| EngineError::broken_invariant(broken.to_string()))?;
    Ok(decided)
}

/// The same of a claim whose bill fell into these pools ([`adjudicate_pools`]).
pub(super) fn checked_split_of_pools(
    input: AdjudicationInput<'_>,
    pools: &[(Pool, Money)],
    account: &Account,
) -> Result<(Split, Account), EngineError> {
    let decided = adjudicate_pools(input, pools, account).map_err(EngineError::broken_invariant)?;
    invariants::check_amounts(&decided.0).map_err(|broken| EngineError::broken_invariant(broken.to_string()))?;
    Ok(decided)
}

pub(super) fn no_policy_refusal(claim: &Claim, facts: &Facts) -> ClaimRefusal {
    let (insurance, region) = (&facts.person.insurance, facts.person.insured_region.as_str());
    let (admitted, discharged) = (claim.admitted, claim.discharged);
    let message = format!(
        "is {discharged} (admitted {admitted}), and no policy of {insurance} insurance for the insured region \
         {region} is in force on the day by which it goes"
    );
    let chinese = format!(
        "为 {discharged}（入院日 {admitted}），险种 {insurance}、参保地区 {region} 在依据的日期（出院日，或政策规定的入院日）没有执行的政策"
    );
    let fault = FieldFault::new("claim.discharged", FaultReason::NoPolicyInForce, message).with_chinese(chinese);
    ClaimRefusal::NoPolicy(fault.into())
}
