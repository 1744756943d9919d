//! The rules of a policy as written, with complete layers, and the canonical text from which its digest is computed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::canonical_text::{CanonicalText, NoCanonicalText};
use super::day::{Day, Interval};
use super::decimal::ExactDecimal;
use super::fixed_words::{BenefitYear, CapKind, DeductiblePer, Locality, Period, Referral};
use super::terms::Cite;
use super::word_meanings::WordMeanings;
use super::words::{Category, Disease, Level, Pool, Tag, Visit};

/// An exact figure: a share, a factor or an amount in yuan. A share of a named figure is the amount that it gives.
pub type Figure = ExactDecimal;

/// A deductible as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeductibleRule {
    /// By the number of admissions counted in the year so far, from 0; the last repeats. Not empty.
    Amounts(Vec<Figure>),
    /// A share of what fell into pools.
    Share {
        /// The share.
        share: Figure,
        /// The pools.
        of: Vec<Pool>,
    },
}

/// One band of a schedule as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandRule {
    /// The amount at which it ends; the last band is open.
    pub upto: Option<Figure>,
    /// The share that is paid.
    pub rate: Figure,
}

/// A schedule as written: bands above a deductible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRule {
    /// The deductible.
    pub deductible: DeductibleRule,
    /// In ascending order, the last open.
    pub bands: Vec<BandRule>,
}

/// The schedules of a layer or an entry, by level of hospital.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedules {
    /// Those of named levels.
    pub levels: Vec<(Level, ScheduleRule)>,
    /// That of every level not named; absent where all are.
    pub other: Option<ScheduleRule>,
}

impl Schedules {
    /// The schedule at a level; `None` for a level that the file's vocabulary does not hold.
    pub fn at(&self, level: &Level) -> Option<&ScheduleRule> {
        let named = self.levels.iter().find(|(known, _)| known == level).map(|(_, schedule)| schedule);
        named.or(self.other.as_ref())
    }

    /// Every schedule.
    pub fn iter(&self) -> impl Iterator<Item = &ScheduleRule> {
        self.levels.iter().map(|(_, schedule)| schedule).chain(&self.other)
    }
}

/// The limit of a cap as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitRule {
    /// Of a benefit year.
    Annual(Figure),
    /// Of one claim, or of the parts of one stay.
    PerClaim(Figure),
    /// Of one claim, a share of what fell into pools.
    ShareOfClaim {
        /// The share.
        share: Figure,
        /// The pools.
        of: Vec<Pool>,
    },
}

/// A cap as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapRule {
    /// The account; layers that name the same one share it.
    pub account: Arc<str>,
    /// What it limits.
    #[serde(rename = "of")]
    pub kind: CapKind,
    /// The limit.
    pub limit: LimitRule,
    /// The pool into which a cap of kind base moves what it cuts off.
    pub overflow: Option<Pool>,
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

/// The change of an entry to the annual caps of kind paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapChange {
    /// Lift them, whatever other entries say.
    Lift,
    /// Change their limit.
    By(Operation),
}

/// Conditions, all of which must hold; of each list one word must hold, and an empty list allows any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Where the hospital lies; the shorthands of the file are spelled out.
    pub locality: Vec<Locality>,
    /// The referral.
    pub referral: Vec<Referral>,
    /// The level of the hospital.
    pub level: Vec<Level>,
    /// The hospital's tags.
    pub tag: Vec<Tag>,
    /// The diseases of the diagnosis.
    pub disease: Vec<Disease>,
}

/// What an entry changes of a layer's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Schedules in place of the layer's.
    pub schedule: Option<Schedules>,
    /// An operation on the deductible.
    pub deductible: Option<Operation>,
    /// An operation on the rate of every band.
    pub rate: Option<Operation>,
    /// A change of every annual cap of kind paid.
    pub cap: Option<CapChange>,
    /// An operation on the prior self-pay.
    pub prior_self_pay: Option<Operation>,
    /// The sources it cites.
    pub cites: Vec<Cite>,
    /// Its keys with figures that are assumptions.
    pub assumed: Vec<String>,
}

impl Change {
    /// Whether it changes nothing: whoever it names keeps the layer's terms.
    pub fn keeps_the_terms(&self) -> bool {
        let Change { schedule, deductible, rate, cap, prior_self_pay, .. } = self;
        schedule.is_none() && deductible.is_none() && rate.is_none() && cap.is_none() && prior_self_pay.is_none()
    }
}

/// A change for circumstances of a visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhenEntry {
    /// When it applies.
    #[serde(rename = "if")]
    pub conditions: Conditions,
    /// What it changes.
    pub change: Change,
}

/// A change for persons: the first of its group that fits applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForEntry {
    /// The group; `None` is the default group.
    pub group: Option<Arc<str>>,
    /// The categories of which the person holds one.
    pub category: Vec<Category>,
    /// The circumstances in which it fits.
    #[serde(rename = "if")]
    pub conditions: Conditions,
    /// What it changes.
    pub change: Change,
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
    /// The ledger of its cumulative amount, where it is not its own.
    pub ledger: Option<Arc<str>>,
    /// When its deductible applies.
    pub deductible_per: DeductiblePer,
    /// Whether every `upto` is measured above the deductible.
    pub bands_over_excess: bool,
    /// Whether a transfer credits the deductible taken before it.
    pub credits_transfer: bool,
    /// The circumstances in which it applies.
    #[serde(rename = "if")]
    pub conditions: Conditions,
    /// The categories it is limited to; empty for everyone.
    pub only: Vec<Category>,
    /// The categories that it leaves out.
    pub except: Vec<Category>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// The share that the patient bears first.
    pub prior_self_pay: Figure,
    /// Its schedules, by level.
    pub schedule: Schedules,
    /// Its caps, in file order.
    pub caps: Vec<CapRule>,
    /// Its `when` entries, in file order.
    pub when: Vec<WhenEntry>,
    /// Its `for` entries, in file order.
    #[serde(rename = "for")]
    pub for_: Vec<ForEntry>,
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
    /// Prefixes of regions that pool their funds, so that two regions with a common one count as one city.
    pub pooling: Vec<Arc<str>>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// Whether the day of discharge or of admission decides.
    pub benefit_year: BenefitYear,
    /// What the words of its book mean.
    pub words: WordMeanings,
    /// Its layers, in the order of payment.
    pub layers: Vec<LayerRule>,
}

impl PolicyRule {
    /// The format of the canonical text.
    pub const FORMAT: u32 = 2;

    /// The canonical text: JSON, keys in the order of this type, the version of the form first.
    ///
    /// # Errors
    /// If a part of the rule cannot be serialized.
    pub fn canonical(&self) -> Result<CanonicalText, NoCanonicalText> {
        CanonicalText::of_versioned(self)
    }

    /// The day that decides the benefit year and whether policy and layers are in force.
    pub fn policy_day(&self, admitted: Day, discharged: Day) -> Day {
        match self.benefit_year {
            BenefitYear::Discharge => discharged,
            BenefitYear::Admission => admitted,
        }
    }

    /// Whether a layer of the file, in force or not, credits transfers.
    pub fn credits_transfers(&self) -> bool {
        self.layers.iter().any(|layer| layer.credits_transfer)
    }
}
