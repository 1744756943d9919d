//! Generates the entries of a layer: `when`, `for`, their conditions and their operations.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::policies::{ScheduleChoice, non_empty, schedules};
use super::words::{CATEGORIES, DISEASES, LEVELS, LOCALITIES, REFERRALS, TAGS};

/// Lists by fact; an empty list is no condition.
#[derive(Clone, Debug, Default)]
pub struct ConditionsSpec(pub Vec<(&'static str, Vec<&'static str>)>);

/// A `for` entry.
#[derive(Clone, Debug)]
pub struct ForSpec {
    pub categories: Vec<&'static str>,
    pub group: Option<&'static str>,
    pub conditions: ConditionsSpec,
    pub changes: EntrySpec,
}

/// An operation and its figure; `none` lifts a cap.
pub type Operation = (&'static str, &'static str);

/// The changes of an entry.
#[derive(Clone, Debug)]
pub struct EntrySpec {
    pub schedule: Option<ScheduleChoice>,
    pub deductible: Option<Operation>,
    pub rate: Option<Operation>,
    pub cap: Option<Operation>,
    pub prior_self_pay: Option<Operation>,
}

/// At least one condition.
pub fn conditions() -> impl Strategy<Value = ConditionsSpec> {
    let facts =
        [("locality", LOCALITIES), ("referral", REFERRALS), ("level", LEVELS), ("tag", TAGS), ("disease", DISEASES)];
    let chosen = facts.map(|(fact, words)| (Just(fact), subsequence(words, 1..=words.len())));
    let [locality, referral, level, tag, disease] = chosen;
    let one = prop_oneof![3 => locality, 3 => referral, 3 => level, 2 => tag, 2 => disease];
    prop::collection::vec(one, 1..=2).prop_map(|mut lists| {
        lists.sort();
        lists.dedup_by_key(|(fact, _)| *fact);
        ConditionsSpec(lists)
    })
}

pub fn for_entry() -> impl Strategy<Value = ForSpec> {
    let group = option::weighted(0.5, select(vec!["age", "rank"]));
    let conditions = option::weighted(0.25, conditions());
    (non_empty(CATEGORIES), group, conditions, entry()).prop_map(|(categories, group, conditions, changes)| ForSpec {
        categories,
        group,
        conditions: conditions.unwrap_or_default(),
        changes,
    })
}

pub fn entry() -> impl Strategy<Value = EntrySpec> {
    let amounts = [
        ("set", "120.05"),
        ("set", "0"),
        ("set", "income"),
        ("set", "25% of income"),
        ("times", "0.5"),
        ("times", "0.3"),
        ("plus", "-80.01"),
        ("plus", "50"),
        ("plus", "10% of income"),
    ];
    let rates = [
        ("set", "90%"),
        ("set", "0.7000000001"),
        ("times", "1.01"),
        ("times", "1.1"),
        ("times", "0.5"),
        ("plus", "5%"),
        ("plus", "-90%"),
    ];
    let caps = [
        ("set", "1500.07"),
        ("set", "50% of income"),
        ("times", "0.5"),
        ("times", "3"),
        ("plus", "700"),
        ("plus", "-9999"),
        ("none", ""),
    ];
    let shares =
        [("set", "20%"), ("set", "100%"), ("times", "0.5"), ("plus", "10%"), ("plus", "0.00001"), ("plus", "-5%")];
    let parts = (
        option::weighted(0.2, schedules()),
        option::weighted(0.4, select(amounts.to_vec())),
        option::weighted(0.4, select(rates.to_vec())),
        option::weighted(0.4, select(caps.to_vec())),
        option::weighted(0.2, select(shares.to_vec())),
    );
    parts.prop_map(|(schedule, deductible, rate, cap, prior_self_pay)| EntrySpec {
        schedule,
        deductible,
        rate,
        cap,
        prior_self_pay,
    })
}
