//! Amounts that depend on the bill: a share of what fell into pools.

use super::decimal::ExactDecimal;
use super::money::Money;
use super::pools::Pools;
use super::words::Pool;

/// An exact share of what fell into pools, and an exact amount in yuan beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShareOfPools {
    /// The share.
    pub share: ExactDecimal,
    /// The pools.
    pub of: Vec<Pool>,
    /// The amount beside it.
    pub plus: ExactDecimal,
}

impl ShareOfPools {
    /// The amount for these pools, rounded half up and at least zero; `None` if it is too large.
    pub fn amount(&self, pools: &Pools) -> Option<Money> {
        let fen = self.share.share_of_fen(pools.sum_of(&self.of).fen(), self.plus)?;
        Some(Money::from_fen(fen).at_least_zero())
    }
}
