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
    let items = raw.iter().enumerate();
    let known = faults.count();
    let items: Vec<Item> = items.filter_map(|(position, item)| item.validate(faults, position, stay, limits)).collect();
    if faults.count() > known {
        return None;
    }
    check_refunds(faults, &items);
    Some(items)
}

impl RawItem {
    /// The item, if its code is valid. Field names are only formatted for faults: a valid item costs nothing but
    /// comparisons.
    fn validate(
        &self,
        faults: &mut FieldFaults,
        position: usize,
        stay: Option<(Day, Day)>,
        limits: &ClaimLimits,
    ) -> Option<Item> {
        let known = faults.count();
        let field = |name: &str| format!("claim.items[{position}].{name}");
        let RawItem { code, quantity, unit_price, amount, day } = self;
        let (quantity, unit_price, amount, day) = (*quantity, *unit_price, *amount, *day);
        let code = match ItemCode::parse(code.as_str(), limits.id_bytes) {
            Ok(code) => Some(code),
            Err(error) => {
                faults.add(field("code"), error.reason(), error.to_string());
                None
            }
        };
        if amount < -limits.amount || amount > limits.amount {
            faults.add(field("amount"), FaultReason::TooLarge, out_of_range_message(limits));
        }
        if i128::from(unit_price.0) > i128::from(limits.amount.fen()) * 10_000 {
            faults.add(field("unit_price"), FaultReason::TooLarge, out_of_range_message(limits));
        }
        if unit_price.0 < 0 {
            faults.add(field("unit_price"), FaultReason::Negative, "is negative");
        }
        if amount.fen().signum() * quantity.0.signum() < 0 {
            faults.add(field("amount"), FaultReason::UnlikeSign, "has another sign than the quantity");
        }
        if quantity.0 == 0 && amount != Money::ZERO {
            faults.add(field("amount"), FaultReason::AmountMismatch, "is not zero, but the quantity is");
        }
        let mismatch = amount_fault(amount, quantity, unit_price).filter(|_| faults.count() == known);
        if let Some((reason, message)) = mismatch {
            faults.add(field("amount"), reason, message);
        }
        let day = match day.map(|raw| item_day(raw, stay)).transpose() {
            Ok(day) => day,
            Err((reason, message)) => {
                faults.add(field("day"), reason, message);
                None
            }
        };
        code.map(|code| Item { code, quantity, unit_price, amount, day })
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
