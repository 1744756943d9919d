//! The split: who pays what, with the whole derivation.
//!
//! A split alone suffices to recompute every fen by hand. It is stored and shown as it was decided;
//! nothing in it is computed again later.

use std::sync::Arc;

use smallvec::SmallVec;

use super::claim::UnitPrice;
use super::day::Day;
use super::facts::{CatalogueEntries, CatalogueEntry};
use super::fixed_words::{CapKind, SkipReason};
use super::ids::AccountKey;
use super::layer_head::LayerHead;
use super::money::Money;
use super::policy::PolicyRef;
use super::pools::{DrawnAmounts, PoolPosition, Pools};
use super::resolved_terms::{SplitCap, SplitTerms};
use super::schedule::{Band, BandShare};
use super::short_text::ShortText;
use super::stay::{Opening, StayUse};
use super::sums::LedgerUse;
use super::terms::TermsKey;
use super::words::Pool;

/// The parts of one line of the bill that leave it before its class's pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineSplit {
    /// The part above the price ceiling.
    pub over_limit: Money,
    /// The first share, which the patient bears.
    pub preliminary_self_pay: Money,
}

/// The sums over all lines of one code at one unit price under one row of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSplit {
    /// The position of its entry among those of the split.
    pub position: u16,
    /// The price of the lines.
    pub unit_price: UnitPrice,
    /// Charges minus refunds.
    pub net: Money,
    /// The part above the price ceiling.
    pub over_limit: Money,
    /// The first share.
    pub preliminary_self_pay: Money,
    /// The pool of its class, into which the rest falls, among the pools of the split.
    pub pool: PoolPosition,
}

impl CodeSplit {
    /// The sums of a code without lines.
    pub fn new(position: u16, unit_price: UnitPrice, pool: PoolPosition) -> CodeSplit {
        let (net, over_limit, preliminary_self_pay) = Default::default();
        CodeSplit { position, unit_price, net, over_limit, preliminary_self_pay, pool }
    }

    /// The part that goes to the pool of its class.
    pub fn rest(&self) -> Money {
        self.net - self.over_limit - self.preliminary_self_pay
    }
}

/// What one band pays: the difference of two amounts.
///
/// With a deductible of the year, on the cumulative amounts after and before this claim; on a stay, over the stay with
/// and without this claim; otherwise on this claim's own part of the cumulative amount, and nothing before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandSplit {
    /// With this claim.
    pub after: BandShare,
    /// Without it.
    pub before: BandShare,
}

/// The effect of one cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapSplit {
    /// The limit for this claim; `None` if the cap is lifted.
    pub limit: Option<Money>,
    /// The use of the account before this layer.
    pub before: Money,
    /// The amount that the cap cut off.
    pub cut: Money,
}

/// The bands of a layer: three are kept in place.
pub type BandSplits = SmallVec<[BandSplit; 3]>;

/// The caps of a layer: one is kept in place.
pub type CapSplits = SmallVec<[CapSplit; 1]>;

/// The derivation of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSplit {
    /// The layer, and what is repeated of its terms.
    pub terms: Arc<SplitTerms>,
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
    /// The part of it that was taken before and is credited.
    pub deductible_credited: Money,
    /// The part of the deductible that this claim bears.
    pub deductible_taken: Money,
    /// What the layer had taken on the stay that this claim continues; zero for a first part.
    pub stay: StayUse,
    /// One for each band of `terms`.
    pub bands: BandSplits,
    /// One for each cap of `terms`.
    pub caps: CapSplits,
    /// The amount that the layer pays.
    pub pays: Money,
    /// The amounts drawn from its pools, one for each of them.
    pub drawn: DrawnAmounts,
    /// The accumulators of its ledger of the year before this claim.
    pub ledger_before: LedgerUse,
    /// The layer's accumulated payments of the year before this claim.
    pub paid_before: Money,
}

/// A layer that was not considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedLayer {
    /// Its id.
    pub id: ShortText,
    /// Its name for people.
    pub name: Arc<str>,
    /// Why it was not considered.
    pub reason: SkipReason,
}

impl LayerSplit {
    /// The part of the layer that is the same for every claim.
    pub fn head(&self) -> &LayerHead {
        &self.terms.head
    }

    /// Each of its pools with the amount drawn from it.
    pub fn drawn(&self) -> impl Iterator<Item = (&Pool, Money)> {
        self.head().pools.iter().zip(self.drawn.iter().copied())
    }

    /// Each of its bands with what it pays.
    pub fn bands(&self) -> impl Iterator<Item = (&Band, &BandSplit)> {
        self.terms.bands.iter().zip(&self.bands)
    }

    /// Each of its caps with its effect.
    pub fn caps(&self) -> impl Iterator<Item = (&SplitCap, &CapSplit)> {
        self.terms.caps.iter().zip(&self.caps)
    }

    /// The amount by which a cap of this kind moves its account.
    pub fn amount_of(&self, kind: CapKind) -> Money {
        match kind {
            CapKind::Base => self.base,
            CapKind::Paid => self.pays,
        }
    }
}

/// The circumstances under which a claim was adjudicated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The policy.
    pub policy: PolicyRef,
    /// The day that decided the benefit year and which policy was in force.
    pub day: Day,
    /// The account that the claim changed.
    pub account: AccountKey,
    /// The circumstances that decide the terms of every layer.
    pub terms: TermsKey,
    /// The number of admissions counted in the year before this claim.
    pub admissions_before: u32,
}

/// Who pays what of a claim, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The catalogue entries of the codes.
    pub catalogue: CatalogueEntries,
    /// The layers that were considered, in the order of payment.
    pub layers: Vec<LayerSplit>,
    /// The layers that were not considered, and why.
    pub skipped: Vec<SkippedLayer>,
    /// The amount that the patient pays.
    pub patient: Money,
    /// Whether it counts an admission.
    pub counted_admission: bool,
    /// Whether it is of a visit that counts admissions.
    pub is_stay: bool,
    /// What it continues; `None` for a claim that continues nothing.
    pub opening: Option<Box<Opening>>,
}

impl Split {
    /// The catalogue entry of one of its codes.
    pub fn entry(&self, code: &CodeSplit) -> &CatalogueEntry {
        &self.catalogue[usize::from(code.position)]
    }

    /// The amount that each payer pays, in the order of the payers' first layers.
    pub fn payers(&self) -> Vec<(Arc<str>, Money)> {
        let mut sums: Vec<(Arc<str>, Money)> = Vec::new();
        for layer in &self.layers {
            match sums.iter_mut().find(|(payer, _)| *payer == layer.head().payer) {
                Some((_, sum)) => *sum += layer.pays,
                None => sums.push((layer.head().payer.clone(), layer.pays)),
            }
        }
        sums
    }
}
