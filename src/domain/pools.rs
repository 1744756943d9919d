//! The six pools over which a bill is distributed and from which layers draw.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::vocabulary::Pool;

/// An amount in each pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools([Money; Pool::ALL.len()]);

impl Pools {
    /// The amount in a pool.
    pub const fn get(&self, pool: Pool) -> Money {
        self.0[pool as usize]
    }

    /// Adds to a pool.
    pub fn add(&mut self, pool: Pool, amount: Money) {
        self.0[pool as usize] += amount;
    }

    /// The sum of all.
    pub fn total(&self) -> Money {
        self.0.iter().copied().sum()
    }

    /// The sum of some pools.
    pub fn sum_of(&self, pools: &[Pool]) -> Money {
        pools.iter().map(|pool| self.get(*pool)).sum()
    }

    /// Draws an amount from these pools in their order; returns what came from each.
    pub fn draw(&mut self, pools: &[Pool], amount: Money) -> Vec<(Pool, Money)> {
        let mut rest = amount;
        let mut drawn = Vec::with_capacity(pools.len());
        for pool in pools {
            let part = rest.min(self.get(*pool));
            self.0[*pool as usize] -= part;
            rest -= part;
            drawn.push((*pool, part));
        }
        drawn
    }

    /// Each pool with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (Pool, Money)> + '_ {
        Pool::ALL.iter().map(|pool| (*pool, self.get(*pool)))
    }
}
