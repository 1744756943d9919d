//! What a policy file says, figure by figure, before any `use` is drawn.

use crate::domain::day::Interval;
use crate::domain::terms::Cite;
use crate::domain::vocabulary::{BenefitYear, Category, Period, Pool, Visit};

use super::rule::{CapRule, Entry, Figure, Schedules};

/// A file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name.
    pub file: String,
    /// Its id.
    pub id: String,
    /// The line of it.
    pub id_line: usize,
    /// Whether all but its layers could be read.
    pub sound: bool,
    /// Its title.
    pub title: String,
    /// The insurance it governs.
    pub insurance: String,
    /// The prefixes of the insured region; none makes it a library.
    pub regions: Vec<String>,
    /// The line of them.
    pub regions_line: usize,
    /// Its days.
    pub in_force: Interval,
    /// By which day it judges itself.
    pub benefit_year: BenefitYear,
    /// Its layers, in the order of payment.
    pub layers: Vec<LayerText>,
}

/// A layer as written: a key that is absent may come from the layer it draws.
#[derive(Clone, Debug, Default)]
pub struct LayerText {
    /// The line it begins on.
    pub line: usize,
    /// Whether every key of it, and of what it draws, could be read.
    pub sound: bool,
    /// The layer it draws: file id and layer id.
    pub draws: Option<(String, String)>,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Who pays.
    pub payer: Option<String>,
    /// For which visits.
    pub visits: Option<Vec<Visit>>,
    /// From which pools, in order.
    pub pools: Option<Vec<Pool>>,
    /// Over what its schedule runs.
    pub period: Option<Period>,
    /// For which categories alone.
    pub only: Option<Vec<Category>>,
    /// When.
    pub in_force: Option<Interval>,
    /// What the patient bears first.
    pub prior_self_pay: Option<Figure>,
    /// Its schedules.
    pub schedule: Option<Schedules>,
    /// Its caps.
    pub caps: Option<Vec<CapRule>>,
    /// Its entries by circumstances.
    pub when: Option<Vec<Entry>>,
    /// Its entries by category.
    pub for_: Option<Vec<Entry>>,
    /// The rules it rests on.
    pub cites: Option<Vec<Cite>>,
    /// The keys whose figures are assumptions.
    pub assumed: Vec<String>,
}
