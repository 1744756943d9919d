//! What a further revision changes.

use std::sync::Arc;

use crate::domain::money::Money;
use crate::domain::split::Split;

/// What changed between two splits of one claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// By payer, in the order of payment: what it pays more; less where negative. Only what is not zero.
    pub payers: Vec<(Arc<str>, Money)>,
    /// What the patient pays more; less where negative.
    pub patient: Money,
}

impl Differences {
    /// From one split to the other.
    pub fn between(before: &Split, after: &Split) -> Differences {
        let mut payers = after.payers();
        for (payer, sum) in before.payers() {
            match payers.iter_mut().find(|(known, _)| *known == payer) {
                Some((_, known)) => *known -= sum,
                None => payers.push((payer, -sum)),
            }
        }
        payers.retain(|(_, difference)| *difference != Money::ZERO);
        Differences { payers, patient: after.patient - before.patient }
    }
}
