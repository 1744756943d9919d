//! Resolves the rule of a layer to its terms in some circumstances.
//!
//! The entries that apply (`semantics`, section 4.1) are every `when` entry whose conditions hold, in file order, then of
//! each group of `for` entries the first that fits, in file order. Their schedules come first, a later one wins; then
//! their operations, in the same order; rounding and bounds once, at the end.

use std::sync::Arc;

use super::decimal::ExactDecimal;
use super::fixed_words::CapKind;
use super::money::Money;
use super::rate::Rate;
use super::rule::{
    CapChange, CapRule, Change, Conditions, DeductibleRule, ForEntry, LayerRule, LimitRule, Operation, ScheduleRule,
};
use super::schedule::{Band, Deductible, Schedule};
use super::share::ShareOfPools;
use super::terms::{Cap, Cite, Limit, Terms, TermsKey};

/// A figure of this layer resolves, in some circumstances, to more digits than are computed with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the figures of layer `{0}` together need more than 20 decimals or 28 digits")]
pub struct InexactTerms(pub Arc<str>);

impl Conditions {
    /// Whether all of them hold.
    pub fn are_met_by(&self, key: &TermsKey) -> bool {
        fn allows<T: PartialEq>(list: &[T], actual: &T) -> bool {
            list.is_empty() || list.contains(actual)
        }
        allows(&self.locality, &key.locality)
            && allows(&self.referral, &key.referral)
            && allows(&self.level, &key.level)
            && (self.tag.is_empty() || key.tags.has_any(&self.tag))
            && (self.disease.is_empty() || key.diseases.has_any(&self.disease))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Conditions::default()
    }
}

/// An entry that applies: its change, and the key of the layer under which entries of its kind stand.
#[derive(Clone, Copy)]
struct AppliedEntry<'a> {
    change: &'a Change,
    kind: &'static str,
}

/// The changes that apply, in the order in which they act.
fn applied_entries<'a>(rule: &'a LayerRule, key: &TermsKey) -> Vec<AppliedEntry<'a>> {
    let when = rule.when.iter().filter(|entry| entry.conditions.are_met_by(key));
    let mut applied: Vec<_> = when.map(|entry| AppliedEntry { change: &entry.change, kind: "when" }).collect();
    for (at, entry) in rule.for_.iter().enumerate() {
        let fits = |entry: &ForEntry| key.categories.has_any(&entry.category) && entry.conditions.are_met_by(key);
        let mut before = rule.for_[..at].iter().filter(|before| before.group == entry.group);
        if fits(entry) && !before.any(fits) {
            applied.push(AppliedEntry { change: &entry.change, kind: "for" });
        }
    }
    applied
}

/// The terms of a layer in some circumstances.
///
/// # Errors
/// If a figure cannot be computed exactly, or the layer has no schedule for the level.
pub fn resolve_terms(rule: &LayerRule, key: &TermsKey) -> Result<Terms, InexactTerms> {
    resolve(rule, key).ok_or_else(|| InexactTerms(rule.id.clone()))
}

fn resolve(rule: &LayerRule, key: &TermsKey) -> Option<Terms> {
    let entries = applied_entries(rule, key);
    let mut draft = TermsDraft::new(rule, key)?;
    for entry in &entries {
        draft.replace_schedule(entry, key)?;
    }
    for entry in &entries {
        draft.apply_operations(entry)?;
    }
    draft.finish(&entries)
}

/// The kinds of figures in use that are assumptions.
#[derive(Clone, Copy, Default)]
struct AssumedFigures {
    deductible: bool,
    bands: bool,
    rate: bool,
    cap: bool,
    prior_self_pay: bool,
}

/// An unfinished deductible.
enum DeductibleDraft<'a> {
    Amounts(Vec<ExactDecimal>),
    Share { share: ExactDecimal, of: &'a [super::words::Pool], plus: ExactDecimal },
}

/// Unfinished terms: exact figures, not yet rounded or bounded.
struct TermsDraft<'a> {
    rule: &'a LayerRule,
    deductible: DeductibleDraft<'a>,
    bands: Vec<(Option<ExactDecimal>, ExactDecimal)>,
    annual: Vec<(&'a CapRule, Option<ExactDecimal>)>,
    lifted: bool,
    prior_self_pay: ExactDecimal,
    assumed: AssumedFigures,
}

impl<'a> TermsDraft<'a> {
    fn new(rule: &'a LayerRule, key: &TermsKey) -> Option<Self> {
        let assumes = |key: &str| rule.assumed.iter().any(|assumed| assumed == key);
        let annual = |cap: &'a CapRule| match cap.limit {
            LimitRule::Annual(figure) => (cap, Some(figure)),
            LimitRule::PerClaim(_) | LimitRule::ShareOfClaim { .. } => (cap, None),
        };
        let mut draft = TermsDraft {
            rule,
            deductible: DeductibleDraft::Amounts(Vec::new()),
            bands: Vec::new(),
            annual: rule.caps.iter().map(annual).collect(),
            lifted: false,
            prior_self_pay: rule.prior_self_pay,
            assumed: AssumedFigures {
                cap: assumes("cap"),
                prior_self_pay: assumes("prior_self_pay"),
                ..AssumedFigures::default()
            },
        };
        draft.set_schedule(rule.schedule.at(&key.level)?, assumes("schedule"));
        Some(draft)
    }

    fn set_schedule(&mut self, schedule: &'a ScheduleRule, assumed: bool) {
        self.deductible = match &schedule.deductible {
            DeductibleRule::Amounts(amounts) => DeductibleDraft::Amounts(amounts.clone()),
            DeductibleRule::Share { share, of } => {
                DeductibleDraft::Share { share: *share, of, plus: ExactDecimal::ZERO }
            }
        };
        self.bands = schedule.bands.iter().map(|band| (band.upto, band.rate)).collect();
        self.assumed = AssumedFigures { deductible: assumed, bands: assumed, rate: assumed, ..self.assumed };
    }

    fn replace_schedule(&mut self, entry: &AppliedEntry<'a>, key: &TermsKey) -> Option<()> {
        if let Some(schedules) = &entry.change.schedule {
            self.set_schedule(schedules.at(&key.level)?, self.entry_assumes(entry, "schedule"));
        }
        Some(())
    }

    /// Whether a key of an entry is an assumption: the entry lists it, or the layer lists all entries of
    /// that kind.
    fn entry_assumes(&self, entry: &AppliedEntry<'_>, key: &str) -> bool {
        entry.change.assumed.iter().any(|assumed| assumed == key)
            || self.rule.assumed.iter().any(|assumed| assumed == entry.kind)
    }

    fn apply_operations(&mut self, entry: &AppliedEntry<'_>) -> Option<()> {
        let assumes = |draft: &Self, operation: Operation, before: bool, key: &str| {
            let replaced = matches!(operation, Operation::Set(_));
            draft.entry_assumes(entry, key) || (before && !replaced)
        };
        if let Some(operation) = entry.change.deductible {
            self.deductible.apply(operation)?;
            self.assumed.deductible = assumes(self, operation, self.assumed.deductible, "deductible");
        }
        if let Some(operation) = entry.change.rate {
            apply(operation, self.bands.iter_mut().map(|(_, rate)| rate))?;
            self.assumed.rate = assumes(self, operation, self.assumed.rate, "rate");
        }
        if let Some(operation) = entry.change.prior_self_pay {
            apply(operation, std::iter::once(&mut self.prior_self_pay))?;
            self.assumed.prior_self_pay = assumes(self, operation, self.assumed.prior_self_pay, "prior_self_pay");
        }
        match entry.change.cap {
            None => {}
            Some(CapChange::Lift) => self.lifted = true,
            Some(CapChange::By(operation)) => {
                let paid = self.annual.iter_mut().filter(|(cap, _)| cap.kind == CapKind::Paid);
                apply(operation, paid.filter_map(|(_, figure)| figure.as_mut()))?;
                // A cap of kind base, or of one claim, does not change.
                let unchanged = |(cap, figure): &(&CapRule, Option<_>)| cap.kind == CapKind::Base || figure.is_none();
                let kept = self.assumed.cap && self.annual.iter().any(unchanged);
                self.assumed.cap = kept || assumes(self, operation, self.assumed.cap, "cap");
            }
        }
        Some(())
    }

    fn finish(self, entries: &[AppliedEntry<'_>]) -> Option<Terms> {
        let bands = self.bands.iter().map(|(upto, rate)| {
            let upto = upto.map(|upto| Money::from_yuan_half_up(upto).ok_or(()));
            Some(Band { upto: upto.transpose().ok()?, rate: Rate::clamped(*rate) })
        });
        let schedule = Schedule { deductible: self.deductible.finish()?, bands: bands.collect::<Option<_>>()? };
        let caps = self.annual.iter().map(|(cap, figure)| self.cap(cap, *figure)).collect::<Option<_>>()?;
        let terms = Terms {
            prior_self_pay: Rate::clamped(self.prior_self_pay),
            schedule,
            caps,
            cites: cites(self.rule, entries).into(),
            assumed: Arc::default(),
        };
        let assumed = self.assumed_keys(&terms);
        Some(Terms { assumed, ..terms })
    }

    fn cap(&self, cap: &CapRule, annual: Option<ExactDecimal>) -> Option<Cap> {
        let lifted = self.lifted && cap.kind == CapKind::Paid;
        let limit = match &cap.limit {
            LimitRule::Annual(_) if lifted => Limit::Annual(None),
            LimitRule::Annual(figure) => Limit::Annual(Some(exact_money(annual.unwrap_or(*figure))?)),
            LimitRule::PerClaim(figure) => Limit::PerClaim(exact_money(*figure)?),
            LimitRule::ShareOfClaim { share, of } => {
                Limit::ShareOfClaim(ShareOfPools { share: *share, of: of.clone(), plus: ExactDecimal::ZERO })
            }
        };
        Some(Cap { account: cap.account.as_ref().into(), kind: cap.kind, limit, overflow: cap.overflow.clone() })
    }

    /// The assumed keys of the figures that these terms use.
    fn assumed_keys(&self, terms: &Terms) -> Arc<[Arc<str>]> {
        let AssumedFigures { deductible, bands, rate, cap, prior_self_pay } = self.assumed;
        let has_deductible = match &terms.schedule.deductible {
            Deductible::Amounts(amounts) => amounts.iter().any(|amount| *amount > Money::ZERO),
            Deductible::Share(_) => true,
        };
        let figures = [
            ("deductible", deductible && has_deductible),
            ("bands", bands && terms.schedule.bands.len() > 1),
            ("rate", rate),
            ("cap", cap && terms.caps.iter().any(|cap| cap.limit != Limit::Annual(None))),
            ("prior_self_pay", prior_self_pay),
        ];
        let words = ["schedule", "cap", "prior_self_pay", "when", "for"];
        let others = self.rule.assumed.iter().map(String::as_str).filter(|key| !words.contains(key));
        let used = figures.into_iter().filter(|(_, used)| *used).map(|(key, _)| key);
        used.chain(others).map(Arc::from).collect()
    }
}

impl DeductibleDraft<'_> {
    fn apply(&mut self, operation: Operation) -> Option<()> {
        match (self, operation) {
            (DeductibleDraft::Amounts(amounts), operation) => apply(operation, amounts.iter_mut()),
            (this, Operation::Set(to)) => {
                *this = DeductibleDraft::Amounts(vec![to]);
                Some(())
            }
            (DeductibleDraft::Share { share, plus, .. }, Operation::Times(_)) => {
                apply(operation, [share, plus].into_iter())
            }
            (DeductibleDraft::Share { plus, .. }, Operation::Plus(_)) => apply(operation, std::iter::once(plus)),
        }
    }

    fn finish(&self) -> Option<Deductible> {
        Some(match self {
            DeductibleDraft::Amounts(list) => {
                Deductible::Amounts(list.iter().map(|figure| exact_money(*figure)).collect::<Option<_>>()?)
            }
            DeductibleDraft::Share { share, of, plus } => {
                Deductible::Share(ShareOfPools { share: *share, of: of.to_vec(), plus: *plus })
            }
        })
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
fn exact_money(figure: ExactDecimal) -> Option<Money> {
    Money::from_yuan_half_up(figure).map(Money::at_least_zero)
}

fn cites(rule: &LayerRule, entries: &[AppliedEntry<'_>]) -> Vec<Cite> {
    let mut cites = rule.cites.clone();
    for cite in entries.iter().flat_map(|entry| &entry.change.cites) {
        if !cites.contains(cite) {
            cites.push(cite.clone());
        }
    }
    cites
}
