//! Amounts before and after, by payer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::money::Money;
use crate::journal::recorded::DecidedAmounts;

/// An amount as committed, and as it would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// As committed.
    pub before: Money,
    /// Under the other book.
    pub after: Money,
}

impl Change {
    /// What is more; less where negative.
    pub fn difference(self) -> Money {
        self.after - self.before
    }

    fn add(&mut self, other: Change) {
        self.before += other.before;
        self.after += other.after;
    }
}

/// What some settlements cost each payer and the patients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImpactGroup {
    /// The number of settlements.
    pub settlements: u64,
    /// By payer.
    pub payers: BTreeMap<Arc<str>, Change>,
    /// The patients' shares.
    pub patient: Change,
}

impl ImpactGroup {
    /// Adds a settlement.
    pub(super) fn add(&mut self, before: &DecidedAmounts, after: &DecidedAmounts) {
        self.settlements += 1;
        self.patient.add(Change { before: before.patient, after: after.patient });
        for (payer, amount) in &before.payers {
            self.payer(payer).before += *amount;
        }
        for (payer, amount) in &after.payers {
            self.payer(payer).after += *amount;
        }
    }

    fn payer(&mut self, payer: &Arc<str>) -> &mut Change {
        self.payers.entry(Arc::clone(payer)).or_default()
    }

    /// Adds another group.
    pub(super) fn merge(&mut self, other: ImpactGroup) {
        self.settlements += other.settlements;
        self.patient.add(other.patient);
        for (payer, change) in other.payers {
            self.payers.entry(payer).or_default().add(change);
        }
    }
}
