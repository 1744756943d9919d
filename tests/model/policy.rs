//! A book of policies as plain data, and which of them governs a bill.

use std::collections::BTreeMap;

use toml::Table;

use super::fraction::Fraction;
use super::reading::policy;
use super::{Bill, Days, Person, covers, longest_prefix};

pub struct Book {
    policies: Vec<Policy>,
}

pub struct Policy {
    pub id: String,
    pub insurance: String,
    pub regions: Vec<String>,
    pub in_force: Days,
    pub by_admission: bool,
    pub rules: Vec<Rule>,
}

/// A layer as written.
pub struct Rule {
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

/// By hospital level, or one for `all`. Empty in an entry that has none of its own.
pub type Schedules = BTreeMap<String, Schedule>;

pub struct Schedule {
    /// By the inpatient settlements of the year so far.
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
    /// `None` is lifted.
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
    pub act: Act,
}

#[derive(Clone, Copy)]
pub enum Act {
    Set(Fraction),
    Times(Fraction),
    Plus(Fraction),
    Lift,
}

impl Book {
    /// From file names and their texts. A name serves only to say which file is at fault.
    pub fn read(files: &[(String, String)]) -> Book {
        let parse = |(name, text): &(String, String)| text.parse().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let tables: Vec<Table> = files.iter().map(parse).collect();
        Book { policies: tables.iter().map(|table| policy(table, &tables)).collect() }
    }

    /// The policy that governs the bill, and the day by which it judges.
    pub fn governing<'a>(&'a self, bill: &'a Bill, person: &Person) -> Option<(&'a Policy, &'a str)> {
        let mut governing = Vec::new();
        for policy in self.policies.iter().filter(|policy| policy.insurance == person.insurance) {
            let day = if policy.by_admission { &bill.admitted } else { &bill.discharged };
            let prefix = longest_prefix(&policy.regions, &person.region).filter(|_| covers(&policy.in_force, day));
            governing.extend(prefix.map(|length| (length, policy, day.as_str())));
        }
        governing.into_iter().max_by_key(|(length, _, _)| *length).map(|(_, policy, day)| (policy, day))
    }
}
