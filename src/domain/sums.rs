//! Sums by name: the form of accumulators.

use super::money::Money;
use super::short_text::ShortText;

/// Sums by name, in the order of the names; what is zero is left out.
pub type Sums<T> = Vec<(ShortText, T)>;

/// What a ledger has accumulated in the year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub(super) fn find<T: Copy>(sums: &[(ShortText, T)], name: &ShortText) -> Option<T> {
    position(sums, name).map(|at| sums[at].1)
}

/// Replaces the sum of a name by what `change` makes of it; a sum of zero is removed.
///
/// # Errors
/// That of `change`; nothing was changed then.
pub(super) fn update<T: Copy + Default + PartialEq, E>(
    sums: &mut Sums<T>,
    name: &ShortText,
    change: impl FnOnce(T) -> Result<T, E>,
) -> Result<(), E> {
    let at = position(sums, name);
    let sum = change(at.map_or_else(T::default, |at| sums[at].1))?;
    match at {
        Some(at) if sum == T::default() => drop(sums.remove(at)),
        Some(at) => sums[at].1 = sum,
        None if sum == T::default() => {}
        None => sums.insert(sums.partition_point(|(known, _)| known < name), (name.clone(), sum)),
    }
    Ok(())
}

/// The position of a name. An account has a few names, so that one after the other is faster than halving.
fn position<T>(sums: &[(ShortText, T)], name: &ShortText) -> Option<usize> {
    sums.iter().position(|(known, _)| known == name)
}
