//! The account of a person's benefit year: the accumulators of every layer and every cap.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::split::{LayerSplit, Split};
use super::vocabulary::{CapKind, Visit};

/// What a layer has accumulated in the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    /// The sum of its bases.
    pub base: Money,
    /// The sum of its payments.
    pub paid: Money,
}

/// The accumulators of one benefit year. Those that are zero are left out, so two accounts are equal
/// exactly when all their accumulators are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The number of changes; 0 means that the account does not exist yet.
    pub version: u64,
    /// The inpatient settlements that are not reversed.
    pub admissions: u32,
    layers: Vec<(Arc<str>, LayerUse)>,
    caps: Vec<(Arc<str>, Money)>,
}

/// An accumulator would fall below zero or exceed 64 bits of fen; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an accumulator would leave its range")]
pub struct OutOfRange;

impl Account {
    /// The accumulators of a layer; zero if it has none.
    pub fn layer(&self, id: &str) -> LayerUse {
        find(&self.layers, id).unwrap_or_default()
    }

    /// The accumulator of a cap account; zero if it has none.
    pub fn cap(&self, account: &str) -> Money {
        find(&self.caps, account).unwrap_or_default()
    }

    /// The layers with their accumulators, in the order of their ids.
    pub fn layers(&self) -> &[(Arc<str>, LayerUse)] {
        &self.layers
    }

    /// The cap accounts with their accumulators, in the order of their names.
    pub fn caps(&self) -> &[(Arc<str>, Money)] {
        &self.caps
    }

    /// Adds one layer of a settlement.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn add_layer(&mut self, layer: &LayerSplit) -> Result<(), OutOfRange> {
        self.shift(layer, |amount| amount)
    }

    /// The account after a settlement.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn with_settlement(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        split.layers.iter().try_for_each(|layer| account.add_layer(layer))?;
        account.count_settlement(split)
    }

    /// The account with a settlement counted whose layers were added.
    ///
    /// # Errors
    /// If there are more admissions than can be counted.
    pub fn count_settlement(self, split: &Split) -> Result<Account, OutOfRange> {
        self.count_change(split, 1)
    }

    /// The account without a settlement, as after its reversal.
    ///
    /// # Errors
    /// If an accumulator would fall below zero: the account does not contain the settlement.
    pub fn without_settlement(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        for layer in split.layers.iter().rev() {
            account.shift(layer, |amount| -amount)?;
        }
        account.count_change(split, -1)
    }

    fn shift(&mut self, layer: &LayerSplit, sign: impl Fn(Money) -> Money) -> Result<(), OutOfRange> {
        let mut uses = self.layer(&layer.head.id);
        uses.base = shifted(uses.base, sign(layer.base))?;
        uses.paid = shifted(uses.paid, sign(layer.pays))?;
        put(&mut self.layers, &layer.head.id, uses);
        for cap in &layer.terms.caps {
            let amount = match cap.kind {
                CapKind::Base => layer.base,
                CapKind::Paid => layer.pays,
            };
            let sum = shifted(self.cap(&cap.account), sign(amount))?;
            put(&mut self.caps, &cap.account, sum);
        }
        Ok(())
    }

    fn count_change(mut self, split: &Split, admissions: i32) -> Result<Account, OutOfRange> {
        // A stay whose lines were all given back is no admission.
        if split.circumstances.visit == Visit::Inpatient && split.total > Money::ZERO {
            self.admissions = self.admissions.checked_add_signed(admissions).ok_or(OutOfRange)?;
        }
        self.version += 1;
        Ok(self)
    }
}

fn shifted(sum: Money, by: Money) -> Result<Money, OutOfRange> {
    sum.checked_add(by).filter(|sum| *sum >= Money::ZERO).ok_or(OutOfRange)
}

fn find<T: Copy>(sums: &[(Arc<str>, T)], name: &str) -> Option<T> {
    let at = sums.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
    Some(sums[at].1)
}

fn put<T: Default + PartialEq>(sums: &mut Vec<(Arc<str>, T)>, name: &Arc<str>, sum: T) {
    let empty = sum == T::default();
    match sums.binary_search_by(|(known, _)| known.cmp(name)) {
        Ok(at) if empty => drop(sums.remove(at)),
        Ok(at) => sums[at].1 = sum,
        Err(_) if empty => {}
        Err(at) => sums.insert(at, (name.clone(), sum)),
    }
}
