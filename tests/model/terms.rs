//! The terms of one layer for one claim (section 4.1): schedule, caps and prior self-pay after the entries that apply.

use std::collections::BTreeMap;

use super::fraction::{Fraction, half_up, integer, yuan_from_fen};
use super::policy::{Action, Amount, Band, Cap, Conditions, Entry, LayerRule, Operation, Policy, Schedule, Schedules};
use super::vocabulary::Vocabulary;
use super::{Bill, Facts, covers};

/// The circumstances of a claim, in the words of a policy's conditions.
pub struct Circumstances<'a> {
    visit: &'a str,
    categories: &'a [String],
    /// The words that hold, by the name of the fact.
    facts: BTreeMap<&'static str, Vec<&'a str>>,
}

impl<'a> Circumstances<'a> {
    pub fn new(bill: &'a Bill, facts: &'a Facts, policy: &Policy, vocabulary: &'a Vocabulary) -> Self {
        let locality = facts.locality(&policy.pooling);
        let distance = if matches!(locality, "county" | "city") { "local" } else { "cross_region" };
        let holding = BTreeMap::from([
            ("locality", vec![locality, distance]),
            ("referral", vec![facts.referral(bill)]),
            ("level", vec![facts.hospital.level.as_str()]),
            ("tag", facts.hospital.tags.iter().map(String::as_str).collect()),
            ("disease", vocabulary.diseases_of(bill.diagnosis.as_deref())),
        ]);
        Circumstances { visit: &bill.visit, categories: &facts.categories, facts: holding }
    }

    fn meet(&self, conditions: &Conditions) -> bool {
        conditions
            .iter()
            .all(|(fact, words)| words.iter().any(|word| self.facts[fact.as_str()].contains(&word.as_str())))
    }

    fn hold_any(&self, categories: &[String]) -> bool {
        categories.iter().any(|category| self.categories.contains(category))
    }

    fn level(&self) -> &str {
        self.facts["level"][0]
    }
}

/// The terms with rates within 0..1 and every amount in fen, but for caps that are lifted.
pub struct Terms {
    pub deductible: i64,
    pub bands: Vec<TermsBand>,
    pub prior_self_pay: Fraction,
    pub caps: Vec<TermsCap>,
}

pub struct TermsBand {
    pub upto: Option<i64>,
    pub rate: Fraction,
}

pub struct TermsCap {
    pub account: String,
    pub on_base: bool,
    pub per_claim: bool,
    /// `None` if the cap is lifted.
    pub limit: Option<i64>,
    pub overflow: Option<String>,
}

/// Whether a layer applies to these circumstances on the day by which the policy judges itself.
pub fn is_considered(rule: &LayerRule, day: &str, circumstances: &Circumstances) -> bool {
    covers(&rule.in_force, day)
        && rule.visits.iter().any(|visit| visit == circumstances.visit)
        && circumstances.meet(&rule.conditions)
        && (rule.only.is_empty() || circumstances.hold_any(&rule.only))
        && !circumstances.hold_any(&rule.except)
}

/// The terms of a layer after its entries, for this number of earlier admissions and these amounts fallen into pools.
pub fn terms(
    rule: &LayerRule,
    circumstances: &Circumstances,
    admissions: u32,
    fell_into: &BTreeMap<String, i64>,
) -> Terms {
    let entries = entries_that_apply(rule, circumstances);
    let replaced = entries.iter().rev().map(|entry| &entry.schedules).find(|schedules| !schedules.is_empty());
    let schedule = schedule_for_level(replaced.unwrap_or(&rule.schedules), circumstances.level());
    let mut terms = UnroundedTerms {
        deductible: exact(deductible_for_admission(schedule, admissions), fell_into),
        bands: schedule.bands.clone(),
        prior_self_pay: rule.prior_self_pay,
        caps: rule.caps.clone(),
        lifted: false,
    };
    for operation in entries.iter().flat_map(|entry| &entry.operations) {
        terms.apply(operation);
    }
    terms.rounded(rule.over_excess, fell_into)
}

/// Every `when` entry that holds, then the first `for` entry of each group that fits, both in file order.
fn entries_that_apply<'a>(rule: &'a LayerRule, circumstances: &Circumstances) -> Vec<&'a Entry> {
    let mut entries: Vec<&Entry> = rule.when.iter().filter(|entry| circumstances.meet(&entry.conditions)).collect();
    let mut served: Vec<&Option<String>> = Vec::new();
    for entry in &rule.for_whom {
        let fits = circumstances.hold_any(&entry.categories) && circumstances.meet(&entry.conditions);
        if fits && !served.contains(&&entry.group) {
            served.push(&entry.group);
            entries.push(entry);
        }
    }
    entries
}

/// The schedule of this level, or the one for other levels, or the one for all.
fn schedule_for_level<'a>(schedules: &'a Schedules, level: &str) -> &'a Schedule {
    let found = [level, "other", "all"].into_iter().find_map(|name| schedules.get(name));
    found.expect("a schedule for every level")
}

fn deductible_for_admission(schedule: &Schedule, admissions: u32) -> &Amount {
    let list = &schedule.deductible.0;
    &list[(list.len() - 1).min(admissions as usize)]
}

/// An amount before rounding.
fn exact(amount: &Amount, fell_into: &BTreeMap<String, i64>) -> Fraction {
    match amount {
        Amount::Fixed(yuan) => *yuan,
        Amount::Share { share, pools } => *share * yuan_from_fen(pools.iter().map(|pool| fell_into[pool]).sum()),
    }
}

struct UnroundedTerms {
    deductible: Fraction,
    bands: Vec<Band>,
    prior_self_pay: Fraction,
    caps: Vec<Cap>,
    /// Whether an entry lifts the caps, whatever others say.
    lifted: bool,
}

impl UnroundedTerms {
    fn apply(&mut self, operation: &Operation) {
        let action = operation.action;
        match operation.target.as_str() {
            "deductible" => self.deductible = apply_action(self.deductible, action),
            "prior_self_pay" => self.prior_self_pay = apply_action(self.prior_self_pay, action),
            "rate" => self.bands.iter_mut().for_each(|band| band.rate = apply_action(band.rate, action)),
            "cap" if matches!(action, Action::Lift) => self.lifted = true,
            "cap" => self.caps.iter_mut().filter(|cap| is_annual_of_paid(cap)).for_each(|cap| {
                let Some(Amount::Fixed(annual)) = cap.limit else { panic!("an annual limit is an amount") };
                cap.limit = Some(Amount::Fixed(apply_action(annual, action)));
            }),
            other => panic!("no such target: {other}"),
        }
    }

    fn rounded(self, over_excess: bool, fell_into: &BTreeMap<String, i64>) -> Terms {
        let share = |figure: Fraction| figure.clamp(integer(0), integer(1));
        let deductible = half_up(self.deductible).max(0);
        let above = if over_excess { deductible } else { 0 };
        let band = |band: Band| TermsBand { upto: band.upto.map(|upto| half_up(upto) + above), rate: share(band.rate) };
        let lifted = self.lifted;
        let cap = |cap: Cap| TermsCap {
            limit: cap
                .limit
                .as_ref()
                .filter(|_| !(lifted && is_annual_of_paid(&cap)))
                .map(|limit| half_up(exact(limit, fell_into))),
            account: cap.account,
            on_base: cap.on_base,
            per_claim: cap.per_claim,
            overflow: cap.overflow,
        };
        Terms {
            deductible,
            bands: self.bands.into_iter().map(band).collect(),
            prior_self_pay: share(self.prior_self_pay),
            caps: self.caps.into_iter().map(cap).collect(),
        }
    }
}

fn is_annual_of_paid(cap: &Cap) -> bool {
    !cap.on_base && !cap.per_claim
}

fn apply_action(figure: Fraction, action: Action) -> Fraction {
    match action {
        Action::Set(new) => new,
        Action::Times(factor) => figure * factor,
        Action::Plus(more) => figure + more,
        Action::Lift => panic!("only a cap can be lifted"),
    }
}
