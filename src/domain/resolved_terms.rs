//! The terms of a layer in some circumstances, resolved, with what splits repeat of them.

use std::sync::Arc;

use super::fixed_words::{CapKind, SkipReason};
use super::layer_head::LayerHead;
use super::rate::Rate;
use super::schedule::Band;
use super::short_text::ShortText;
use super::terms::{AssumedKey, Cap, Cite, Terms};
use super::words::Pool;

/// The terms of a layer that is considered, and what its splits repeat of them.
#[derive(Clone, Debug)]
pub struct ResolvedTerms {
    /// The terms.
    pub terms: Terms,
    /// What a split repeats of them.
    pub of_splits: Arc<SplitTerms>,
}

/// The terms of a layer, or why it is not considered.
pub type LayerTerms = Result<Arc<ResolvedTerms>, SkipReason>;

/// What a split repeats of the terms of a layer. It is the same for every claim in the same circumstances, and shared by
/// their splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitTerms {
    /// The layer.
    pub head: Arc<LayerHead>,
    /// The share of the residual that the patient bears before the schedule applies.
    pub prior_self_pay: Rate,
    /// The bands of the schedule, in ascending order.
    pub bands: Vec<Band>,
    /// The caps, in order.
    pub caps: Vec<SplitCap>,
    /// The sources of the terms that applied.
    pub cites: Arc<[Cite]>,
    /// The keys of figures in use that are assumptions.
    pub assumed: Arc<[AssumedKey]>,
}

impl SplitTerms {
    /// What a split of this layer repeats of these terms.
    pub(super) fn new(head: &Arc<LayerHead>, terms: &Terms) -> SplitTerms {
        SplitTerms {
            head: Arc::clone(head),
            prior_self_pay: terms.prior_self_pay,
            bands: terms.schedule.bands.clone(),
            caps: terms.caps.iter().map(SplitCap::from).collect(),
            cites: Arc::clone(&terms.cites),
            assumed: Arc::clone(&terms.assumed),
        }
    }
}

/// A cap of a layer, without its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitCap {
    /// The account; layers that name the same one share it.
    pub account: ShortText,
    /// What it limits.
    pub kind: CapKind,
    /// Whether the limit is of one claim, or of the parts of one stay; else it is of a benefit year.
    pub is_per_claim: bool,
    /// The pool into which a cap of kind base moves what it cuts off.
    pub overflow: Option<Pool>,
}

impl From<&Cap> for SplitCap {
    fn from(cap: &Cap) -> SplitCap {
        let (account, overflow) = (cap.account.clone(), cap.overflow.clone());
        SplitCap { account, kind: cap.kind, is_per_claim: cap.limit.is_per_claim(), overflow }
    }
}
