//! The terms of one layer for one bill (section 4): schedule, caps and prior self-pay after the entries that apply, and
//! the schedule as a function of the cumulative amount.

use super::fraction::{Fraction, half_up, integer, yuan_from_fen};
use super::policy::{Action, Band, Cap, Entry, LayerRule, Operation, Schedule, Schedules};
use super::{Bill, Enrolment, HospitalStatus, Person, covers, names_on_day};

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
    pub fn new(bill: &'a Bill, person: &'a Person, enrolment: &Enrolment, hospital: &'a HospitalStatus) -> Self {
        TermsKey {
            visit: &bill.visit,
            level: &hospital.level,
            locality: locality(&enrolment.region, &hospital.region),
            referral: referral(bill, person),
            categories: names_on_day(&person.categories, &bill.discharged),
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

    fn meets(&self, entry: &Entry) -> bool {
        entry.conditions.iter().all(|(name, values)| values.iter().any(|value| self.is(name, value)))
    }

    /// Whether a word of a condition holds: `local` is county or city, `cross_region` province or elsewhere.
    fn is(&self, name: &str, value: &str) -> bool {
        match (name, value) {
            ("locality", "local") => ["county", "city"].contains(&self.locality),
            ("locality", "cross_region") => ["province", "elsewhere"].contains(&self.locality),
            _ => value == self.fact(name),
        }
    }

    fn has_any_category(&self, categories: &[String]) -> bool {
        categories.iter().any(|category| self.categories.contains(&category.as_str()))
    }
}

fn locality(insured: &str, hospital: &str) -> &'static str {
    let agree = |digits: usize| insured[..digits] == hospital[..digits];
    match () {
        () if agree(6) => "county",
        () if agree(4) => "city",
        () if agree(2) => "province",
        () => "elsewhere",
    }
}

fn referral(bill: &Bill, person: &Person) -> &'static str {
    let filed = |day: &str| names_on_day(&person.approvals, day).contains(&"cross_region");
    match filed(&bill.admitted) || filed(&bill.discharged) {
        true => "registered",
        false if bill.emergency => "emergency",
        false => "none",
    }
}

/// Whether a layer applies to these circumstances on the day that governs the policy.
pub fn is_considered(rule: &LayerRule, day: &str, circumstances: &TermsKey) -> bool {
    covers(&rule.in_force, day)
        && rule.visits.iter().any(|visit| visit == circumstances.visit)
        && (rule.only.is_empty() || circumstances.has_any_category(&rule.only))
}

/// The terms of a layer after its entries, for this number of earlier admissions.
pub fn terms(rule: &LayerRule, circumstances: &TermsKey, admissions: u32) -> Terms {
    let mut entries: Vec<&Entry> = rule.when.iter().filter(|entry| circumstances.meets(entry)).collect();
    entries.extend(rule.for_whom.iter().find(|entry| circumstances.has_any_category(&entry.categories)));
    let replaced = entries.iter().rev().map(|entry| &entry.schedules).find(|schedules| !schedules.is_empty());
    let schedule = schedule_for_level(replaced.unwrap_or(&rule.schedules), circumstances.level);
    let mut terms = Terms {
        deductible: deductible_for_admission(schedule, admissions),
        bands: schedule.bands.clone(),
        prior_self_pay: rule.prior_self_pay,
        caps: rule.caps.clone(),
    };
    for operation in entries.iter().flat_map(|entry| &entry.operations) {
        terms.apply(operation);
    }
    terms.clamped()
}

/// The schedule of this level, or the one for all levels.
fn schedule_for_level<'a>(schedules: &'a Schedules, level: &str) -> &'a Schedule {
    schedules.get("all").unwrap_or_else(|| &schedules[level])
}

fn deductible_for_admission(schedule: &Schedule, admissions: u32) -> Fraction {
    let last = schedule.deductibles.len() - 1;
    schedule.deductibles[last.min(admissions as usize)]
}

impl Terms {
    fn apply(&mut self, operation: &Operation) {
        let action = operation.action;
        match operation.target.as_str() {
            "deductible" => self.deductible = apply_action(self.deductible, action),
            "prior_self_pay" => self.prior_self_pay = apply_action(self.prior_self_pay, action),
            "rate" => self.bands.iter_mut().for_each(|band| band.rate = apply_action(band.rate, action)),
            "cap" => {
                self.caps.iter_mut().filter(|cap| cap.of == "paid").for_each(|cap| apply_action_to_cap(cap, action))
            }
            other => panic!("no such target: {other}"),
        }
    }

    /// The terms with rates between 0 and 1 and amounts in whole fen, at least zero.
    fn clamped(mut self) -> Terms {
        let share = |figure: Fraction| figure.clamp(integer(0), integer(1));
        self.deductible = rounded_to_fen(self.deductible);
        self.prior_self_pay = share(self.prior_self_pay);
        self.bands.iter_mut().for_each(|band| band.rate = share(band.rate));
        self.caps.iter_mut().for_each(|cap| cap.annual = cap.annual.map(rounded_to_fen));
        self
    }

    /// F: the payment of the schedule on a cumulative amount, both in fen.
    pub fn schedule_payment(&self, cumulative: i64) -> i64 {
        let cumulative = yuan_from_fen(cumulative);
        let mut below = integer(0);
        let mut pays = 0;
        for band in &self.bands {
            let top = band.upto.map_or(cumulative, |upto| upto.min(cumulative));
            pays += half_up((top - below.max(self.deductible)).max(integer(0)) * band.rate);
            below = band.upto.unwrap_or(below);
        }
        pays
    }
}

/// The amount rounded to whole fen, at least zero.
fn rounded_to_fen(money: Fraction) -> Fraction {
    yuan_from_fen(half_up(money).max(0))
}

fn apply_action(figure: Fraction, action: Action) -> Fraction {
    match action {
        Action::Set(new) => new,
        Action::Times(factor) => figure * factor,
        Action::Plus(more) => figure + more,
        Action::Lift => panic!("only a cap can be lifted"),
    }
}

/// Applies an action to a cap. A lifted cap has no figure to multiply or add to; only `set` restores one.
fn apply_action_to_cap(cap: &mut Cap, action: Action) {
    cap.annual = match (cap.annual, action) {
        (_, Action::Lift) => None,
        (_, Action::Set(new)) => Some(new),
        (annual, _) => annual.map(|figure| apply_action(figure, action)),
    };
}
