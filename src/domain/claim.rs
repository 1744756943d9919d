//! A claim (结算请求): first as received, then validated.
//!
//! [`RawClaim`] is whatever arrived, so that even a faulty retry can be compared with what was
//! settled before. [`Claim`] exists only where every rule of stage 2 holds; later code checks none of
//! them again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::decimal::{ExactDecimal, ParseDecimalError};
use super::fault::{FaultReason, FieldFault, FieldFaults};
use super::ids::{ClaimId, HospitalId, ItemCode, PersonId, TextLengthError};
use super::money::Money;
use super::vocabulary::Visit;

/// How large a claim may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimLimits {
    /// The most items in a claim.
    pub items: usize,
    /// The most bytes of an id.
    pub id_bytes: usize,
    /// The most bytes of a reason for a reversal.
    pub reason_bytes: usize,
    /// An amount or a price lies within plus and minus this.
    pub amount: Money,
}

impl ClaimLimits {
    /// The greatest `id_bytes` that a server can be configured with.
    pub const MAX_ID_BYTES: usize = 256;
}

impl Default for ClaimLimits {
    fn default() -> Self {
        ClaimLimits { items: 5_000, id_bytes: 64, reason_bytes: 1_000, amount: Money::from_fen(100_000_000_000) }
    }
}

/// A number of units in 10^-4; negative in a refund line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity(pub i64);

/// A price of one unit in 10^-6 yuan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitPrice(pub i64);

/// A decimal number of units with at most four decimals.
impl std::str::FromStr for Quantity {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        ExactDecimal::parse(text, 4)?.units(4).map(Quantity)
    }
}

/// Decimal yuan with at most six decimals.
impl std::str::FromStr for UnitPrice {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        ExactDecimal::parse(text, 6)?.units(6).map(UnitPrice)
    }
}

/// In yuan, without trailing zeros.
impl std::fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (yuan, micro) = (self.0.abs() / 1_000_000, self.0.abs() % 1_000_000);
        let text = format!("{}{yuan}.{micro:06}", if self.0 < 0 { "-" } else { "" });
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl UnitPrice {
    /// `half_up(price x quantity)` to the fen; `None` past 64 bits.
    pub fn times(self, quantity: Quantity) -> Option<Money> {
        const PER_FEN: i128 = 100_000_000;
        let product = i128::from(self.0) * i128::from(quantity.0);
        let up = (product % PER_FEN).abs() * 2 >= PER_FEN;
        let fen = product / PER_FEN + if up { product.signum() } else { 0 };
        i64::try_from(fen).ok().map(Money::from_fen)
    }

    /// By how much this price exceeds a ceiling; zero if it does not.
    pub fn above(self, ceiling: UnitPrice) -> UnitPrice {
        UnitPrice(self.0.saturating_sub(ceiling.0).max(0))
    }
}

/// One line of the bill (费用明细).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which drug, service or material.
    pub code: ItemCode,
    /// How many units.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: UnitPrice,
    /// What the line charges.
    pub amount: Money,
}

/// A day as received: three numbers, which may name no day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawDate {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: i32,
    /// The day of the month.
    pub day: i32,
}

impl From<Day> for RawDate {
    fn from(day: Day) -> Self {
        RawDate { year: day.year(), month: day.month(), day: day.day() }
    }
}

/// One line of the bill as received.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawItem {
    /// Which drug, service or material.
    pub code: String,
    /// How many units.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: UnitPrice,
    /// What the line charges.
    pub amount: Money,
}

/// A claim as received, not yet validated.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawClaim {
    /// The hospital's number of the claim.
    pub claim_id: String,
    /// Who claims.
    pub hospital_id: String,
    /// For whom.
    pub person_id: String,
    /// The kind of visit, if it was given and is known.
    pub visit: Option<Visit>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// The day of admission, if given.
    pub admitted: Option<RawDate>,
    /// The day of discharge, if given.
    pub discharged: Option<RawDate>,
    /// The bill.
    pub items: Vec<RawItem>,
}

/// The ids of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimKeys {
    /// Who claims.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The hospital's number of the claim.
    pub claim_id: ClaimId,
}

/// Why a request about a claim is faulty by itself. With its ids, where they are valid, a faulty retry can still be
/// compared with what was settled before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    /// The ids, if all of them are valid.
    pub keys: Option<ClaimKeys>,
    /// The faults; not empty.
    pub faults: FieldFaults,
}

/// A claim that is sound by itself (stage 2 of the refusals).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The hospital's number of the claim.
    pub claim_id: ClaimId,
    /// Who claims.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The kind of visit.
    pub visit: Visit,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// The day of admission.
    pub admitted: Day,
    /// The day of discharge.
    pub discharged: Day,
    /// The bill; not empty.
    pub items: Vec<Item>,
}

impl Claim {
    /// The ids.
    pub fn keys(&self) -> ClaimKeys {
        ClaimKeys {
            hospital_id: self.hospital_id.clone(),
            person_id: self.person_id.clone(),
            claim_id: self.claim_id.clone(),
        }
    }
}

impl From<&Claim> for RawClaim {
    fn from(claim: &Claim) -> Self {
        RawClaim {
            claim_id: claim.claim_id.as_str().to_owned(),
            hospital_id: claim.hospital_id.as_str().to_owned(),
            person_id: claim.person_id.as_str().to_owned(),
            visit: Some(claim.visit),
            emergency: claim.emergency,
            admitted: Some(claim.admitted.into()),
            discharged: Some(claim.discharged.into()),
            items: claim.items.iter().map(RawItem::from).collect(),
        }
    }
}

impl From<&Item> for RawItem {
    fn from(item: &Item) -> Self {
        let Item { code, quantity, unit_price, amount } = item;
        RawItem { code: code.as_str().to_owned(), quantity: *quantity, unit_price: *unit_price, amount: *amount }
    }
}

impl RawClaim {
    /// The claim, if every rule about it alone holds.
    ///
    /// # Errors
    /// The faults, each with its field.
    pub fn validate(self, limits: &ClaimLimits) -> Result<Claim, InvalidRequest> {
        let mut faults = FieldFaults::default();
        let RawClaim { claim_id, hospital_id, person_id, visit, emergency, admitted, discharged, items } = self;
        let claim_id = valid_text(&mut faults, "claim.claim_id", ClaimId::parse(claim_id, limits.id_bytes));
        let hospital_id = valid_text(&mut faults, "claim.hospital_id", HospitalId::parse(hospital_id, limits.id_bytes));
        let person_id = valid_text(&mut faults, "claim.person_id", PersonId::parse(person_id, limits.id_bytes));
        if visit.is_none() {
            faults.add("claim.visit", FaultReason::Missing, "is not one of the known visits");
        }
        let days = valid_days(&mut faults, admitted, discharged);
        let items = valid_items(&mut faults, items, limits);
        let keys = claim_id.zip(hospital_id).zip(person_id);
        let keys = keys.map(|((claim_id, hospital_id), person_id)| ClaimKeys { hospital_id, person_id, claim_id });
        match (keys, visit, days) {
            (Some(keys), Some(visit), Some((admitted, discharged))) if faults.is_empty() => {
                let ClaimKeys { hospital_id, person_id, claim_id } = keys;
                Ok(Claim { claim_id, hospital_id, person_id, visit, emergency, admitted, discharged, items })
            }
            (keys, ..) => Err(InvalidRequest { keys, faults }),
        }
    }
}

/// The value, if its text is valid; otherwise the fault is added.
pub(crate) fn valid_text<T>(
    faults: &mut FieldFaults,
    field: impl Into<String>,
    parsed: Result<T, TextLengthError>,
) -> Option<T> {
    parsed.map_err(|error| faults.add(field, error.reason(), error.to_string())).ok()
}

fn valid_days(faults: &mut FieldFaults, admitted: Option<RawDate>, discharged: Option<RawDate>) -> Option<(Day, Day)> {
    let admitted = valid_day(faults, "claim.admitted", admitted);
    let discharged = valid_day(faults, "claim.discharged", discharged);
    let (admitted, discharged) = (admitted?, discharged?);
    if discharged < admitted {
        let message = "lies before the day of admission";
        faults.add("claim.discharged", FaultReason::DischargedBeforeAdmitted, message);
    }
    Some((admitted, discharged))
}

fn valid_items(faults: &mut FieldFaults, raw: Vec<RawItem>, limits: &ClaimLimits) -> Vec<Item> {
    if raw.is_empty() {
        faults.add("claim.items", FaultReason::Missing, "holds no item");
    }
    if raw.len() > limits.items {
        let message = format!("holds {} items; at most {} are taken", raw.len(), limits.items);
        faults.add("claim.items", FaultReason::TooMany, message);
        return Vec::new();
    }
    let items = raw.into_iter().enumerate();
    let items: Vec<Item> = items.filter_map(|(position, item)| item.validate(faults, position, limits)).collect();
    if faults.is_empty() {
        check_refunds(faults, &items);
    }
    items
}

impl RawItem {
    /// The item, if its code is valid. Field names are only formatted for faults: a valid item costs nothing but
    /// comparisons.
    fn validate(self, faults: &mut FieldFaults, position: usize, limits: &ClaimLimits) -> Option<Item> {
        let known = faults.count();
        let field = |name: &str| format!("claim.items[{position}].{name}");
        let RawItem { code, quantity, unit_price, amount } = self;
        let code = match ItemCode::parse(code, limits.id_bytes) {
            Ok(code) => Some(code),
            Err(error) => {
                faults.add(field("code"), error.reason(), error.to_string());
                None
            }
        };
        if amount < -limits.amount || amount > limits.amount {
            faults.add(field("amount"), FaultReason::TooLarge, beyond(limits));
        }
        if i128::from(unit_price.0) > i128::from(limits.amount.fen()) * 10_000 {
            faults.add(field("unit_price"), FaultReason::TooLarge, beyond(limits));
        }
        if unit_price.0 < 0 {
            faults.add(field("unit_price"), FaultReason::Negative, "is negative");
        }
        if amount.fen().signum() * quantity.0.signum() < 0 {
            faults.add(field("amount"), FaultReason::UnlikeSign, "has another sign than the quantity");
        }
        let mismatch = amount_fault(amount, quantity, unit_price).filter(|_| faults.count() == known);
        if let Some((reason, message)) = mismatch {
            faults.add(field("amount"), reason, message);
        }
        code.map(|code| Item { code, quantity, unit_price, amount })
    }
}

/// A hospital's system may truncate where this one rounds: a difference of one fen is accepted.
fn amount_fault(amount: Money, quantity: Quantity, unit_price: UnitPrice) -> Option<(FaultReason, String)> {
    let Some(product) = unit_price.times(quantity) else {
        return Some((FaultReason::TooLarge, "quantity x unit_price is too large".to_owned()));
    };
    let differs = product.fen().abs_diff(amount.fen()) > 1;
    differs.then(|| {
        let message = format!("is {amount}, but quantity x unit_price is {product}");
        (FaultReason::AmountMismatch, message)
    })
}

fn beyond(limits: &ClaimLimits) -> String {
    format!("lies beyond {} yuan", limits.amount)
}

fn valid_day(faults: &mut FieldFaults, field: &str, raw: Option<RawDate>) -> Option<Day> {
    let Some(raw) = raw else {
        faults.add(field, FaultReason::Missing, "is missing");
        return None;
    };
    let day = Day::new(raw.year, raw.month, raw.day);
    day.map_err(|error| faults.add(field, FaultReason::NotADay, error.to_string())).ok()
}

/// Refund lines of a code may not take back more than its other lines charge.
fn check_refunds(faults: &mut FieldFaults, items: &[Item]) {
    if items.iter().all(|item| item.amount >= Money::ZERO) {
        return;
    }
    let mut net: HashMap<&ItemCode, (usize, Money)> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        net.entry(&item.code).or_insert((at, Money::ZERO)).1 += item.amount;
    }
    let mut below: Vec<_> = net.into_values().filter(|(_, sum)| *sum < Money::ZERO).collect();
    below.sort_unstable();
    faults.extend(below.into_iter().map(|(at, sum)| {
        let message = format!("the refunds of this code exceed its charges by {}", -sum);
        FieldFault::new(format!("claim.items[{at}].code"), FaultReason::RefundsExceedCharges, message)
    }));
}

super::ids::silent_debug!(Item, RawItem, RawClaim, Claim);
