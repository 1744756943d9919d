//! A layer's rules after `use` is drawn, and the canonical text that a policy's digest is taken of.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::day::Interval;
use crate::domain::decimal::ExactDecimal;
use crate::domain::ids::Digest;
use crate::domain::money::Money;
use crate::domain::schedule::Schedule;
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, CapKind, Category, Level, Locality, Period, Pool, Referral, Visit};

/// An exact figure as written; a share, a factor or an amount in yuan, as its place says.
pub type Figure = ExactDecimal;

/// A schedule for each level of hospital, in the order of [`Level::ALL`].
pub type Schedules = [Schedule; Level::ALL.len()];

/// A cap as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapRule {
    /// The account.
    pub account: Arc<str>,
    /// What it limits.
    pub of: CapKind,
    /// The most in a benefit year.
    pub annual: Money,
}

/// One operation on a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Becomes this.
    Set(Figure),
    /// Times this.
    Times(Figure),
    /// Plus this.
    Plus(Figure),
}

/// What an entry does to the caps of kind paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapChange {
    /// Lifts them.
    Lift,
    /// Changes their figure.
    By(Operation),
}

/// When an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// All the named circumstances hold; an empty list names none of its kind.
    When {
        /// Where.
        locality: Vec<Locality>,
        /// With what leave.
        referral: Vec<Referral>,
        /// At what level.
        level: Vec<Level>,
    },
    /// The person holds one of these.
    For(Vec<Category>),
}

/// A change of the layer's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it holds.
    pub condition: Condition,
    /// A schedule in place of the layer's.
    pub schedule: Option<Schedules>,
    /// On the deductible.
    pub deductible: Option<Operation>,
    /// On every band's rate.
    pub rate: Option<Operation>,
    /// On every cap of kind paid.
    pub cap: Option<CapChange>,
    /// On the prior self-pay.
    pub prior_self_pay: Option<Operation>,
    /// The rules it rests on.
    pub cites: Vec<Cite>,
    /// Its keys whose figures are assumptions.
    pub assumed: Vec<String>,
}

/// A layer, complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRule {
    /// Its id.
    pub id: Arc<str>,
    /// Its name for people.
    pub name: Arc<str>,
    /// Who pays.
    pub payer: Arc<str>,
    /// For which visits.
    pub visits: Vec<Visit>,
    /// From which pools, in order.
    pub pools: Vec<Pool>,
    /// Over what its schedule runs.
    pub period: Period,
    /// For which categories alone; empty for all.
    pub only: Vec<Category>,
    /// When.
    pub in_force: Interval,
    /// What the patient bears first.
    pub prior_self_pay: Figure,
    /// By level.
    pub schedule: Schedules,
    /// In order.
    pub caps: Vec<CapRule>,
    /// In file order.
    pub when: Vec<Entry>,
    /// In file order; the first that names a category held is used.
    pub for_: Vec<Entry>,
    /// The rules it rests on.
    pub cites: Vec<Cite>,
    /// The keys whose figures are assumptions.
    pub assumed: Vec<String>,
}

/// A policy after `use`, as its canonical text holds it. That text is what the digest is taken of, and
/// a store keeps it beside the settlements that name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// The format of this text.
    pub format: u32,
    /// Its id.
    pub id: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// Of which insurance.
    pub insurance: Arc<str>,
    /// Prefixes of the insured region.
    pub regions: Vec<Arc<str>>,
    /// Its days.
    pub in_force: Interval,
    /// By which day it judges itself.
    pub benefit_year: BenefitYear,
    /// In the order of payment.
    pub layers: Vec<LayerRule>,
}

impl PolicyRule {
    /// The canonical text: JSON, keys in the order of this type.
    pub fn canonical(&self) -> String {
        // The type holds only texts, numbers and lists, which JSON always takes.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The digest of the canonical text.
    pub fn digest(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }
}
