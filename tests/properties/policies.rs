//! Generates policies: one to six layers with every feature of the format.
//!
//! Amounts are small and rates are few, so that claims of similar size reach every edge and cap.

use onestop::domain::fixed_words::{BenefitYear, CapKind, Period, Referral};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// The words of the shipped vocabulary.
pub const CATEGORIES: &[&str] = &["registered_poor", "destitute", "subsistence_allowance", "illness_impoverished"];
pub const VISITS: &[&str] = &["inpatient", "outpatient_serious", "outpatient_chronic", "maternity"];
pub const POOLS: &[&str] =
    &["eligible", "preliminary_self_pay", "over_limit", "excluded", "special_drug", "transitional_drug"];
pub const LEVELS: &[&str] = &["primary", "secondary", "tertiary"];

/// The words for localities in conditions.
pub const LOCALITIES: &[&str] = &["local", "cross_region", "county", "city", "province", "elsewhere"];

/// A generated policy.
#[derive(Clone, Debug)]
pub struct PolicySpec {
    pub benefit_year: BenefitYear,
    /// Cap accounts: kind and annual amount in fen.
    pub accounts: Vec<(CapKind, i64)>,
    pub layers: Vec<LayerSpec>,
}

/// A generated layer.
#[derive(Clone, Debug)]
pub struct LayerSpec {
    pub payer: usize,
    /// Whether it is written in a library and included by `use`.
    pub drawn: bool,
    pub visits: Vec<&'static str>,
    pub pools: Vec<&'static str>,
    pub period: Period,
    pub only: Vec<&'static str>,
    /// A narrower interval of days, as TOML.
    pub days: Option<&'static str>,
    pub prior_self_pay: Option<&'static str>,
    pub schedule: SchedulesSpec,
    /// Indexes into the cap accounts of the policy.
    pub caps: Vec<usize>,
    pub when: Vec<(WhenSpec, EntrySpec)>,
    pub for_: Vec<(Vec<&'static str>, EntrySpec)>,
}

/// One schedule for all levels, or three.
pub type SchedulesSpec = Vec<ScheduleSpec>;

/// A schedule: deductibles in fen, width in fen and rate of each closed band, and the rate of the open band.
#[derive(Clone, Debug)]
pub struct ScheduleSpec {
    pub deductibles: Vec<i64>,
    pub bands: Vec<(i64, &'static str)>,
    pub last: &'static str,
}

/// The conditions of a `when` entry.
#[derive(Clone, Debug)]
pub struct WhenSpec {
    pub locality: Vec<&'static str>,
    pub referral: Vec<Referral>,
    pub level: Vec<&'static str>,
}

/// An operation and its figure; `none` lifts a cap.
pub type Operation = (&'static str, &'static str);

/// The changes of an entry.
#[derive(Clone, Debug)]
pub struct EntrySpec {
    pub schedule: Option<SchedulesSpec>,
    pub deductible: Option<Operation>,
    pub rate: Option<Operation>,
    pub cap: Option<Operation>,
    pub prior_self_pay: Option<Operation>,
}

/// Generates policies.
pub fn policies() -> impl Strategy<Value = PolicySpec> {
    let account = (select(CapKind::ALL), prop_oneof![1 => Just(0), 9 => 1..600_000_i64]);
    let layers = prop_oneof![2 => prop::collection::vec(layer(), 1..=2), 1 => prop::collection::vec(layer(), 3..=6)];
    (select(BenefitYear::ALL), prop::collection::vec(account, 1..=4), layers)
        .prop_map(|(benefit_year, accounts, layers)| PolicySpec { benefit_year, accounts, layers })
}

fn layer() -> impl Strategy<Value = LayerSpec> {
    let head = (0..4_usize, prop::bool::weighted(0.2), visits(), pools(), select(Period::ALL), only(), days());
    let terms = (option::weighted(0.3, rate()), schedules(), subsequence((0..4).collect::<Vec<usize>>(), 0..=3));
    let when = prop::collection::vec((conditions(), entry()), 0..=2);
    let for_ = prop::collection::vec((non_empty_subsequence(CATEGORIES), entry()), 0..=2);
    (head, terms, when, for_).prop_map(|(head, terms, when, for_)| {
        let (payer, drawn, visits, pools, period, only, days) = head;
        let (prior_self_pay, schedule, caps) = terms;
        LayerSpec { payer, drawn, visits, pools, period, only, days, prior_self_pay, schedule, caps, when, for_ }
    })
}

/// All visits, or some of them, with equal probability.
fn visits() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![Just(VISITS.to_vec()), non_empty_subsequence(VISITS)]
}

/// The pool of eligible costs alone, or some pools in any order, with equal probability.
fn pools() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![Just(vec!["eligible"]), non_empty_subsequence(POOLS).prop_shuffle()]
}

fn only() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![4 => Just(Vec::new()), 1 => non_empty_subsequence(CATEGORIES)]
}

fn days() -> impl Strategy<Value = Option<&'static str>> {
    let halves = ["{ from = 2016-01-01, until = 2017-07-01 }", "{ from = 2017-07-01, until = 2018-07-01 }"];
    option::weighted(0.2, select(halves.to_vec()))
}

/// A non-empty subsequence of these.
fn non_empty_subsequence<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    subsequence(all, 1..=all.len())
}

/// Rates, some with a finite and some with a long product.
fn rate() -> impl Strategy<Value = &'static str> {
    select(vec!["0%", "100%", "55%", "62.5%", "33.3333%", "0.1234567891", "99.99999999%"])
}

fn fen() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(0), 1 => 1..=100_i64, 3 => 100..60_000_i64]
}

fn schedule() -> impl Strategy<Value = ScheduleSpec> {
    let band = (prop_oneof![1..=2_i64, 100..200_000_i64], rate());
    let parts = (prop::collection::vec(fen(), 1..=4), prop::collection::vec(band, 0..=3), rate());
    parts.prop_map(|(deductibles, bands, last)| ScheduleSpec { deductibles, bands, last })
}

fn schedules() -> impl Strategy<Value = SchedulesSpec> {
    prop_oneof![2 => prop::collection::vec(schedule(), 1), 1 => prop::collection::vec(schedule(), 3)]
}

/// At least one condition.
fn conditions() -> impl Strategy<Value = WhenSpec> {
    let lists = (subsequence(LOCALITIES, 0..=2), subsequence(Referral::ALL, 0..=3), subsequence(LEVELS, 0..=3));
    lists.prop_map(|(locality, referral, mut level)| {
        if locality.is_empty() && referral.is_empty() && level.is_empty() {
            level.push("tertiary");
        }
        WhenSpec { locality, referral, level }
    })
}

fn entry() -> impl Strategy<Value = EntrySpec> {
    let amounts =
        [("set", "120.05"), ("set", "0"), ("times", "0.5"), ("times", "33.33%"), ("plus", "-80.01"), ("plus", "50")];
    let rates = [
        ("set", "90%"),
        ("set", "0.7000000001"),
        ("times", "1.001"),
        ("times", "1.1"),
        ("times", "0.5"),
        ("plus", "5%"),
        ("plus", "-110%"),
    ];
    let caps = [("set", "1500.07"), ("times", "0.5"), ("times", "3"), ("plus", "700"), ("plus", "-9999"), ("none", "")];
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
