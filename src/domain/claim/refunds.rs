//! The rule about what a bill gives back.

use std::collections::HashMap;

use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::ItemCode;
use crate::domain::money::Money;

use super::Item;

/// Refund lines of a code may not take back more than its other lines charge.
pub(super) fn check_refunds(faults: &mut FieldFaults, items: &[Item]) {
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
