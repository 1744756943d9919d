//! The rules of a policy with complete layers, and the canonical text from which its digest is computed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::Interval;
use crate::domain::decimal::ExactDecimal;
use crate::domain::ids::Digest;
use crate::domain::money::Money;
use crate::domain::schedule::Schedule;
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, CapKind, Category, Level, Locality, Period, Pool, Referral, Visit};

/// An exact figure as written: a share, a factor or an amount in yuan.
pub type Figure = ExactDecimal;

/// A schedule for each level of hospital, in the order of [`Level::ALL`].
pub type Schedules = [Schedule; Level::ALL.len()];

/// A cap as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapRule {
    /// The account.
    pub account: Arc<str>,
    /// What it limits.
    #[serde(rename = "of")]
    pub kind: CapKind,
    /// The limit of a benefit year.
    pub annual: Money,
}

/// One operation on a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Replace the figure.
    Set(Figure),
    /// Multiply the figure.
    Times(Figure),
    /// Add to the figure.
    Plus(Figure),
}

/// The change of an entry to the caps of kind paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapChange {
    /// Lift them.
    Lift,
    /// Change their limit.
    By(Operation),
}

/// The condition of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All the named circumstances hold; an empty list allows any.
    When {
        /// Local or cross-region.
        locality: Vec<Locality>,
        /// The referral.
        referral: Vec<Referral>,
        /// The level of the hospital.
        level: Vec<Level>,
    },
    /// The person holds one of these categories.
    For(Vec<Category>),
}

/// A change of a layer's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it applies.
    pub condition: Condition,
    /// A schedule in place of the layer's.
    pub schedule: Option<Schedules>,
    /// An operation on the deductible.
    pub deductible: Option<Operation>,
    /// An operation on the rate of every band.
    pub rate: Option<Operation>,
    /// A change of every cap of kind paid.
    pub cap: Option<CapChange>,
    /// An operation on the prior self-pay.
    pub prior_self_pay: Option<Operation>,
    /// The sources it cites.
    pub cites: Vec<Cite>,
    /// Its keys with figures that are assumptions.
    pub assumed: Vec<String>,
}

/// A complete layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRule {
    /// Its id.
    pub id: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Its payer.
    pub payer: Arc<str>,
    /// The visits it applies to.
    pub visits: Vec<Visit>,
    /// The pools it may draw on, in order.
    pub pools: Vec<Pool>,
    /// The period over which its schedule accumulates.
    pub period: Period,
    /// The categories it is limited to; empty for everyone.
    pub only: Vec<Category>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// The share that the patient bears first.
    pub prior_self_pay: Figure,
    /// Its schedules, by level.
    pub schedule: Schedules,
    /// Its caps, in file order.
    pub caps: Vec<CapRule>,
    /// Its `when` entries, in file order.
    pub when: Vec<Entry>,
    /// Its `for` entries, in file order; the first that names a category of the person applies.
    pub for_: Vec<Entry>,
    /// The sources it cites.
    pub cites: Vec<Cite>,
    /// Its keys with figures that are assumptions.
    pub assumed: Vec<String>,
}

/// A policy with complete layers. Its digest is computed from its canonical text, which a store keeps
/// beside the settlements that name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// The format of this text.
    pub format: u32,
    /// Its id.
    pub id: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// The insurance it governs.
    pub insurance: Arc<str>,
    /// The prefixes of the insured region; empty for a library.
    pub regions: Vec<Arc<str>>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// Whether the day of discharge or of admission decides.
    pub benefit_year: BenefitYear,
    /// Its layers, in the order of payment.
    pub layers: Vec<LayerRule>,
}

impl PolicyRule {
    /// The canonical text: JSON, keys in the order of this type.
    pub fn canonical(&self) -> String {
        // The type contains only texts, numbers and lists, which always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The digest of the canonical text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }
}
