//! The invariants of a split, defined once: the service checks them before a commit, property tests on
//! generated policies, an audit on the journal.

use super::fixed_words::CapKind;
use super::money::Money;
use super::resolved_terms::SplitCap;
use super::short_text::ShortText;
use super::split::{CapSplit, LayerSplit, Split};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// The codes do not add up to the total.
    #[error("the codes do not add up to the total")]
    Codes,
    /// Something does not hold of one layer.
    #[error("layer {layer}: {violation}")]
    Layer {
        /// The layer.
        layer: ShortText,
        /// What does not hold.
        violation: LayerViolation,
    },
}

/// An invariant of a layer that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayerViolation {
    /// Something is negative.
    #[error("a figure is negative")]
    Negative,
    /// It pays more than entered it.
    #[error("it pays {pays}, more than its base of {base}")]
    AboveBase {
        /// What it pays.
        pays: Money,
        /// Its base.
        base: Money,
    },
    /// Its base is more than its pools held.
    #[error("its base of {base} is more than its pools held, {residual}")]
    AboveResidual {
        /// Its base.
        base: Money,
        /// What its pools held.
        residual: Money,
    },
    /// What it drew from its pools is not what it pays.
    #[error("it drew {drawn} from its pools, and pays {pays}")]
    Drawn {
        /// What it drew.
        drawn: Money,
        /// What it pays.
        pays: Money,
    },
    /// A cap is exceeded.
    #[error("the cap on {} of the account {account} is {limit}, and {used} would be used", kind.as_str())]
    CapExceeded {
        /// The account of the cap.
        account: ShortText,
        /// What it limits.
        kind: CapKind,
        /// Its limit.
        limit: Money,
        /// Its use with this layer.
        used: Money,
    },
}

/// Whether all of them hold.
///
/// # Errors
/// The first that does not.
pub fn check(split: &Split) -> Result<(), InvariantViolation> {
    let net: Money = split.codes.iter().map(|code| code.net).sum();
    ensure(net == split.total, || InvariantViolation::Codes)?;
    check_amounts(split)
}

/// Whether all hold of a split without lines and codes.
///
/// # Errors
/// The first that does not.
pub fn check_amounts(split: &Split) -> Result<(), InvariantViolation> {
    let paid: Money = split.layers.iter().map(|layer| layer.pays).sum();
    let negative = split.patient < Money::ZERO || split.pools.iter().any(|(_, sum)| sum < Money::ZERO);
    ensure(split.pools.total() == split.total, || InvariantViolation::Pools)?;
    ensure(paid + split.patient == split.total, || InvariantViolation::Conservation)?;
    ensure(!negative, || InvariantViolation::Negative)?;
    split.layers.iter().try_for_each(|layer| {
        let named = |violation| InvariantViolation::Layer { layer: layer.head().id.clone(), violation };
        check_layer(layer).map_err(named)
    })
}

fn check_layer(layer: &LayerSplit) -> Result<(), LayerViolation> {
    let &LayerSplit { pays, base, c0, deductible, deductible_taken, residual, .. } = layer;
    let figures = [pays, base, c0, deductible, deductible_taken, residual];
    let drawn: Money = layer.drawn.iter().copied().sum();
    ensure(figures.iter().all(|figure| *figure >= Money::ZERO), || LayerViolation::Negative)?;
    ensure(pays <= base, || LayerViolation::AboveBase { pays, base })?;
    ensure(base <= residual, || LayerViolation::AboveResidual { base, residual })?;
    ensure(drawn == pays, || LayerViolation::Drawn { drawn, pays })?;
    layer.caps().try_for_each(|(cap, split)| check_cap(cap, split, layer.amount_of(cap.kind)))
}

/// An account may exceed today's cap (the person lost a category); then nothing more may be added.
fn check_cap(cap: &SplitCap, split: &CapSplit, added: Money) -> Result<(), LayerViolation> {
    let (Some(limit), used) = (split.limit, split.before + added) else { return Ok(()) };
    let exceeded = || LayerViolation::CapExceeded { account: cap.account.clone(), kind: cap.kind, limit, used };
    ensure(added == Money::ZERO || used <= limit, exceeded)
}

fn ensure<V>(holds: bool, violation: impl FnOnce() -> V) -> Result<(), V> {
    if holds { Ok(()) } else { Err(violation()) }
}
