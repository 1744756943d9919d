//! The part of a layer that is the same for every claim.

use std::sync::Arc;

use super::fixed_words::{DeductiblePer, Period};
use super::short_text::ShortText;
use super::words::Pool;

/// The part of a layer that is the same for every claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerHead {
    /// Its id, which also names its accumulators.
    pub id: ShortText,
    /// Its name for people.
    pub name: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
    /// The pools it may draw on, in order.
    pub pools: Vec<Pool>,
    /// The period over which the schedule accumulates.
    pub period: Period,
    /// The ledger of its cumulative amount, where it is not its own.
    pub shared_ledger: Option<ShortText>,
    /// When its deductible applies.
    pub deductible_per: DeductiblePer,
    /// Whether every `upto` is measured above the deductible.
    pub bands_over_excess: bool,
    /// Whether a transfer credits the deductible taken before it.
    pub credits_transfer: bool,
}

impl LayerHead {
    /// The name of its ledger.
    pub fn ledger(&self) -> &ShortText {
        self.shared_ledger.as_ref().unwrap_or(&self.id)
    }
}
