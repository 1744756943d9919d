//! The account of a person's benefit year: what every layer and every cap has added up to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::split::{LayerSplit, Split};
use super::vocabulary::{CapKind, Visit};

/// What a layer has added up to in the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    /// What entered it.
    pub base: Money,
    /// What it paid.
    pub paid: Money,
}

/// The accumulators of one benefit year. One that is zero is not held, so that an account is equal to
/// another exactly when every accumulator is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// How often the account has moved; 0 means that there is none yet.
    pub version: u64,
    /// The inpatient settlements that stand.
    pub admissions: u32,
    layers: Vec<(Arc<str>, LayerUse)>,
    caps: Vec<(Arc<str>, Money)>,
}

/// An accumulator left what 64 bits of fen, or zero, hold; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an accumulator would leave its range")]
pub struct OutOfRange;

impl Account {
    /// What this layer has added up to.
    pub fn layer(&self, id: &str) -> LayerUse {
        find(&self.layers, id).unwrap_or_default()
    }

    /// What this cap account has added up to.
    pub fn cap(&self, account: &str) -> Money {
        find(&self.caps, account).unwrap_or_default()
    }

    /// Each layer with what it added up to, by id.
    pub fn layers(&self) -> &[(Arc<str>, LayerUse)] {
        &self.layers
    }

    /// Each cap account with what it added up to, by name.
    pub fn caps(&self) -> &[(Arc<str>, Money)] {
        &self.caps
    }

    /// Adds what one layer of a settlement moved.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn add(&mut self, layer: &LayerSplit) -> Result<(), OutOfRange> {
        self.shift(layer, |amount| amount)
    }

    /// The account with all that a settlement moved.
    ///
    /// # Errors
    /// If an accumulator would leave its range.
    pub fn with(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        split.layers.iter().try_for_each(|layer| account.add(layer))?;
        account.settled(split)
    }

    /// The account after a settlement whose layers were all added.
    ///
    /// # Errors
    /// If there are more admissions than can be counted.
    pub fn settled(self, split: &Split) -> Result<Account, OutOfRange> {
        self.closed(split, 1)
    }

    /// The account with a settlement taken out again.
    ///
    /// # Errors
    /// If an accumulator would fall below zero: the settlement was never in it.
    pub fn without(&self, split: &Split) -> Result<Account, OutOfRange> {
        let mut account = self.clone();
        for layer in split.layers.iter().rev() {
            account.shift(layer, |amount| -amount)?;
        }
        account.closed(split, -1)
    }

    fn shift(&mut self, layer: &LayerSplit, sign: impl Fn(Money) -> Money) -> Result<(), OutOfRange> {
        let mut uses = self.layer(&layer.head.id);
        uses.base = moved(uses.base, sign(layer.base))?;
        uses.paid = moved(uses.paid, sign(layer.pays))?;
        put(&mut self.layers, &layer.head.id, uses);
        for cap in &layer.terms.caps {
            let amount = match cap.of {
                CapKind::Base => layer.base,
                CapKind::Paid => layer.pays,
            };
            let sum = moved(self.cap(&cap.account), sign(amount))?;
            put(&mut self.caps, &cap.account, sum);
        }
        Ok(())
    }

    fn closed(mut self, split: &Split, admissions: i32) -> Result<Account, OutOfRange> {
        if split.judged.visit == Visit::Inpatient {
            self.admissions = self.admissions.checked_add_signed(admissions).ok_or(OutOfRange)?;
        }
        self.version += 1;
        Ok(self)
    }
}

fn moved(sum: Money, by: Money) -> Result<Money, OutOfRange> {
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
