//! Policies as plain data, and the policy that governs a bill.

use std::collections::BTreeMap;

use toml::Table;

use super::fraction::Fraction;
use super::reading::read_policy;
use super::{Bill, Days, Enrolment, covers, longest_prefix};

pub struct Book {
    policies: Vec<Policy>,
}

pub struct Policy {
    pub id: String,
    pub insurance: String,
    pub regions: Vec<String>,
    pub in_force: Days,
    pub by_admission: bool,
    pub rules: Vec<LayerRule>,
}

/// A layer as written in the file.
pub struct LayerRule {
    pub id: String,
    pub payer: String,
    pub visits: Vec<String>,
    pub pools: Vec<String>,
    pub only: Vec<String>,
    pub in_force: Days,
    pub yearly: bool,
    pub prior_self_pay: Fraction,
    pub schedules: Schedules,
    pub caps: Vec<Cap>,
    pub when: Vec<Entry>,
    pub for_whom: Vec<Entry>,
}

/// Schedules by hospital level, or one for `all`; empty in an entry that replaces none.
pub type Schedules = BTreeMap<String, Schedule>;

pub struct Schedule {
    /// Indexed by the number of earlier inpatient settlements of the year.
    pub deductibles: Vec<Fraction>,
    pub bands: Vec<Band>,
}

#[derive(Clone)]
pub struct Band {
    pub upto: Option<Fraction>,
    pub rate: Fraction,
}

#[derive(Clone)]
pub struct Cap {
    pub account: String,
    pub of: String,
    /// `None` if the cap is lifted.
    pub annual: Option<Fraction>,
}

/// A `when` entry has conditions, a `for` entry has categories.
pub struct Entry {
    pub conditions: BTreeMap<String, Vec<String>>,
    pub categories: Vec<String>,
    pub schedules: Schedules,
    pub operations: Vec<Operation>,
}

pub struct Operation {
    pub target: String,
    pub action: Action,
}

#[derive(Clone, Copy)]
pub enum Action {
    Set(Fraction),
    Times(Fraction),
    Plus(Fraction),
    Lift,
}

impl Book {
    /// Reads policies from file names and texts; a name appears only in panics.
    pub fn read(files: &[(String, String)]) -> Book {
        let parse = |(name, text): &(String, String)| text.parse().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let tables: Vec<Table> = files.iter().map(parse).collect();
        Book { policies: tables.iter().map(|table| read_policy(table, &tables)).collect() }
    }

    /// The policy that governs the bill, and the day that decides its benefit year and terms.
    pub fn governing_policy<'a>(&'a self, bill: &'a Bill, enrolment: &Enrolment) -> Option<(&'a Policy, &'a str)> {
        let mut governing = Vec::new();
        for policy in self.policies.iter().filter(|policy| policy.insurance == enrolment.insurance) {
            let day = if policy.by_admission { &bill.admitted } else { &bill.discharged };
            let prefix = longest_prefix(&policy.regions, &enrolment.region).filter(|_| covers(&policy.in_force, day));
            governing.extend(prefix.map(|length| (length, policy, day.as_str())));
        }
        governing.into_iter().max_by_key(|(length, _, _)| *length).map(|(_, policy, day)| (policy, day))
    }
}
