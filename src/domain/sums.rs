//! Sums by name: the form of accumulators.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::money::Money;

/// Sums by name, in the order of the names; what is zero is left out.
pub type Sums<T> = Vec<(Arc<str>, T)>;

/// What a ledger has accumulated in the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerUse {
    /// The sum of the bases of its layers.
    pub base: Money,
    /// The sum of the deductibles taken.
    pub taken: Money,
}

/// An accumulator would fall below zero or exceed 64 bits of fen; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an accumulator would leave its range")]
pub struct OutOfRange;

/// The sum of a name.
pub(super) fn find<T: Copy>(sums: &[(Arc<str>, T)], name: &str) -> Option<T> {
    let at = sums.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
    Some(sums[at].1)
}

/// Replaces the sum of a name; a sum of zero is removed.
pub(super) fn put<T: Default + PartialEq>(sums: &mut Sums<T>, name: &Arc<str>, sum: T) {
    let empty = sum == T::default();
    match sums.binary_search_by(|(known, _)| known.cmp(name)) {
        Ok(at) if empty => drop(sums.remove(at)),
        Ok(at) => sums[at].1 = sum,
        Err(_) if empty => {}
        Err(at) => sums.insert(at, (name.clone(), sum)),
    }
}
