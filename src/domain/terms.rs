//! The resolved terms of a layer, and the circumstances that decide them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fixed_words::{CapKind, Locality, Referral};
use super::money::Money;
use super::rate::Rate;
use super::schedule::Schedule;
use super::share::ShareOfPools;
use super::short_text::ShortText;
use super::words::{Categories, Disease, Level, Pool, Tag, WordSet};

/// The limit of a cap (封顶线).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Of a benefit year; `None` if the cap is lifted.
    Annual(Option<Money>),
    /// Of one claim, or of the parts of one stay.
    PerClaim(Money),
    /// Of one claim or stay: a share of what fell into pools.
    ShareOfClaim(ShareOfPools),
}

impl Limit {
    /// Whether it is a limit of one claim.
    pub fn is_per_claim(&self) -> bool {
        !matches!(self, Limit::Annual(_))
    }
}

/// A limit on one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cap {
    /// The account; layers that name the same one share it.
    pub account: ShortText,
    /// What it limits.
    pub kind: CapKind,
    /// The limit.
    pub limit: Limit,
    /// The pool into which a cap of kind base moves what it cuts off.
    pub overflow: Option<Pool>,
}

/// The source of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cite {
    /// The policy file and the key in its `[sources]`: `shandong-2017#circular-37`.
    pub source: Arc<str>,
    /// The document's title and clause.
    pub text: Arc<str>,
}

/// A key of a layer with a figure that no public text gives.
pub type AssumedKey = Arc<str>;

/// The terms of a layer for a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// The share of the residual that the patient bears before the schedule applies.
    pub prior_self_pay: Rate,
    /// The schedule.
    pub schedule: Schedule,
    /// The caps, in order.
    pub caps: Vec<Cap>,
    /// The sources of these terms.
    pub cites: Arc<[Cite]>,
    /// The keys of figures in use that are assumptions.
    pub assumed: Arc<[AssumedKey]>,
}

/// The circumstances that decide which terms apply.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TermsKey {
    /// The hospital's level.
    pub level: Level,
    /// Where the hospital lies, seen from the insured region.
    pub locality: Locality,
    /// The referral.
    pub referral: Referral,
    /// The hospital's tags.
    pub tags: WordSet<Tag>,
    /// The diseases of the diagnosis.
    pub diseases: WordSet<Disease>,
    /// The categories the person holds.
    pub categories: Categories,
}
