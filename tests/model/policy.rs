//! Policies as plain data, and the policy that governs a bill.

use std::collections::BTreeMap;

use toml::Table;

use super::fraction::Fraction;
use super::reading::read_policy;
use super::vocabulary::Vocabulary;
use super::{Bill, Days, Enrolment, covers, longest_prefix};

const SHIPPED_VOCABULARY: &str = include_str!("../../deploy/policies/vocabulary.toml");

pub struct Book {
    pub vocabulary: Vocabulary,
    pub policies: Vec<Policy>,
}

pub struct Policy {
    pub id: String,
    pub insurance: String,
    /// Prefixes of the insured region; empty for a library.
    pub regions: Vec<String>,
    pub in_force: Days,
    pub by_admission: bool,
    /// Prefixes whose regions count as one city.
    pub pooling: Vec<String>,
    pub rules: Vec<LayerRule>,
}

/// A layer as written in the file, with the figures of the files that wrote its keys.
pub struct LayerRule {
    pub id: String,
    pub payer: String,
    pub visits: Vec<String>,
    pub pools: Vec<String>,
    pub only: Vec<String>,
    pub except: Vec<String>,
    pub conditions: Conditions,
    pub in_force: Days,
    pub yearly: bool,
    pub deductible_per: DeductiblePer,
    pub ledger: String,
    /// Whether bands are measured above the deductible.
    pub over_excess: bool,
    pub credits_transfers: bool,
    pub prior_self_pay: Fraction,
    pub schedules: Schedules,
    pub caps: Vec<Cap>,
    pub when: Vec<Entry>,
    pub for_whom: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeductiblePer {
    Year,
    Claim,
    Credited,
}

/// Lists of words by the fact of which one word must hold.
pub type Conditions = BTreeMap<String, Vec<String>>;

/// Schedules by hospital level, with one for `other` levels or for `all`; empty in an entry that replaces none.
pub type Schedules = BTreeMap<String, Schedule>;

pub struct Schedule {
    pub deductible: Deductible,
    pub bands: Vec<Band>,
}

/// An amount of the policy, or a share of what fell into pools.
#[derive(Clone)]
pub enum Amount {
    Fixed(Fraction),
    Share { share: Fraction, pools: Vec<String> },
}

/// Amounts by the number of earlier admissions of the year; the last one continues.
pub struct Deductible(pub Vec<Amount>);

#[derive(Clone)]
pub struct Band {
    pub upto: Option<Fraction>,
    pub rate: Fraction,
}

#[derive(Clone)]
pub struct Cap {
    pub account: String,
    pub on_base: bool,
    pub per_claim: bool,
    /// `None` if the cap is lifted.
    pub limit: Option<Amount>,
    /// The pool into which goes what the cap cuts off.
    pub overflow: Option<String>,
}

/// A `when` entry has conditions, a `for` entry has categories, a group and conditions.
pub struct Entry {
    pub conditions: Conditions,
    pub categories: Vec<String>,
    pub group: Option<String>,
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
    /// Reads policies from file names and texts. One file may be a `vocabulary.toml`; without one, the words are those of
    /// the shipped vocabulary. A name appears only in panics.
    pub fn read(files: &[(String, String)]) -> Book {
        let parse = |(name, text): &(String, String)| text.parse().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let (words, policies): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name.ends_with("vocabulary.toml"));
        let shipped = ("vocabulary.toml".to_owned(), SHIPPED_VOCABULARY.to_owned());
        let words: Table = parse(words.first().copied().unwrap_or(&shipped));
        let tables: Vec<Table> = policies.into_iter().map(parse).collect();
        Book {
            vocabulary: Vocabulary::read(&words),
            policies: tables.iter().map(|table| read_policy(table, &tables)).collect(),
        }
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
