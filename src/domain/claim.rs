//! A claim (结算请求): first as told by the caller, then checked by itself.
//!
//! [`RawClaim`] is whatever arrived, so that even a faulty retry can be compared with what was
//! settled before. [`Claim`] exists only where every rule of stage 2 holds; later code checks nothing
//! of it again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::decimal::{ExactDecimal, ParseDecimalError};
use super::fault::{FaultReason, FieldFault, FieldFaults};
use super::ids::{ClaimId, HospitalId, ItemCode, PersonId};
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

/// A day as told: three numbers, which may name no day.
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

/// A claim as the caller told it; nothing about it is certain.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawClaim {
    /// The hospital's number of the claim.
    pub claim_id: ClaimId,
    /// Who claims.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// The kind of visit, if it was told and is known.
    pub visit: Option<Visit>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// The day of admission, if told.
    pub admitted: Option<RawDate>,
    /// The day of discharge, if told.
    pub discharged: Option<RawDate>,
    /// The bill.
    pub items: Vec<Item>,
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

impl From<&Claim> for RawClaim {
    fn from(claim: &Claim) -> Self {
        RawClaim {
            claim_id: claim.claim_id.clone(),
            hospital_id: claim.hospital_id.clone(),
            person_id: claim.person_id.clone(),
            visit: Some(claim.visit),
            emergency: claim.emergency,
            admitted: Some(claim.admitted.into()),
            discharged: Some(claim.discharged.into()),
            items: claim.items.clone(),
        }
    }
}

impl RawClaim {
    /// The claim, if every rule about it alone holds.
    ///
    /// # Errors
    /// All the faults, each with its field.
    pub fn check(self, limits: &ClaimLimits) -> Result<Claim, FieldFaults> {
        let mut faults = FieldFaults::default();
        check_id(&mut faults, "claim.claim_id", self.claim_id.as_str(), limits);
        check_id(&mut faults, "claim.hospital_id", self.hospital_id.as_str(), limits);
        check_id(&mut faults, "claim.person_id", self.person_id.as_str(), limits);
        let visit = self.visit.ok_or_else(|| {
            faults.push(FieldFault::new("claim.visit", FaultReason::Missing, "is not one of the known visits"));
        });
        let days = self.check_days(&mut faults);
        self.check_items(&mut faults, limits);
        match (visit, days) {
            (Ok(visit), Some((admitted, discharged))) if faults.is_empty() => {
                let RawClaim { claim_id, hospital_id, person_id, emergency, items, .. } = self;
                Ok(Claim { claim_id, hospital_id, person_id, visit, emergency, admitted, discharged, items })
            }
            _ => Err(faults),
        }
    }

    fn check_days(&self, faults: &mut FieldFaults) -> Option<(Day, Day)> {
        let admitted = check_day(faults, "claim.admitted", self.admitted);
        let discharged = check_day(faults, "claim.discharged", self.discharged);
        let (admitted, discharged) = (admitted?, discharged?);
        if discharged < admitted {
            faults.push(FieldFault::new(
                "claim.discharged",
                FaultReason::DischargedBeforeAdmitted,
                "lies before the day of admission",
            ));
        }
        Some((admitted, discharged))
    }

    fn check_items(&self, faults: &mut FieldFaults, limits: &ClaimLimits) {
        if self.items.is_empty() {
            faults.push(FieldFault::new("claim.items", FaultReason::Missing, "holds no item"));
        }
        if self.items.len() > limits.items {
            let told = format!("holds {} items; at most {} are taken", self.items.len(), limits.items);
            faults.push(FieldFault::new("claim.items", FaultReason::TooMany, told));
            return;
        }
        for (at, item) in self.items.iter().enumerate() {
            item.check(faults, at, limits);
        }
        if faults.is_empty() {
            check_refunds(faults, &self.items);
        }
    }
}

impl Item {
    /// Names of fields are only made up for faults: a sound item costs nothing but comparisons.
    fn check(&self, faults: &mut FieldFaults, at: usize, limits: &ClaimLimits) {
        let known = faults.count();
        let field = |name: &str| format!("claim.items[{at}].{name}");
        if let Some((reason, told)) = text_fault(self.code.as_str(), limits.id_bytes) {
            faults.push(FieldFault::new(field("code"), reason, told));
        }
        if self.amount < -limits.amount || self.amount > limits.amount {
            faults.push(FieldFault::new(field("amount"), FaultReason::TooLarge, beyond(limits)));
        }
        if i128::from(self.unit_price.0) > i128::from(limits.amount.fen()) * 10_000 {
            faults.push(FieldFault::new(field("unit_price"), FaultReason::TooLarge, beyond(limits)));
        }
        if self.unit_price.0 < 0 {
            faults.push(FieldFault::new(field("unit_price"), FaultReason::Negative, "is negative"));
        }
        if self.amount.fen().signum() * self.quantity.0.signum() < 0 {
            let told = "has another sign than the quantity";
            faults.push(FieldFault::new(field("amount"), FaultReason::UnlikeSign, told));
        }
        if let Some((reason, told)) = self.amount_fault().filter(|_| faults.count() == known) {
            faults.push(FieldFault::new(field("amount"), reason, told));
        }
    }

    /// A hospital's system may cut where this one rounds: one fen is let pass.
    fn amount_fault(&self) -> Option<(FaultReason, String)> {
        let Some(product) = self.unit_price.times(self.quantity) else {
            return Some((FaultReason::TooLarge, "quantity x unit_price is too large".to_owned()));
        };
        let off = product.fen().abs_diff(self.amount.fen()) > 1;
        off.then(|| {
            let told = format!("is {}, but quantity x unit_price is {product}", self.amount);
            (FaultReason::AmountMismatch, told)
        })
    }
}

fn beyond(limits: &ClaimLimits) -> String {
    format!("lies beyond {} yuan", limits.amount)
}

fn check_day(faults: &mut FieldFaults, field: &str, told: Option<RawDate>) -> Option<Day> {
    let Some(told) = told else {
        faults.push(FieldFault::new(field, FaultReason::Missing, "is missing"));
        return None;
    };
    let day = Day::new(told.year, told.month, told.day);
    day.map_err(|no| faults.push(FieldFault::new(field, FaultReason::NotADay, no.to_string()))).ok()
}

/// An id is there and not too long.
pub fn check_id(faults: &mut FieldFaults, field: &str, id: &str, limits: &ClaimLimits) {
    check_text(faults, field, id, limits.id_bytes);
}

/// A text is there and not too long.
pub fn check_text(faults: &mut FieldFaults, field: &str, text: &str, most: usize) {
    faults.extend(text_fault(text, most).map(|(reason, told)| FieldFault::new(field, reason, told)));
}

fn text_fault(text: &str, most: usize) -> Option<(FaultReason, String)> {
    match text.len() {
        0 => Some((FaultReason::Missing, "is missing".to_owned())),
        bytes if bytes > most => Some((FaultReason::TooLong, format!("has {bytes} bytes; at most {most} are taken"))),
        _ => None,
    }
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
        let told = format!("the refunds of this code exceed its charges by {}", -sum);
        FieldFault::new(format!("claim.items[{at}].code"), FaultReason::RefundsExceedCharges, told)
    }));
}

super::ids::silent_debug!(Item, RawClaim, Claim);
