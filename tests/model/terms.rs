//! The terms of one layer for one claim (section 4): what its entries make of its schedule, caps and prior self-pay,
//! and the schedule as a function of the cumulative amount.

use super::fraction::{Fraction, half_up, whole, yuan};
use super::policy::{Act, Band, Cap, Entry, Operation, Rule, Schedule, Schedules};
use super::{Bill, Hospital, Person, covers, held_on};

pub struct TermsKey<'a> {
    visit: &'a str,
    level: &'a str,
    locality: &'a str,
    referral: &'a str,
    categories: Vec<&'a str>,
}

pub struct Terms {
    pub deductible: Fraction,
    pub bands: Vec<Band>,
    pub prior_self_pay: Fraction,
    pub caps: Vec<Cap>,
}

impl<'a> TermsKey<'a> {
    pub fn new(bill: &'a Bill, person: &'a Person, hospital: &'a Hospital) -> Self {
        let same_city = person.region.chars().take(4).eq(hospital.region.chars().take(4));
        TermsKey {
            visit: &bill.visit,
            level: &hospital.level,
            locality: if same_city { "local" } else { "cross_region" },
            referral: referral(bill, person),
            categories: held_on(&person.categories, &bill.discharged),
        }
    }

    fn fact(&self, name: &str) -> &str {
        match name {
            "locality" => self.locality,
            "referral" => self.referral,
            "level" => self.level,
            other => panic!("no such condition: {other}"),
        }
    }

    fn meet(&self, entry: &Entry) -> bool {
        entry.conditions.iter().all(|(name, values)| values.iter().any(|value| value == self.fact(name)))
    }

    fn hold_one_of(&self, categories: &[String]) -> bool {
        categories.iter().any(|category| self.categories.contains(&category.as_str()))
    }
}

fn referral(bill: &Bill, person: &Person) -> &'static str {
    match held_on(&person.approvals, &bill.discharged).contains(&"cross_region") {
        true => "registered",
        false if bill.emergency => "emergency",
        false => "none",
    }
}

/// `day` is the one by which the policy judges itself.
pub fn is_considered(rule: &Rule, day: &str, circumstances: &TermsKey) -> bool {
    covers(&rule.in_force, day)
        && rule.visits.iter().any(|visit| visit == circumstances.visit)
        && (rule.only.is_empty() || circumstances.hold_one_of(&rule.only))
}

pub fn terms(rule: &Rule, circumstances: &TermsKey, admissions: u32) -> Terms {
    let mut entries: Vec<&Entry> = rule.when.iter().filter(|entry| circumstances.meet(entry)).collect();
    entries.extend(rule.for_whom.iter().find(|entry| circumstances.hold_one_of(&entry.categories)));
    let replaced = entries.iter().rev().map(|entry| &entry.schedules).find(|schedules| !schedules.is_empty());
    let schedule = at_level(replaced.unwrap_or(&rule.schedules), circumstances.level);
    let mut terms = Terms {
        deductible: deductible(schedule, admissions),
        bands: schedule.bands.clone(),
        prior_self_pay: rule.prior_self_pay,
        caps: rule.caps.clone(),
    };
    for operation in entries.iter().flat_map(|entry| &entry.operations) {
        terms.apply(operation);
    }
    terms.bounded()
}

fn at_level<'a>(schedules: &'a Schedules, level: &str) -> &'a Schedule {
    schedules.get("all").unwrap_or_else(|| &schedules[level])
}

fn deductible(schedule: &Schedule, admissions: u32) -> Fraction {
    let last = schedule.deductibles.len() - 1;
    schedule.deductibles[last.min(admissions as usize)]
}

impl Terms {
    fn apply(&mut self, operation: &Operation) {
        let act = operation.act;
        match operation.target.as_str() {
            "deductible" => self.deductible = changed(self.deductible, act),
            "prior_self_pay" => self.prior_self_pay = changed(self.prior_self_pay, act),
            "rate" => self.bands.iter_mut().for_each(|band| band.rate = changed(band.rate, act)),
            "cap" => self.caps.iter_mut().filter(|cap| cap.of == "paid").for_each(|cap| change_cap(cap, act)),
            other => panic!("no such target: {other}"),
        }
    }

    fn bounded(mut self) -> Terms {
        let share = |figure: Fraction| figure.clamp(whole(0), whole(1));
        self.deductible = to_the_fen(self.deductible);
        self.prior_self_pay = share(self.prior_self_pay);
        self.bands.iter_mut().for_each(|band| band.rate = share(band.rate));
        self.caps.iter_mut().for_each(|cap| cap.annual = cap.annual.map(to_the_fen));
        self
    }

    /// F: what the schedule pays on a cumulative amount, both in fen.
    pub fn on(&self, cumulative: i64) -> i64 {
        let cumulative = yuan(cumulative);
        let mut below = whole(0);
        let mut pays = 0;
        for band in &self.bands {
            let top = band.upto.map_or(cumulative, |upto| upto.min(cumulative));
            pays += half_up((top - below.max(self.deductible)).max(whole(0)) * band.rate);
            below = band.upto.unwrap_or(below);
        }
        pays
    }
}

/// Half up, and not below 0.
fn to_the_fen(money: Fraction) -> Fraction {
    yuan(half_up(money).max(0))
}

fn changed(figure: Fraction, act: Act) -> Fraction {
    match act {
        Act::Set(new) => new,
        Act::Times(factor) => figure * factor,
        Act::Plus(more) => figure + more,
        Act::Lift => panic!("only a cap can be lifted"),
    }
}

/// A lifted cap has no figure left to multiply or add to; only `set` gives it one again.
fn change_cap(cap: &mut Cap, act: Act) {
    cap.annual = match (cap.annual, act) {
        (_, Act::Lift) => None,
        (_, Act::Set(new)) => Some(new),
        (annual, _) => annual.map(|figure| changed(figure, act)),
    };
}
