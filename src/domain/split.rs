//! The split: who pays what, with the whole derivation.
//!
//! A split alone suffices to recompute every fen by hand. It is stored and shown as it was decided;
//! nothing in it is computed again later.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::claim::UnitPrice;
use super::day::Day;
use super::facts::{CatalogueEntry, Class};
use super::ids::{AccountKey, Digest, DigestError};
use super::money::Money;
use super::policy::{LayerHead, PolicyRef, SkipReason};
use super::pools::Pools;
use super::schedule::BandShare;
use super::terms::{Terms, TermsKey};
use super::vocabulary::{Categories, Level, Locality, Pool, Referral, Visit};

/// The parts of one line of the bill that leave it before its class's pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSplit {
    /// The part above the price ceiling.
    pub over_limit: Money,
    /// The part of class B that the patient bears first.
    pub preliminary_self_pay: Money,
}

/// The sums over all lines of one code at one unit price under one row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSplit {
    /// The catalogue entry of the code.
    pub entry: Arc<CatalogueEntry>,
    /// The position of the entry among those of the facts.
    pub position: u16,
    /// The price of the lines.
    pub unit_price: UnitPrice,
    /// Charges minus refunds.
    pub net: Money,
    /// The part above the price ceiling.
    pub over_limit: Money,
    /// The part of class B that the patient bears first.
    pub preliminary_self_pay: Money,
}

impl CodeSplit {
    /// The sums of a code without lines.
    pub fn new(entry: Arc<CatalogueEntry>, position: u16, unit_price: UnitPrice) -> CodeSplit {
        let (net, over_limit, preliminary_self_pay) = Default::default();
        CodeSplit { entry, position, unit_price, net, over_limit, preliminary_self_pay }
    }

    /// The part that goes to the pool of its class.
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

/// What one band pays at the cumulative amounts after and before this claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandSplit {
    /// At `c1`.
    pub after: BandShare,
    /// At `c0`.
    pub before: BandShare,
}

/// The effect of one cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapSplit {
    /// The cap's accumulator before this layer.
    pub before: Money,
    /// The amount that the cap cut off.
    pub cut: Money,
}

/// The derivation of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSplit {
    /// The layer.
    pub head: Arc<LayerHead>,
    /// The terms that applied.
    pub terms: Arc<Terms>,
    /// The amount that earlier layers left in its pools.
    pub residual: Money,
    /// The residual after prior self-pay and the caps on the base.
    pub base: Money,
    /// The cumulative amount before.
    pub c0: Money,
    /// The cumulative amount after.
    pub c1: Money,
    /// The deductible that applied.
    pub deductible: Money,
    /// The part of the deductible that this claim bears.
    pub deductible_taken: Money,
    /// One for each band of the schedule.
    pub bands: Vec<BandSplit>,
    /// One for each cap of the terms.
    pub caps: Vec<CapSplit>,
    /// The amount that the layer pays.
    pub pays: Money,
    /// The amounts drawn from each pool.
    pub drawn: Vec<(Pool, Money)>,
    /// The layer's accumulated base of the year before this claim.
    pub base_before: Money,
    /// The layer's accumulated payments of the year before this claim.
    pub paid_before: Money,
}

/// The circumstances under which a claim was adjudicated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The policy.
    pub policy: PolicyRef,
    /// The day that decided the benefit year and which policy was in force.
    pub day: Day,
    /// The account that the claim changed.
    pub account: AccountKey,
    /// The kind of visit.
    pub visit: Visit,
    /// The hospital's level.
    pub level: Level,
    /// Whether the hospital lies in the insured city.
    pub locality: Locality,
    /// The referral.
    pub referral: Referral,
    /// The categories held.
    pub categories: Categories,
    /// The number of inpatient settlements of the year before this one.
    pub admissions_before: u32,
}

impl Circumstances {
    /// The part that decides the terms of every layer.
    pub fn terms_key(&self) -> TermsKey {
        TermsKey { level: self.level, locality: self.locality, referral: self.referral, categories: self.categories }
    }
}

/// Who pays what of a claim, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The circumstances.
    pub circumstances: Circumstances,
    /// The bill's total.
    pub total: Money,
    /// How it is distributed over the pools.
    pub pools: Pools,
    /// One for each item.
    pub lines: Vec<LineSplit>,
    /// One for each code, unit price and row of the catalogue.
    pub codes: Vec<CodeSplit>,
    /// The layers that were considered, in the order of payment.
    pub layers: Vec<LayerSplit>,
    /// The layers that were not considered.
    pub skipped: Vec<(Arc<LayerHead>, SkipReason)>,
    /// The amount that the patient pays.
    pub patient: Money,
}

impl Split {
    /// The amount that each payer pays, in the order of the payers' first layers.
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

    /// The digest that a quote returns and a settle request may carry; any other figure changes it.
    ///
    /// # Errors
    /// If it cannot be serialised.
    pub fn digest(&self) -> Result<Digest, DigestError> {
        Digest::of_value("split/1", self)
    }
}
