//! The accumulators of a person in one insurance and benefit year.

use std::collections::BTreeMap;

use super::split::{Layer, Split};

/// The accumulators, without entries that are zero.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Account {
    pub admissions: u32,
    /// Base and deductible taken by ledger.
    pub ledgers: BTreeMap<String, (i64, i64)>,
    /// The amount paid by layer id.
    pub paid: BTreeMap<String, i64>,
    /// The amount used by annual cap account: base or paid, by the kind of the cap.
    pub caps: BTreeMap<String, i64>,
}

impl Account {
    pub fn ledger(&self, name: &str) -> (i64, i64) {
        self.ledgers.get(name).copied().unwrap_or_default()
    }

    pub fn cap(&self, account: &str) -> i64 {
        self.caps.get(account).copied().unwrap_or(0)
    }

    /// Adds the amounts of a layer, or subtracts them if the sign is negative.
    pub fn add_layer(&mut self, layer: &Layer, sign: i64) {
        let (base, taken) = self.ledgers.entry(layer.ledger.clone()).or_default();
        *base += sign * layer.base;
        *taken += sign * layer.deductible_taken;
        *self.paid.entry(layer.id.clone()).or_default() += sign * layer.pays;
        for cap in layer.caps.iter().filter(|cap| !cap.per_claim) {
            let moved = if cap.on_base { layer.base } else { layer.pays };
            *self.caps.entry(cap.account.clone()).or_default() += sign * moved;
        }
        self.ledgers.retain(|_, used| *used != (0, 0));
        self.paid.retain(|_, used| *used != 0);
        self.caps.retain(|_, used| *used != 0);
    }
}

/// The account without this split: the reversal of what its decision added.
pub fn account_without(account: &Account, split: &Split) -> Account {
    let mut account = account.clone();
    split.layers.iter().for_each(|layer| account.add_layer(layer, -1));
    account.admissions -= u32::from(split.counts_admission);
    account
}
