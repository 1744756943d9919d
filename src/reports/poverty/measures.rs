//! The measures of a group.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::money::Money;
use crate::reports::chunk::ChunkLine;

use super::{PersonKey, PovertyLayer};

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

/// Settlements and what the person paid.
#[derive(Clone, Default)]
struct OfPerson {
    settlements: i64,
    patient: i64,
    region: Arc<str>,
}

/// Measures that lines are added to.
#[derive(Default)]
pub(super) struct OpenMeasures {
    pub registered: u64,
    pub removed: u64,
    treated: HashMap<PersonKey, OfPerson>,
    total: i64,
    layers: HashMap<Arc<str>, i64>,
    ordinary: HashMap<PersonKey, OfPerson>,
}

impl OpenMeasures {
    /// Adds a line of a person who was settled as registered, with what each layer pays.
    pub fn add_treated(&mut self, line: &ChunkLine, person: PersonKey, paid: &[(Arc<str>, i64)]) {
        let factor = line.sign.factor();
        add(self.treated.entry(person).or_default(), line);
        self.total = self.total.saturating_add(factor * line.total);
        for (layer, pays) in paid {
            let sum = self.layers.entry(layer.clone()).or_default();
            *sum = sum.saturating_add(factor * pays);
        }
    }

    /// Adds a line of a person who was settled as ordinary and is on a register.
    pub fn add_ordinary(&mut self, line: &ChunkLine, person: PersonKey, region: &Arc<str>) {
        let of_person = self.ordinary.entry(person).or_default();
        add(of_person, line);
        of_person.region = region.clone();
    }

    /// The persons who were settled as ordinary: key, region, settlements, what they paid.
    pub fn ordinary(&self) -> Vec<(PersonKey, Arc<str>, i64, Money)> {
        let live = self.ordinary.iter().filter(|(_, of)| of.settlements > 0);
        live.map(|(key, of)| (*key, of.region.clone(), of.settlements, Money::from_fen(of.patient))).collect()
    }

    /// The measures.
    pub fn finish(self, layers: &[PovertyLayer], thresholds: &[Money]) -> Measures {
        let live = |persons: &HashMap<PersonKey, OfPerson>| persons.values().filter(|of| of.settlements > 0).count();
        let sum =
            |persons: &HashMap<PersonKey, OfPerson>, of: fn(&OfPerson) -> i64| persons.values().map(of).sum::<i64>();
        let above = |threshold: &Money| self.treated.values().filter(|of| of.patient > threshold.fen()).count() as u64;
        let layer = |layer: &PovertyLayer| Money::from_fen(self.layers.get(&layer.id).copied().unwrap_or_default());
        Measures {
            registered: self.registered,
            removed: self.removed,
            treated: live(&self.treated) as u64,
            settlements: sum(&self.treated, |of| of.settlements),
            total: Money::from_fen(self.total),
            layers: layers.iter().map(layer).collect(),
            patient: Money::from_fen(sum(&self.treated, |of| of.patient)),
            above: thresholds.iter().map(above).collect(),
            ordinary_persons: live(&self.ordinary) as u64,
            ordinary_settlements: sum(&self.ordinary, |of| of.settlements),
            ordinary_patient: Money::from_fen(sum(&self.ordinary, |of| of.patient)),
        }
    }
}

fn add(of_person: &mut OfPerson, line: &ChunkLine) {
    let factor = line.sign.factor();
    of_person.settlements += factor;
    of_person.patient = of_person.patient.saturating_add(factor * line.patient);
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
