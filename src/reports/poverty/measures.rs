//! The measures of a group.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::money::Money;
use crate::reports::chunk::ChunkLine;

use super::PovertyLayer;

/// The measures of a group, net of reversals and revisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Persons on a register on some day.
    pub registered: u64,
    /// Persons who left the last register on which they were.
    pub removed: u64,
    /// Persons who were settled as registered.
    pub treated: u64,
    /// Their settlements.
    pub settlements: i64,
    /// The total of their bills.
    pub total: Money,
    /// What each layer paid of it, in the order of the layers.
    pub layers: Vec<Money>,
    /// What they paid themselves.
    pub patient: Money,
    /// How many of them paid more than each threshold.
    pub above: Vec<u64>,
    /// Persons who were settled as ordinary although a register has them on the day of discharge.
    pub ordinary_persons: u64,
    /// Their settlements as ordinary.
    pub ordinary_settlements: i64,
    /// What they paid themselves for these.
    pub ordinary_patient: Money,
}

impl Measures {
    /// The share of the bills that was paid before and after each layer, in thousandths; none where there are no bills.
    pub fn shares(&self) -> Vec<(Option<i64>, Option<i64>)> {
        let mut paid = Money::ZERO;
        let share_of = |paid: Money| share(paid, self.total);
        self.layers
            .iter()
            .map(|pays| {
                let before = share_of(paid);
                paid += *pays;
                (before, share_of(paid))
            })
            .collect()
    }

    /// The share that all layers together paid, in thousandths.
    pub fn share_paid(&self) -> Option<i64> {
        share(self.total - self.patient, self.total)
    }
}

/// A part of a whole in thousandths, rounded half up; none of nothing.
pub fn share(part: Money, whole: Money) -> Option<i64> {
    let (part, whole) = (i128::from(part.fen()), i128::from(whole.fen()));
    (whole > 0).then(|| (part * 2_000 + whole).div_euclid(whole * 2) as i64)
}

/// Settlements of a person, less those that were reversed, and what the person paid for them in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PersonSum {
    pub settlements: i64,
    pub patient: i64,
}

impl PersonSum {
    /// Adds other settlements.
    pub fn add(&mut self, other: PersonSum) {
        self.settlements += other.settlements;
        self.patient = self.patient.saturating_add(other.patient);
    }
}

/// Measures that are added up.
#[derive(Default)]
pub(super) struct OpenMeasures {
    pub registered: u64,
    pub removed: u64,
    pub treated: PersonCounts,
    pub ordinary: PersonCounts,
    total: i64,
    layers: HashMap<Arc<str>, i64>,
}

/// What is counted of persons.
#[derive(Default)]
pub(super) struct PersonCounts {
    persons: u64,
    settlements: i64,
    patient: i64,
    above: Vec<u64>,
}

impl PersonCounts {
    /// Adds the settlements of a person in the group, and what the person paid for them.
    pub fn add(&mut self, sum: PersonSum, thresholds: &[Money]) {
        self.persons += u64::from(sum.settlements > 0);
        self.settlements += sum.settlements;
        self.patient = self.patient.saturating_add(sum.patient);
        self.above.resize(thresholds.len(), 0);
        for (above, threshold) in self.above.iter_mut().zip(thresholds) {
            *above += u64::from(sum.patient > threshold.fen());
        }
    }
}

impl OpenMeasures {
    /// Adds a bill of a person who was settled as registered, with what each layer pays.
    pub fn add_bill(&mut self, line: &ChunkLine, paid: &[(Arc<str>, i64)]) {
        let factor = line.sign.factor();
        self.total = self.total.saturating_add(factor * line.total);
        for (layer, pays) in paid {
            let sum = self.layers.entry(Arc::clone(layer)).or_default();
            *sum = sum.saturating_add(factor * pays);
        }
    }

    /// The measures.
    pub fn finish(&self, layers: &[PovertyLayer], thresholds: &[Money]) -> Measures {
        let layer = |layer: &PovertyLayer| Money::from_fen(self.layers.get(&layer.id).copied().unwrap_or_default());
        let above = |at: usize| self.treated.above.get(at).copied().unwrap_or_default();
        Measures {
            registered: self.registered,
            removed: self.removed,
            treated: self.treated.persons,
            settlements: self.treated.settlements,
            total: Money::from_fen(self.total),
            layers: layers.iter().map(layer).collect(),
            patient: Money::from_fen(self.treated.patient),
            above: (0..thresholds.len()).map(above).collect(),
            ordinary_persons: self.ordinary.persons,
            ordinary_settlements: self.ordinary.settlements,
            ordinary_patient: Money::from_fen(self.ordinary.patient),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_half_up_to_thousandths() {
        let of = |part, whole| share(Money::from_fen(part), Money::from_fen(whole));
        assert_eq!([of(1, 3), of(2, 3), of(1, 2_000), of(5, 5), of(0, 5)], [333, 667, 1, 1_000, 0].map(Some));
        assert_eq!(of(0, 0), None);
    }
}
