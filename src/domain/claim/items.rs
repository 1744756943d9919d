//! The rules about the lines of a bill.

use crate::domain::day::Day;
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::ItemCode;
use crate::domain::money::Money;

use super::refunds::check_refunds;
use super::{ClaimLimits, Item, Quantity, RawDate, RawItem, UnitPrice};

/// The lines, if each of them is valid. `stay` is the day of admission and of discharge, if both are valid.
pub(super) fn valid_items(
    faults: &mut FieldFaults,
    raw: &[RawItem],
    stay: Option<(Day, Day)>,
    limits: &ClaimLimits,
) -> Option<Vec<Item>> {
    if raw.is_empty() {
        faults.add("claim.items", FaultReason::Missing, "holds no item");
        return None;
    }
    if raw.len() > limits.items {
        let message = format!("holds {} items; at most {} are taken", raw.len(), limits.items);
        faults.add("claim.items", FaultReason::TooMany, message);
        return None;
    }
    let known = faults.count();
    let mut flawed = Vec::new();
    let items = raw.iter().enumerate();
    let items = items
        .filter_map(|(position, item)| {
            let known = faults.count();
            let code = item.valid_code(faults, position, limits);
            item.check_figures(faults, position, limits);
            if faults.count() > known {
                flawed.push(position);
            }
            let day = item.valid_day(faults, position, stay);
            let RawItem { quantity, unit_price, amount, .. } = *item;
            code.map(|code| Item { code, quantity, unit_price, amount, day })
        })
        .collect();
    check_refunds(faults, raw, &flawed);
    (faults.count() == known).then_some(items)
}

/// Names of fields are only formatted for faults: a valid item costs nothing but comparisons.
fn field(position: usize, name: &str) -> String {
    format!("claim.items[{position}].{name}")
}

impl RawItem {
    /// The code, if it is one.
    fn valid_code(&self, faults: &mut FieldFaults, position: usize, limits: &ClaimLimits) -> Option<ItemCode> {
        match ItemCode::parse(self.code.clone(), limits.id_bytes) {
            Ok(code) => Some(code),
            Err(error) => {
                faults.add(field(position, "code"), error.reason(), error.to_string());
                None
            }
        }
    }

    /// The faults of quantity, price and amount.
    fn check_figures(&self, faults: &mut FieldFaults, position: usize, limits: &ClaimLimits) {
        let known = faults.count();
        let RawItem { quantity, unit_price, amount, .. } = *self;
        if amount < -limits.amount || amount > limits.amount {
            faults.add(field(position, "amount"), FaultReason::TooLarge, out_of_range_message(limits));
        }
        if i128::from(unit_price.0) > i128::from(limits.amount.fen()) * 10_000 {
            faults.add(field(position, "unit_price"), FaultReason::TooLarge, out_of_range_message(limits));
        }
        if unit_price.0 < 0 {
            faults.add(field(position, "unit_price"), FaultReason::Negative, "is negative");
        }
        if amount.fen().signum() * quantity.0.signum() < 0 {
            faults.add(field(position, "amount"), FaultReason::UnlikeSign, "has another sign than the quantity");
        }
        if quantity.0 == 0 && amount != Money::ZERO {
            faults.add(field(position, "amount"), FaultReason::AmountMismatch, "is not zero, but the quantity is");
        }
        let mismatch = amount_fault(amount, quantity, unit_price).filter(|_| faults.count() == known);
        if let Some((reason, message)) = mismatch {
            faults.add(field(position, "amount"), reason, message);
        }
    }

    /// The day, if one is given and valid.
    fn valid_day(&self, faults: &mut FieldFaults, position: usize, stay: Option<(Day, Day)>) -> Option<Day> {
        match self.day.map(|raw| item_day(raw, stay)).transpose() {
            Ok(day) => day,
            Err((reason, message)) => {
                faults.add(field(position, "day"), reason, message);
                None
            }
        }
    }
}

/// The day of a line, which lies within the stay.
fn item_day(raw: RawDate, stay: Option<(Day, Day)>) -> Result<Day, (FaultReason, String)> {
    let day = Day::try_from(raw).map_err(|error| (FaultReason::NotADay, error.to_string()))?;
    match stay {
        Some((admitted, discharged)) if day < admitted || day > discharged => {
            Err((FaultReason::OutsideStay, "lies outside the days of admission and discharge".to_owned()))
        }
        _ => Ok(day),
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

fn out_of_range_message(limits: &ClaimLimits) -> String {
    format!("lies beyond {} yuan", limits.amount)
}
