//! The rule about what a bill gives back.

use std::collections::HashMap;

use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::money::Money;

use super::{RawItem, UnitPrice};

/// Charges less refunds of one code at one unit price.
struct NetOfCode {
    /// The first line of the code at this price.
    first: usize,
    /// In 10^-4 units.
    quantity: i128,
    /// In fen: the lines are of any size.
    amount: i128,
}

/// Refund lines of a code at a price may not take back more, in quantity or in amount, than its other lines at this
/// price charge. Codes and prices are compared as written. Where one of these lines is flawed, that is not known, and its own
/// fault is named.
pub(super) fn check_refunds(faults: &mut FieldFaults, items: &[RawItem], flawed: &[usize]) {
    if items.iter().all(|item| item.amount >= Money::ZERO && item.quantity.0 >= 0) {
        return;
    }
    let mut nets: HashMap<(&str, UnitPrice), NetOfCode> = HashMap::new();
    for (first, item) in items.iter().enumerate() {
        let net = nets.entry((&item.code, item.unit_price));
        let net = net.or_insert(NetOfCode { first, quantity: 0, amount: 0 });
        net.quantity += i128::from(item.quantity.0);
        net.amount += i128::from(item.amount.fen());
    }
    for item in flawed.iter().filter_map(|position| items.get(*position)) {
        nets.remove(&(&*item.code, item.unit_price));
    }
    let mut below: Vec<_> = nets.into_iter().filter_map(|((_, price), net)| net.fault(price)).collect();
    below.sort_unstable_by_key(|(first, _)| *first);
    faults.extend(below.into_iter().map(|(_, fault)| fault));
}

impl NetOfCode {
    /// The fault of the first line, if more was given back than charged.
    fn fault(self, price: UnitPrice) -> Option<(usize, FieldFault)> {
        let message = if self.amount < 0 {
            let excess = Money::from_fen(i64::try_from(-self.amount).unwrap_or(i64::MAX));
            format!("the refunds of this code at {price} exceed its charges by {excess}")
        } else if self.quantity < 0 {
            format!("the refunds of this code at {price} exceed its charges in quantity")
        } else {
            return None;
        };
        let field = format!("claim.items[{}].code", self.first);
        Some((self.first, FieldFault::new(field, FaultReason::RefundsExceedCharges, message)))
    }
}
