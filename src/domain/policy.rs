//! A policy as it is applied: an ordered list of layers, and the terms resolved so far.
//!
//! Every layer has the same form: a payer, the pools it may draw on, and a schedule over a cumulative
//! amount. No code knows what "critical illness" is.

use std::sync::Arc;

use super::canonical_text::{CanonicalText, NoCanonicalText};
use super::day::Day;
use super::fixed_words::SkipReason;
use super::ids::Digest;
use super::layer_head::LayerHead;
use super::pools::PoolPosition;
use super::resolution::{InexactTerms, resolve_terms};
use super::resolved_terms::{LayerTerms, ResolvedTerms, SplitTerms};
use super::rule::{LayerRule, PolicyRule};
use super::short_text::ShortText;
use super::terms::TermsKey;
use super::terms_cache::TermsCache;
use super::words::{Pool, Visit};

/// One payer's layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What is the same for every claim.
    pub head: Arc<LayerHead>,
    /// Its rule.
    pub rule: LayerRule,
    /// The positions of its pools among those of the policy.
    pub(super) pools: Vec<PoolPosition>,
}

impl Layer {
    fn new(rule: LayerRule, pools: &[Pool]) -> Layer {
        let head = LayerHead {
            id: rule.id.as_ref().into(),
            name: rule.name.clone(),
            payer: rule.payer.clone(),
            pools: rule.pools.clone(),
            period: rule.period,
            shared_ledger: rule.ledger.as_deref().filter(|ledger| *ledger != &*rule.id).map(ShortText::from),
            deductible_per: rule.deductible_per,
            bands_over_excess: rule.bands_over_excess,
            credits_transfer: rule.credits_transfer,
        };
        let pools = rule.pools.iter().filter_map(|pool| PoolPosition::find(pools, pool)).collect();
        Layer { head: Arc::new(head), rule, pools }
    }

    /// Why the day or the visit keeps this layer from being considered; `None` if they do not.
    pub fn skip_by_visit(&self, day: Day, visit: &Visit) -> Option<SkipReason> {
        if !self.rule.in_force.contains(day) {
            return Some(SkipReason::NotInForce);
        }
        (!self.rule.visits.contains(visit)).then_some(SkipReason::OtherVisit)
    }

    /// Why the circumstances keep this layer from being considered; `None` if they do not.
    pub fn skip_by_circumstances(&self, key: &TermsKey) -> Option<SkipReason> {
        if !self.rule.conditions.are_met_by(key) {
            return Some(SkipReason::OtherCircumstances);
        }
        if !self.rule.only.is_empty() && !key.categories.has_any(&self.rule.only) {
            return Some(SkipReason::OtherCategory);
        }
        key.categories.has_any(&self.rule.except).then_some(SkipReason::ExceptedCategory)
    }

    /// Its terms in some circumstances, or why it is not considered in them.
    ///
    /// # Errors
    /// If a figure cannot be computed exactly; a checked book has no such circumstances.
    pub fn terms(&self, key: &TermsKey) -> Result<LayerTerms, InexactTerms> {
        match self.skip_by_circumstances(key) {
            Some(reason) => Ok(Err(reason)),
            None => {
                let terms = resolve_terms(&self.rule, key)?;
                let of_splits = Arc::new(SplitTerms::new(&self.head, &terms));
                Ok(Ok(Arc::new(ResolvedTerms { terms, of_splits })))
            }
        }
    }
}

/// The id and digest of a policy, which identify the law that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// The id of the file.
    pub id: Arc<str>,
    /// The digest of its canonical text, after `use`.
    pub digest: Digest,
}

/// One policy, ready to be applied.
#[derive(Debug)]
pub struct Policy {
    /// Its id and digest.
    pub reference: PolicyRef,
    /// The canonical text of its rule, of which the digest is.
    pub canonical: Arc<str>,
    /// Its rule.
    pub rule: Arc<PolicyRule>,
    /// Its layers, in the order of payment.
    pub layers: Vec<Layer>,
    resolved: TermsCache,
}

impl Policy {
    /// The policy of a rule.
    ///
    /// # Errors
    /// If the rule has no canonical text.
    pub fn new(rule: PolicyRule) -> Result<Policy, NoCanonicalText> {
        let canonical = rule.canonical()?;
        Ok(Policy::with_canonical(rule, canonical))
    }

    /// The policy of a canonical text that was kept under this digest; `None` if the text is another, or of no rule. Its
    /// text and digest stay those that were kept, whatever fields were added to rules since.
    pub fn from_kept(text: &str, digest: Digest) -> Option<Policy> {
        let canonical = CanonicalText::kept(text, digest)?;
        Some(Policy::with_canonical(serde_json::from_str(text).ok()?, canonical))
    }

    fn with_canonical(rule: PolicyRule, CanonicalText { text, digest }: CanonicalText) -> Policy {
        Policy {
            reference: PolicyRef { id: rule.id.clone(), digest },
            canonical: text,
            layers: rule.layers.iter().map(|layer| Layer::new(layer.clone(), &rule.words.pools)).collect(),
            rule: Arc::new(rule),
            resolved: TermsCache::default(),
        }
    }

    /// The day that decides the benefit year and whether policy and layers are in force.
    pub fn policy_day(&self, admitted: Day, discharged: Day) -> Day {
        self.rule.policy_day(admitted, discharged)
    }

    /// Whether a layer of the file, in force or not, credits transfers.
    pub fn credits_transfers(&self) -> bool {
        self.layers.iter().any(|layer| layer.head.credits_transfer)
    }

    /// The terms of each layer in some circumstances, in the order of payment. They are resolved once and kept.
    ///
    /// # Errors
    /// If a figure cannot be computed exactly; a checked book has no such circumstances.
    pub fn terms(&self, key: &TermsKey) -> Result<Arc<[LayerTerms]>, InexactTerms> {
        if let Some(known) = self.resolved.get(key) {
            return Ok(known);
        }
        let terms: Arc<[LayerTerms]> = self.layers.iter().map(|layer| layer.terms(key)).collect::<Result<_, _>>()?;
        self.resolved.put(key, &terms);
        Ok(terms)
    }
}
