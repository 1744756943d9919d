//! The split: who pays what, with the whole derivation.
//!
//! From a split alone a clerk with a pocket calculator can redo every fen. Nothing in it is computed
//! again later; it is stored and shown as it was decided.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::facts::{CatalogueEntry, Class};
use super::ids::{AccountKey, Digest, DigestError};
use super::money::Money;
use super::policy::{LayerHead, PolicyRef, SkipReason};
use super::pools::Pools;
use super::schedule::BandShare;
use super::terms::{Terms, TermsKey};
use super::vocabulary::{Categories, Level, Locality, Pool, Referral, Visit};

/// What one line of the bill gave to the pools that take first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSplit {
    /// Above the price ceiling.
    pub over_limit: Money,
    /// The patient's first share of class B.
    pub preliminary_self_pay: Money,
}

/// What all lines of one code gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSplit {
    /// What the catalogue says of the code.
    pub entry: Arc<CatalogueEntry>,
    /// Charges less refunds.
    pub net: Money,
    /// Above the price ceiling.
    pub over_limit: Money,
    /// The patient's first share of class B.
    pub preliminary_self_pay: Money,
}

impl CodeSplit {
    /// A code with no lines yet.
    pub fn new(entry: Arc<CatalogueEntry>) -> CodeSplit {
        CodeSplit { entry, net: Money::ZERO, over_limit: Money::ZERO, preliminary_self_pay: Money::ZERO }
    }

    /// What is left for its class's pool.
    pub fn rest(&self) -> Money {
        self.net - self.over_limit - self.preliminary_self_pay
    }

    /// The pool of its class.
    pub fn pool(&self) -> Pool {
        match self.entry.class {
            Class::A | Class::B(_) => Pool::Eligible,
            Class::C => Pool::Excluded,
            Class::Special => Pool::SpecialDrug,
            Class::Transitional => Pool::TransitionalDrug,
        }
    }
}

/// What one band gave: at the cumulative amount after this claim, and before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandSplit {
    /// At `c1`.
    pub after: BandShare,
    /// At `c0`.
    pub before: BandShare,
}

/// What one cap did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapSplit {
    /// The account before this layer.
    pub before: Money,
    /// What the cap cut.
    pub cut: Money,
}

/// What one layer did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSplit {
    /// Which layer.
    pub head: Arc<LayerHead>,
    /// Under which terms.
    pub terms: Arc<Terms>,
    /// What earlier layers left in its pools.
    pub residual: Money,
    /// What entered after prior self-pay and the caps on the base.
    pub base: Money,
    /// The cumulative amount before.
    pub c0: Money,
    /// The cumulative amount after.
    pub c1: Money,
    /// The deductible that held.
    pub deductible: Money,
    /// The part of it that this claim bore.
    pub deductible_taken: Money,
    /// One for each band of the schedule.
    pub bands: Vec<BandSplit>,
    /// One for each cap of the terms.
    pub caps: Vec<CapSplit>,
    /// What it pays.
    pub pays: Money,
    /// From which pools.
    pub drawn: Vec<(Pool, Money)>,
    /// This layer's base in the year, before.
    pub base_before: Money,
    /// What this layer paid in the year, before.
    pub paid_before: Money,
}

/// Under which circumstances the claim was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Under which policy.
    pub policy: PolicyRef,
    /// The day by which the policy judged itself.
    pub day: Day,
    /// The account that moved.
    pub account: AccountKey,
    /// The kind of visit.
    pub visit: Visit,
    /// The hospital's level.
    pub level: Level,
    /// Within the insured city or not.
    pub locality: Locality,
    /// With what leave.
    pub referral: Referral,
    /// The categories held.
    pub categories: Categories,
    /// The inpatient settlements of the year before this one.
    pub admissions_before: u32,
}

impl Circumstances {
    /// What decides the terms of every layer.
    pub fn circumstances(&self) -> TermsKey {
        TermsKey { level: self.level, locality: self.locality, referral: self.referral, categories: self.categories }
    }
}

/// Who pays what, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The circumstances.
    pub judged: Circumstances,
    /// The bill's total.
    pub total: Money,
    /// Where it fell.
    pub pools: Pools,
    /// One for each item.
    pub lines: Vec<LineSplit>,
    /// One for each code.
    pub codes: Vec<CodeSplit>,
    /// The layers considered, in the order of payment.
    pub layers: Vec<LayerSplit>,
    /// The layers not considered.
    pub skipped: Vec<(Arc<LayerHead>, SkipReason)>,
    /// What the patient pays.
    pub patient: Money,
}

impl Split {
    /// What each payer pays, in the order of their first layer.
    pub fn payers(&self) -> Vec<(Arc<str>, Money)> {
        let mut sums: Vec<(Arc<str>, Money)> = Vec::new();
        for layer in &self.layers {
            match sums.iter_mut().find(|(payer, _)| *payer == layer.head.payer) {
                Some((_, sum)) => *sum += layer.pays,
                None => sums.push((layer.head.payer.clone(), layer.pays)),
            }
        }
        sums
    }

    /// The digest that a quote gives and a settle may carry: it changes with any figure.
    ///
    /// # Errors
    /// If it cannot be serialised.
    pub fn digest(&self) -> Result<Digest, DigestError> {
        Digest::of_value("split/1", self)
    }
}
