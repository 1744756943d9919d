//! Generates claims: bills of arbitrary lines, bills that reach the edge of a band, a deductible or a cap, and claims
//! that continue earlier ones.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::words::{CODES, DIAGNOSES, HOSPITALS, VISITS};

/// Days of admission and discharge: within a year, across its ends, and across the middle of it.
pub const STAYS: &[(&str, &str)] = &[
    ("2017-03-01", "2017-03-10"),
    ("2017-05-02", "2017-05-02"),
    ("2016-12-20", "2017-01-05"),
    ("2017-06-20", "2017-06-30"),
    ("2017-06-25", "2017-07-01"),
    ("2017-11-01", "2017-12-31"),
    ("2017-12-20", "2018-01-01"),
    ("2018-02-01", "2018-02-02"),
];

/// A call on one person.
#[derive(Clone, Debug)]
pub enum CallSpec {
    Settle(ClaimSpec),
    Quote(ClaimSpec),
    /// Reverses one of the settlements, of those that are live the newest first.
    Reverse {
        person: usize,
        back: usize,
        readjudicate: bool,
    },
    /// Corrects the bill of one of the settlements, of those that are live the newest first.
    Correct {
        person: usize,
        back: usize,
        bill: BillSpec,
    },
}

/// A generated claim.
#[derive(Clone, Debug)]
pub struct ClaimSpec {
    pub person: usize,
    pub hospital: usize,
    pub visit: &'static str,
    pub emergency: bool,
    pub stay: (&'static str, &'static str),
    pub diagnosis: Option<&'static str>,
    pub bill: BillSpec,
    pub continues: Option<ContinuesSpec>,
}

/// A continuation of a live settlement, the newest first, with days relative to it.
#[derive(Clone, Debug)]
pub struct ContinuesSpec {
    pub transfer: bool,
    pub back: usize,
    /// Days from the discharge to the admission.
    pub gap: i64,
    /// Whether the admission day is that of the whole stay.
    pub whole_stay: bool,
    /// Days from the discharge before to this discharge.
    pub days: i64,
}

/// The items of a generated claim.
#[derive(Clone, Debug)]
pub enum BillSpec {
    Lines(Vec<LineSpec>),
    /// An item that brings a layer to one of its amounts, plus this many fen.
    Aimed {
        layer: usize,
        amount: usize,
        beyond: i64,
    },
}

/// A line, and the part of its quantity, in ten-thousandths, that a refund line takes back.
#[derive(Clone, Debug)]
pub struct LineSpec {
    pub code: &'static str,
    pub quantity: i64,
    pub price: i64,
    pub off: i64,
    pub refunded: Option<i64>,
    /// Days after the admission, at most until discharge; `None` for the day of discharge.
    pub day: Option<i64>,
}

/// Generates calls.
pub fn calls() -> impl Strategy<Value = Vec<CallSpec>> {
    let reverse = (0..2_usize, 0..4_usize, any::<bool>());
    let call = prop_oneof![
        8 => claims().prop_map(CallSpec::Settle),
        1 => claims().prop_map(CallSpec::Quote),
        1 => reverse.prop_map(|(person, back, readjudicate)| CallSpec::Reverse { person, back, readjudicate }),
        1 => (0..2_usize, 0..4_usize, bill()).prop_map(|(person, back, bill)| CallSpec::Correct { person, back, bill }),
    ];
    prop::collection::vec(call, 2..=9)
}

fn claims() -> impl Strategy<Value = ClaimSpec> {
    let visit = prop_oneof![2 => Just("inpatient"), 1 => select(VISITS)];
    let diagnosis = option::weighted(0.5, select(DIAGNOSES));
    let continues = option::weighted(0.45, continues());
    let parts = (0..2_usize, 0..HOSPITALS.len(), visit, any::<bool>(), select(STAYS), diagnosis, bill(), continues);
    parts.prop_map(|(person, hospital, visit, emergency, stay, diagnosis, bill, continues)| ClaimSpec {
        person,
        hospital,
        visit,
        emergency,
        stay,
        diagnosis,
        bill,
        continues,
    })
}

fn continues() -> impl Strategy<Value = ContinuesSpec> {
    let back = prop_oneof![6 => Just(0_usize), 1 => 1..=2_usize];
    let gap = prop_oneof![1 => Just(-1_i64), 5 => 0..=1_i64, 1 => Just(2_i64)];
    (prop::bool::weighted(0.4), back, gap, prop::bool::weighted(0.2), 0..=40_i64)
        .prop_map(|(transfer, back, gap, whole_stay, days)| ContinuesSpec { transfer, back, gap, whole_stay, days })
}

fn bill() -> impl Strategy<Value = BillSpec> {
    let aimed = (0..5_usize, 0..8_usize, -1..=1_i64);
    prop_oneof![
        3 => prop::collection::vec(line(), 1..=5).prop_map(BillSpec::Lines),
        2 => aimed.prop_map(|(layer, amount, beyond)| BillSpec::Aimed { layer, amount, beyond }),
    ]
}

fn line() -> impl Strategy<Value = LineSpec> {
    let quantity = prop_oneof![Just(10_000_i64), 1..=99_999_i64];
    let price = prop_oneof![1 => Just(0_i64), 3 => 1..=99_999_999_i64, 3 => 0..=2_000_000_000_i64];
    let refunded = option::weighted(0.3, prop_oneof![Just(10_000_i64), 1..=9_999_i64]);
    let day = option::weighted(0.5, 0..=12_i64);
    (select(CODES), quantity, price, -1..=1_i64, refunded, day)
        .prop_map(|(code, quantity, price, off, refunded, day)| LineSpec { code, quantity, price, off, refunded, day })
}
