//! The rule about what a bill gives back.

use std::collections::HashMap;

use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::ids::ItemCode;
use crate::domain::money::Money;

use super::{Item, UnitPrice};

/// Charges less refunds of one code at one unit price.
struct NetOfCode {
    /// The first line of the code at this price.
    first: usize,
    /// In 10^-4 units.
    quantity: i128,
    amount: Money,
}

/// Refund lines of a code at a price may not take back more, in quantity or in amount, than its other lines at this
/// price charge.
pub(super) fn check_refunds(faults: &mut FieldFaults, items: &[Item]) {
    if items.iter().all(|item| item.amount >= Money::ZERO && item.quantity.0 >= 0) {
        return;
    }
    let mut nets: HashMap<(&ItemCode, UnitPrice), NetOfCode> = HashMap::new();
    for (first, item) in items.iter().enumerate() {
        let net = nets.entry((&item.code, item.unit_price));
        let net = net.or_insert(NetOfCode { first, quantity: 0, amount: Money::ZERO });
        net.quantity += i128::from(item.quantity.0);
        net.amount += item.amount;
    }
    let mut below: Vec<_> = nets.into_iter().filter_map(|((_, price), net)| net.fault(price)).collect();
    below.sort_unstable_by_key(|(first, _)| *first);
    faults.extend(below.into_iter().map(|(_, fault)| fault));
}

impl NetOfCode {
    /// The fault of the first line, if more was given back than charged.
    fn fault(self, price: UnitPrice) -> Option<(usize, FieldFault)> {
        let message = if self.amount < Money::ZERO {
            format!("the refunds of this code at {price} exceed its charges by {}", -self.amount)
        } else if self.quantity < 0 {
            format!("the refunds of this code at {price} exceed its charges in quantity")
        } else {
            return None;
        };
        let field = format!("claim.items[{}].code", self.first);
        Some((self.first, FieldFault::new(field, FaultReason::RefundsExceedCharges, message)))
    }
}
