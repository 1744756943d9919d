//! Resolves the rules of a layer to its terms, for all circumstances.
//!
//! The entries that apply (`semantics`, section 4) are every `when` entry with a condition that holds, in
//! file order, then the first `for` entry with a category of the person. Their schedules come first, a
//! later one wins; then their operations, in the same order; rounding and bounds once, at the end.

use std::sync::Arc;

use crate::domain::decimal::ExactDecimal;
use crate::domain::money::Money;
use crate::domain::policy::{Layer, LayerHead, Policy, PolicyRef};
use crate::domain::rate::Rate;
use crate::domain::schedule::{Band, Schedule};
use crate::domain::terms::{Cap, Cite, Terms, TermsKey, TermsTable};
use crate::domain::vocabulary::CapKind;

use super::rule::{CapChange, Condition, Entry, LayerRule, Operation, PolicyRule};

/// A figure of this layer resolves, in some circumstances, to more digits than are computed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the figures of layer `{0}` together need more than 20 decimals or 28 digits")]
pub struct Inexact(pub Arc<str>);

/// The policy of some rules, with the terms of every layer resolved.
///
/// # Errors
/// If a layer's figures cannot be computed exactly.
pub fn resolve_policy(rule: &PolicyRule) -> Result<Policy, Inexact> {
    let layers = rule.layers.iter().map(resolve_layer).collect::<Result<_, _>>()?;
    Ok(Policy {
        reference: PolicyRef { id: rule.id.clone(), digest: rule.digest() },
        title: rule.title.clone(),
        insurance: rule.insurance.clone(),
        regions: rule.regions.clone(),
        in_force: rule.in_force,
        benefit_year: rule.benefit_year,
        layers,
    })
}

fn resolve_layer(rule: &LayerRule) -> Result<Layer, Inexact> {
    let head = LayerHead {
        id: rule.id.clone(),
        name: rule.name.clone(),
        payer: rule.payer.clone(),
        pools: rule.pools.clone(),
        period: rule.period,
    };
    let group = |key: &TermsKey| (key.level, entries_for(rule, key).map(std::ptr::from_ref).collect::<Vec<_>>());
    let terms = |key: &TermsKey| resolve_terms(rule, key).ok_or_else(|| Inexact(rule.id.clone()));
    Ok(Layer {
        head: Arc::new(head),
        visits: rule.visits.clone(),
        in_force: rule.in_force,
        only: (!rule.only.is_empty()).then(|| rule.only.iter().copied().collect()),
        terms: TermsTable::build(group, terms)?,
    })
}

/// The terms for a key; `None` if a figure cannot be computed exactly.
fn resolve_terms(rule: &LayerRule, key: &TermsKey) -> Option<Terms> {
    let entries: Vec<&Entry> = entries_for(rule, key).collect();
    let mut draft = Draft::new(rule, key);
    for entry in &entries {
        draft.replace_schedule(entry, key);
    }
    for entry in &entries {
        draft.apply_operations(entry)?;
    }
    draft.finish(&entries)
}

/// The entries that apply for a key, in the order in which they act.
fn entries_for<'a>(rule: &'a LayerRule, key: &'a TermsKey) -> impl Iterator<Item = &'a Entry> {
    let when = rule.when.iter().filter(|entry| is_met(&entry.condition, key));
    when.chain(rule.for_.iter().find(|entry| is_met(&entry.condition, key)))
}

fn is_met(condition: &Condition, key: &TermsKey) -> bool {
    fn allows<T: PartialEq>(list: &[T], actual: T) -> bool {
        list.is_empty() || list.contains(&actual)
    }
    match condition {
        Condition::When { locality, referral, level } => {
            allows(locality, key.locality) && allows(referral, key.referral) && allows(level, key.level)
        }
        Condition::For(categories) => categories.iter().any(|category| key.categories.has(*category)),
    }
}

/// The kinds of figures in use that are assumptions.
#[derive(Clone, Copy, Default)]
struct Assumed {
    deductible: bool,
    bands: bool,
    rate: bool,
    cap: bool,
    prior_self_pay: bool,
}

/// Unfinished terms: exact figures, not yet rounded or bounded.
struct Draft<'a> {
    rule: &'a LayerRule,
    deductibles: Vec<ExactDecimal>,
    bands: Vec<(Option<Money>, ExactDecimal)>,
    caps: Vec<(&'a super::rule::CapRule, Option<ExactDecimal>)>,
    prior_self_pay: ExactDecimal,
    assumed: Assumed,
}

impl<'a> Draft<'a> {
    fn new(rule: &'a LayerRule, key: &TermsKey) -> Self {
        let assumes = |key: &str| rule.assumed.iter().any(|assumed| assumed == key);
        let mut draft = Draft {
            rule,
            deductibles: Vec::new(),
            bands: Vec::new(),
            caps: rule.caps.iter().map(|cap| (cap, Some(cap.annual.into()))).collect(),
            prior_self_pay: rule.prior_self_pay,
            assumed: Assumed { cap: assumes("cap"), prior_self_pay: assumes("prior_self_pay"), ..Assumed::default() },
        };
        draft.take_schedule(&rule.schedule[key.level as usize], assumes("schedule"));
        draft
    }

    fn take_schedule(&mut self, schedule: &Schedule, assumed: bool) {
        self.deductibles = schedule.deductibles.iter().map(|amount| (*amount).into()).collect();
        self.bands = schedule.bands.iter().map(|band| (band.upto, band.rate.into())).collect();
        self.assumed = Assumed { deductible: assumed, bands: assumed, rate: assumed, ..self.assumed };
    }

    fn replace_schedule(&mut self, entry: &Entry, key: &TermsKey) {
        if let Some(schedules) = &entry.schedule {
            self.take_schedule(&schedules[key.level as usize], self.entry_assumes(entry, "schedule"));
        }
    }

    /// Whether a key of an entry is an assumption: the entry lists it, or the layer lists all entries of
    /// that kind.
    fn entry_assumes(&self, entry: &Entry, key: &str) -> bool {
        let kind = match entry.condition {
            Condition::When { .. } => "when",
            Condition::For(_) => "for",
        };
        entry.assumed.iter().any(|assumed| assumed == key) || self.rule.assumed.iter().any(|assumed| assumed == kind)
    }

    fn apply_operations(&mut self, entry: &Entry) -> Option<()> {
        let assumes = |draft: &Self, operation: Operation, before: bool, key: &str| {
            let replaced = matches!(operation, Operation::Set(_));
            draft.entry_assumes(entry, key) || (before && !replaced)
        };
        if let Some(operation) = entry.deductible {
            apply(operation, self.deductibles.iter_mut())?;
            self.assumed.deductible = assumes(self, operation, self.assumed.deductible, "deductible");
        }
        if let Some(operation) = entry.rate {
            apply(operation, self.bands.iter_mut().map(|(_, rate)| rate))?;
            self.assumed.rate = assumes(self, operation, self.assumed.rate, "rate");
        }
        if let Some(operation) = entry.prior_self_pay {
            apply(operation, std::iter::once(&mut self.prior_self_pay))?;
            self.assumed.prior_self_pay = assumes(self, operation, self.assumed.prior_self_pay, "prior_self_pay");
        }
        match entry.cap {
            None => {}
            Some(CapChange::Lift) => self.paid_caps().for_each(|annual| *annual = None),
            Some(CapChange::By(operation)) => {
                self.change_caps(operation)?;
                // A cap of kind base does not change.
                let kept = self.assumed.cap && self.caps.iter().any(|(cap, _)| cap.kind == CapKind::Base);
                self.assumed.cap = kept || assumes(self, operation, self.assumed.cap, "cap");
            }
        }
        Some(())
    }

    fn paid_caps(&mut self) -> impl Iterator<Item = &mut Option<ExactDecimal>> {
        let paid = self.caps.iter_mut().filter(|(cap, _)| cap.kind == CapKind::Paid);
        paid.map(|(_, annual)| annual)
    }

    /// A lifted cap has no figure to change, but `set` restores it.
    fn change_caps(&mut self, operation: Operation) -> Option<()> {
        for annual in self.paid_caps() {
            match operation {
                Operation::Set(figure) => *annual = Some(figure),
                other => apply(other, annual.iter_mut())?,
            }
        }
        Some(())
    }

    fn finish(self, entries: &[&Entry]) -> Option<Terms> {
        let caps = self.caps.iter().map(|(cap, annual)| {
            let annual = annual.map(amount);
            let known = annual.is_none_or(|annual| annual.is_some());
            known.then(|| Cap { account: cap.account.clone(), kind: cap.kind, annual: annual.flatten() })
        });
        let terms = Terms {
            prior_self_pay: Rate::clamped(self.prior_self_pay),
            schedule: Schedule {
                deductibles: self.deductibles.iter().map(|figure| amount(*figure)).collect::<Option<_>>()?,
                bands: self.bands.iter().map(|(upto, rate)| Band { upto: *upto, rate: Rate::clamped(*rate) }).collect(),
            },
            caps: caps.collect::<Option<_>>()?,
            cites: cites(self.rule, entries),
            assumed: Vec::new(),
        };
        let assumed = self.assumed_keys(&terms);
        Some(Terms { assumed, ..terms })
    }

    /// The assumed keys of the figures that these terms use.
    fn assumed_keys(&self, terms: &Terms) -> Vec<Arc<str>> {
        let Assumed { deductible, bands, rate, cap, prior_self_pay } = self.assumed;
        let figures = [
            ("deductible", deductible && terms.schedule.deductibles.iter().any(|amount| *amount > Money::ZERO)),
            ("bands", bands && terms.schedule.bands.len() > 1),
            ("rate", rate),
            ("cap", cap && terms.caps.iter().any(|cap| cap.annual.is_some())),
            ("prior_self_pay", prior_self_pay),
        ];
        let words = ["schedule", "cap", "prior_self_pay", "when", "for"];
        let others = self.rule.assumed.iter().map(String::as_str).filter(|key| !words.contains(key));
        let used = figures.into_iter().filter(|(_, used)| *used).map(|(key, _)| key);
        used.chain(others).map(Arc::from).collect()
    }
}

/// Applies an operation to figures; `None` if a result is not exact.
fn apply<'a>(operation: Operation, figures: impl Iterator<Item = &'a mut ExactDecimal>) -> Option<()> {
    for figure in figures {
        *figure = match operation {
            Operation::Set(to) => to,
            Operation::Times(factor) => figure.checked_mul(factor)?,
            Operation::Plus(more) => figure.checked_add(more)?,
        };
    }
    Some(())
}

/// A figure rounded half up to the fen, and at least zero.
fn amount(figure: ExactDecimal) -> Option<Money> {
    Money::half_up(figure).map(Money::at_least_zero)
}

fn cites(rule: &LayerRule, entries: &[&Entry]) -> Vec<Cite> {
    let mut cites = rule.cites.clone();
    for cite in entries.iter().flat_map(|entry| &entry.cites) {
        if !cites.contains(cite) {
            cites.push(cite.clone());
        }
    }
    cites
}
