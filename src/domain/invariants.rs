//! The invariants of a split, defined once: the service checks them before a commit, property tests on
//! generated policies, an audit on the journal.

use super::money::Money;
use super::split::{LayerSplit, Split};

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvariantViolation {
    /// The pools do not add up to the total.
    #[error("the pools do not add up to the total")]
    Pools,
    /// Payers and patient do not add up to the total.
    #[error("payers and patient do not add up to the total")]
    Conservation,
    /// Something is negative.
    #[error("a figure is negative")]
    Negative,
    /// A layer pays more than entered it.
    #[error("a layer pays more than its base")]
    AboveBase,
    /// A layer's base is more than its pools held.
    #[error("a layer's base is more than its pools held")]
    AboveResidual,
    /// A cap is exceeded.
    #[error("a cap is exceeded")]
    CapExceeded,
    /// What a layer drew from its pools is not what it pays.
    #[error("what a layer drew is not what it pays")]
    Drawn,
    /// The codes do not add up to the total.
    #[error("the codes do not add up to the total")]
    Codes,
}

/// Whether all of them hold.
///
/// # Errors
/// The first that does not.
pub fn check(split: &Split) -> Result<(), InvariantViolation> {
    let net: Money = split.codes.iter().map(|code| code.net).sum();
    ensure(net == split.total, InvariantViolation::Codes)?;
    check_amounts(split)
}

/// Whether all hold of a split without lines and codes.
///
/// # Errors
/// The first that does not.
pub fn check_amounts(split: &Split) -> Result<(), InvariantViolation> {
    let paid: Money = split.layers.iter().map(|layer| layer.pays).sum();
    let negative = split.patient < Money::ZERO || split.pools.iter().any(|(_, sum)| sum < Money::ZERO);
    ensure(split.pools.total() == split.total, InvariantViolation::Pools)?;
    ensure(paid + split.patient == split.total, InvariantViolation::Conservation)?;
    ensure(!negative, InvariantViolation::Negative)?;
    split.layers.iter().try_for_each(check_layer)
}

fn check_layer(layer: &LayerSplit) -> Result<(), InvariantViolation> {
    let figures = [layer.pays, layer.base, layer.c0, layer.deductible, layer.deductible_taken, layer.residual];
    let drawn: Money = layer.drawn.iter().map(|(_, part)| *part).sum();
    ensure(figures.iter().all(|figure| *figure >= Money::ZERO), InvariantViolation::Negative)?;
    ensure(layer.pays <= layer.base, InvariantViolation::AboveBase)?;
    ensure(layer.base <= layer.residual, InvariantViolation::AboveResidual)?;
    ensure(drawn == layer.pays, InvariantViolation::Drawn)?;
    check_caps(layer)
}

fn check_caps(layer: &LayerSplit) -> Result<(), InvariantViolation> {
    layer.caps.iter().try_for_each(|cap| {
        let added = layer.amount_of(cap.kind);
        // An account may exceed today's cap (the person lost a category); then nothing more may be added.
        let within = |limit| added == Money::ZERO || cap.before + added <= limit;
        ensure(cap.limit.is_none_or(within), InvariantViolation::CapExceeded)
    })
}

fn ensure(holds: bool, broken: InvariantViolation) -> Result<(), InvariantViolation> {
    if holds { Ok(()) } else { Err(broken) }
}
