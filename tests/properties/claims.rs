//! Generates claims: bills of arbitrary lines, and bills that reach the edge of a band, a deductible or a cap.

use onestop::domain::account::Account;
use onestop::domain::claim::{Quantity, RawClaim, RawItem, UnitPrice};
use onestop::domain::fixed_words::{CapKind, Period};
use onestop::domain::money::Money;
use onestop::domain::policy::Layer;
use onestop::domain::schedule::Deductible;
use onestop::domain::terms::Limit;
use onestop::domain::terms::Terms;
use onestop::domain::words::Pool;
use proptest::prelude::*;
use proptest::sample::select;

use super::policies::VISITS;
use super::tables::{CODES, HOSPITALS};
use crate::support::claims::{day, item};

/// Days of admission and discharge: within a year, across its ends, and across the middle of it.
const STAYS: [(&str, &str); 8] = [
    ("2017-03-01", "2017-03-10"),
    ("2017-05-02", "2017-05-02"),
    ("2016-12-20", "2017-01-05"),
    ("2017-06-20", "2017-06-30"),
    ("2017-06-25", "2017-07-01"),
    ("2017-11-01", "2017-12-31"),
    ("2017-12-20", "2018-01-01"),
    ("2018-02-01", "2018-02-02"),
];

/// A generated claim.
#[derive(Clone, Debug)]
pub struct ClaimSpec {
    /// An index into the persons, modulo their number.
    pub person: usize,
    pub hospital: usize,
    pub visit: &'static str,
    pub emergency: bool,
    pub stay: (&'static str, &'static str),
    pub bill: BillSpec,
}

/// The items of a generated claim.
#[derive(Clone, Debug)]
pub enum BillSpec {
    /// These lines.
    Lines(Vec<LineSpec>),
    /// An item that brings the layer at this index to one of its amounts, plus this many fen.
    Aimed { layer: usize, amount: usize, beyond: i64 },
}

/// A line, and the part of its quantity, in ten-thousandths, that a refund line takes back.
#[derive(Clone, Debug)]
pub struct LineSpec {
    code: &'static str,
    quantity: i64,
    price: i64,
    off: i64,
    refunded: Option<i64>,
}

/// Generates claims.
pub fn claims() -> impl Strategy<Value = ClaimSpec> {
    let visit = prop_oneof![2 => Just("inpatient"), 1 => select(VISITS)];
    let parts = (0..2_usize, 0..HOSPITALS, visit, any::<bool>(), select(&STAYS), bill_spec());
    parts.prop_map(|(person, hospital, visit, emergency, stay, bill)| ClaimSpec {
        person,
        hospital,
        visit,
        emergency,
        stay,
        bill,
    })
}

fn bill_spec() -> impl Strategy<Value = BillSpec> {
    let aimed = (0..6_usize, 0..8_usize, -1..=1_i64);
    prop_oneof![
        prop::collection::vec(line_spec(), 1..=5).prop_map(BillSpec::Lines),
        aimed.prop_map(|(layer, amount, beyond)| BillSpec::Aimed { layer, amount, beyond }),
    ]
}

fn line_spec() -> impl Strategy<Value = LineSpec> {
    let quantity = prop_oneof![Just(10_000_i64), 1..=99_999_i64];
    let price = prop_oneof![1 => Just(0_i64), 3 => 1..=99_999_999_i64, 3 => 0..=2_000_000_000_i64];
    let refunded = prop::option::weighted(0.3, prop_oneof![Just(10_000_i64), 1..=9_999_i64]);
    (select(&CODES), quantity, price, -1..=1_i64, refunded)
        .prop_map(|(code, quantity, price, off, refunded)| LineSpec { code, quantity, price, off, refunded })
}

impl ClaimSpec {
    /// The claim with this number and these items.
    pub fn claim(&self, number: usize, persons: usize, items: Vec<RawItem>) -> RawClaim {
        RawClaim {
            claim_id: format!("C{number}"),
            hospital_id: format!("H{}", self.hospital),
            person_id: format!("P{}", self.person % persons),
            visit: self.visit.to_owned(),
            emergency: self.emergency,
            admitted: day(self.stay.0),
            discharged: day(self.stay.1),
            items,
            total: None,
            diagnosis: None,
            continues: None,
        }
    }
}

impl LineSpec {
    /// The item of the line, and its refund if there is one.
    pub fn items(&self) -> Vec<RawItem> {
        let product = |quantity: i64| UnitPrice(self.price).times(Quantity(quantity)).expect("a small amount");
        let item = |quantity: i64, amount: Money| RawItem {
            code: self.code.into(),
            quantity: Quantity(quantity),
            unit_price: UnitPrice(self.price),
            amount,
            day: None,
        };
        let amount = (product(self.quantity) + Money::from_fen(self.off)).at_least_zero();
        let refunded = self.refunded.map(|share| self.quantity * share / 10_000).filter(|quantity| *quantity > 0);
        let refund = refunded.map(|quantity| item(-quantity, -product(quantity).min(amount)));
        std::iter::once(item(self.quantity, amount)).chain(refund).collect()
    }
}

/// An item that brings a layer to one of its amounts.
pub fn item_reaching(layer: &Layer, terms: &Terms, account: &Account, amount: usize, beyond: i64) -> RawItem {
    let c0 = match layer.head.period {
        Period::Year => account.ledger(layer.head.ledger()).base,
        Period::Admission => Money::ZERO,
    };
    let mut amounts: Vec<Money> = terms.schedule.bands.iter().filter_map(|band| band.upto).collect();
    let Deductible::Amounts(deductibles) = &terms.schedule.deductible else { panic!("no share is generated") };
    amounts.push(deductibles[(account.admissions as usize).min(deductibles.len() - 1)]);
    let room = terms.caps.iter().filter(|cap| cap.kind == CapKind::Base).filter_map(|cap| match cap.limit {
        Limit::Annual(Some(annual)) => Some(c0 + annual - account.cap_used(&cap.account)),
        _ => None,
    });
    amounts.extend(room);
    let missing = (amounts[amount % amounts.len()] - c0 + Money::from_fen(beyond)).at_least_zero();
    item(code_in_pool(&layer.head.pools), &missing.to_string())
}

/// A code that falls into the first of these pools that takes whole lines.
fn code_in_pool(pools: &[Pool]) -> &'static str {
    let code = |pool: &Pool| match pool.as_str() {
        "eligible" => Some("A"),
        "excluded" => Some("C"),
        "special_drug" => Some("SD"),
        "transitional_drug" => Some("TD"),
        _ => None,
    };
    pools.iter().find_map(code).unwrap_or("A")
}
