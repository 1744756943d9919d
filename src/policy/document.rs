//! A policy file as written, before its `use` keys are replaced.

use std::sync::Arc;

use crate::domain::day::Interval;
use crate::domain::fixed_words::{BenefitYear, DeductiblePer, Period};
use crate::domain::rule::{Conditions, Figure, ForEntry, WhenEntry};
use crate::domain::terms::Cite;
use crate::domain::words::{Category, Pool, Visit};

use super::entry_reader::EntryText;
use super::schedule_reader::{CapText, SchedulesText};
use super::toml_reader::Lined;

/// A policy file.
#[derive(Clone, Debug)]
pub(super) struct Document {
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
    /// The line of the insurance.
    pub insurance_line: usize,
    /// The prefixes of the insured region; empty for a library.
    pub regions: Vec<String>,
    /// Prefixes of regions that pool their funds.
    pub pooling: Vec<String>,
    /// The days on which it is in force.
    pub in_force: Interval,
    /// The line of those days.
    pub in_force_line: usize,
    /// Whether the day of discharge or of admission decides.
    pub benefit_year: BenefitYear,
    /// The line of that.
    pub benefit_year_line: usize,
    /// Its layers, in the order of payment.
    pub layers: Vec<LayerText>,
}

/// A key's value with its line.
pub(super) type Key<T> = Option<Lined<T>>;

/// A layer as written; a key that is absent may come from the layer that its `use` names.
#[derive(Clone, Debug, Default)]
pub(super) struct LayerText {
    /// The line on which it begins.
    pub line: usize,
    /// Whether its keys, and those of the layers it draws, were read without a fault.
    pub sound: bool,
    /// The layer that `use` names: file id and layer id.
    pub draws: Key<(String, String)>,
    /// Its id.
    pub id: Key<String>,
    /// Its name.
    pub name: Key<String>,
    /// Its payer.
    pub payer: Key<String>,
    /// The visits it applies to.
    pub visits: Key<Vec<Visit>>,
    /// The pools it may draw on, in order.
    pub pools: Key<Vec<Pool>>,
    /// The period over which its schedule accumulates.
    pub period: Key<Period>,
    /// The ledger that it shares.
    pub ledger: Key<Arc<str>>,
    /// When its deductible applies.
    pub deductible_per: Key<DeductiblePer>,
    /// `bands_over`, which has one word: `excess`.
    pub bands_over_excess: Key<bool>,
    /// `on_transfer`, which has one word: `credit`.
    pub credits_transfer: Key<bool>,
    /// The circumstances in which it applies.
    pub conditions: Key<Conditions>,
    /// The categories it is limited to.
    pub only: Key<Vec<Category>>,
    /// The categories it leaves out.
    pub except: Key<Vec<Category>>,
    /// The days on which it is in force.
    pub in_force: Key<Interval>,
    /// The share that the patient bears first.
    pub prior_self_pay: Key<Figure>,
    /// Its schedules.
    pub schedule: Key<SchedulesText>,
    /// Its caps.
    pub caps: Key<Vec<CapText>>,
    /// Its `when` entries.
    pub when: Key<Vec<EntryText<WhenEntry>>>,
    /// Its `for` entries.
    pub for_: Key<Vec<EntryText<ForEntry>>>,
    /// The sources it cites.
    pub cites: Key<Vec<Cite>>,
    /// Its keys with figures that are assumptions.
    pub assumed: Vec<String>,
}

/// The value of a key.
pub(super) fn value<T>(key: Key<T>) -> Option<T> {
    key.map(|lined| lined.value)
}

impl LayerText {
    /// The id of the layer, its own or that of the layer it draws.
    pub(super) fn layer_id(&self) -> Option<&str> {
        let drawn = || self.draws.as_ref().map(|draws| draws.value.1.as_str());
        self.id.as_ref().map(|id| id.value.as_str()).or_else(drawn)
    }

    /// The line to which a fault of the layer as a whole belongs: that of its id, its `use`, or its first line.
    pub(super) fn id_line(&self) -> usize {
        let draws = || self.draws.as_ref().map(|draws| draws.line);
        self.id.as_ref().map(|id| id.line).or_else(draws).unwrap_or(self.line)
    }

    /// This layer with the absent keys filled from the layer that it draws, and the assumptions of both. What is drawn is
    /// at the line of the `use`.
    pub(super) fn filled_from(self, drawn: &LayerText, line: usize) -> LayerText {
        fn own_or_drawn<T: Clone>(own: Key<T>, drawn: &Key<T>, line: usize) -> Key<T> {
            own.or_else(|| drawn.as_ref().map(|key| Lined { value: key.value.clone(), line }))
        }
        let mut assumed = drawn.assumed.clone();
        assumed.extend(self.assumed.into_iter().filter(|key| !drawn.assumed.contains(key)));
        let mut layer = LayerText {
            line: self.line,
            sound: self.sound && drawn.sound,
            draws: drawn.draws.as_ref().map(|draws| Lined { value: draws.value.clone(), line }),
            id: own_or_drawn(self.id, &drawn.id, line),
            name: own_or_drawn(self.name, &drawn.name, line),
            payer: own_or_drawn(self.payer, &drawn.payer, line),
            visits: own_or_drawn(self.visits, &drawn.visits, line),
            pools: own_or_drawn(self.pools, &drawn.pools, line),
            period: own_or_drawn(self.period, &drawn.period, line),
            ledger: own_or_drawn(self.ledger, &drawn.ledger, line),
            deductible_per: own_or_drawn(self.deductible_per, &drawn.deductible_per, line),
            bands_over_excess: own_or_drawn(self.bands_over_excess, &drawn.bands_over_excess, line),
            credits_transfer: own_or_drawn(self.credits_transfer, &drawn.credits_transfer, line),
            conditions: own_or_drawn(self.conditions, &drawn.conditions, line),
            only: own_or_drawn(self.only, &drawn.only, line),
            except: own_or_drawn(self.except, &drawn.except, line),
            in_force: own_or_drawn(self.in_force, &drawn.in_force, line),
            prior_self_pay: own_or_drawn(self.prior_self_pay, &drawn.prior_self_pay, line),
            cites: own_or_drawn(self.cites, &drawn.cites, line),
            schedule: self.schedule,
            caps: self.caps,
            when: self.when,
            for_: self.for_,
            assumed,
        };
        layer.fill_lists(drawn, line);
        layer
    }

    /// The keys that hold lines of the drawn file within: they are replaced.
    fn fill_lists(&mut self, drawn: &LayerText, line: usize) {
        if self.schedule.is_none() {
            self.schedule = drawn.schedule.clone();
            let lines = self.schedule.iter_mut().flat_map(|key| &mut key.value.deductible_lines);
            lines.for_each(|at| *at = line);
        }
        if self.caps.is_none() {
            self.caps = drawn.caps.clone();
            for cap in self.caps.iter_mut().flat_map(|key| &mut key.value) {
                (cap.account_line, cap.limit_line, cap.overflow_line) = (line, line, line);
            }
        }
        if self.when.is_none() {
            self.when = drawn.when.clone();
            self.when.iter_mut().flat_map(|key| &mut key.value).for_each(|entry| entry.move_to(line));
        }
        if self.for_.is_none() {
            self.for_ = drawn.for_.clone();
            self.for_.iter_mut().flat_map(|key| &mut key.value).for_each(|entry| entry.move_to(line));
        }
    }
}

impl<E> EntryText<E> {
    fn move_to(&mut self, line: usize) {
        (self.line, self.category_line) = (line, line);
        self.deductible_lines.iter_mut().for_each(|at| *at = line);
    }
}
