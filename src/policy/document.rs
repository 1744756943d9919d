//! A policy file as written, before its `use` keys are replaced.

use crate::domain::day::Interval;
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, Category, Period, Pool, Visit};

use super::rule::{CapRule, Entry, Figure, Schedules};

/// A policy file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The name of the file.
    pub file: String,
    /// Its id.
    pub id: String,
    /// The line of the id.
    pub id_line: usize,
    /// Whether everything but its layers was read without a fault.
    pub sound: bool,
    /// Its title.
    pub title: String,
    /// The insurance it governs.
    pub insurance: String,
    /// The prefixes of the insured region; empty for a library.
    pub regions: Vec<String>,
    /// The line of the regions.
    pub regions_line: usize,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// Whether the day of discharge or of admission decides.
    pub benefit_year: BenefitYear,
    /// Its layers, in the order of payment.
    pub layers: Vec<LayerText>,
}

/// A layer as written; a key that is absent may come from the layer that its `use` names.
#[derive(Clone, Debug, Default)]
pub struct LayerText {
    /// The line on which it begins.
    pub line: usize,
    /// Whether its keys, and those of the layers it draws, were read without a fault.
    pub sound: bool,
    /// The layer that `use` names: file id and layer id.
    pub draws: Option<(String, String)>,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its payer.
    pub payer: Option<String>,
    /// The visits it applies to.
    pub visits: Option<Vec<Visit>>,
    /// The pools it may draw on, in order.
    pub pools: Option<Vec<Pool>>,
    /// The period over which its schedule accumulates.
    pub period: Option<Period>,
    /// The categories it is limited to.
    pub only: Option<Vec<Category>>,
    /// The days on which it is in force.
    pub in_force: Option<Interval>,
    /// The share that the patient bears first.
    pub prior_self_pay: Option<Figure>,
    /// Its schedules.
    pub schedule: Option<Schedules>,
    /// Its caps.
    pub caps: Option<Vec<CapRule>>,
    /// Its `when` entries.
    pub when: Option<Vec<Entry>>,
    /// Its `for` entries.
    pub for_: Option<Vec<Entry>>,
    /// The sources it cites.
    pub cites: Option<Vec<Cite>>,
    /// Its keys with figures that are assumptions.
    pub assumed: Vec<String>,
}
