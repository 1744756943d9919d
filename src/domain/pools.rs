//! The pools over which a bill is distributed and from which layers draw.

use super::money::Money;
use super::words::Pool;

/// An amount in each pool; a pool that is not listed holds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools(Vec<(Pool, Money)>);

/// The position of a pool in the list of some [`Pools`].
#[derive(Clone, Copy)]
pub(super) struct PoolPosition(usize);

impl Pools {
    /// Empty pools, listed in this order.
    pub fn zero(pools: &[Pool]) -> Pools {
        Pools(pools.iter().map(|pool| (pool.clone(), Money::ZERO)).collect())
    }

    /// The amount in a pool.
    pub fn get(&self, pool: &Pool) -> Money {
        self.0.iter().find(|(known, _)| known == pool).map_or(Money::ZERO, |(_, amount)| *amount)
    }

    /// The position of a pool, which is listed if it was not.
    pub(super) fn position(&mut self, pool: &Pool) -> PoolPosition {
        let listed = self.0.iter().position(|(known, _)| known == pool);
        PoolPosition(listed.unwrap_or_else(|| {
            self.0.push((pool.clone(), Money::ZERO));
            self.0.len() - 1
        }))
    }

    /// Adds to the pool at a position of these pools.
    pub(super) fn add_at(&mut self, position: PoolPosition, amount: Money) {
        self.0[position.0].1 += amount;
    }

    /// Adds to a pool.
    pub fn add(&mut self, pool: &Pool, amount: Money) {
        match self.0.iter_mut().find(|(known, _)| known == pool) {
            Some((_, sum)) => *sum += amount,
            None => self.0.push((pool.clone(), amount)),
        }
    }

    /// Moves an amount from one pool into another.
    pub fn move_amount(&mut self, from: &Pool, into: &Pool, amount: Money) {
        self.add(from, -amount);
        self.add(into, amount);
    }

    /// The sum of all.
    pub fn total(&self) -> Money {
        self.0.iter().map(|(_, amount)| *amount).sum()
    }

    /// The sum of some pools.
    pub fn sum_of(&self, pools: &[Pool]) -> Money {
        pools.iter().map(|pool| self.get(pool)).sum()
    }

    /// Draws an amount from these pools in their order; returns what came from each.
    pub fn draw(&mut self, pools: &[Pool], amount: Money) -> Vec<(Pool, Money)> {
        let mut rest = amount;
        let mut drawn = Vec::with_capacity(pools.len());
        for pool in pools {
            let Some((known, held)) = self.0.iter_mut().find(|(known, _)| known == pool) else { continue };
            let part = rest.min(*held);
            *held -= part;
            rest -= part;
            drawn.push((known.clone(), part));
        }
        drawn
    }

    /// Each pool with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (&Pool, Money)> {
        self.0.iter().map(|(pool, amount)| (pool, *amount))
    }
}

impl FromIterator<(Pool, Money)> for Pools {
    /// The pools with these amounts, in this order; amounts of one pool are added.
    fn from_iter<I: IntoIterator<Item = (Pool, Money)>>(amounts: I) -> Self {
        let mut pools = Pools::default();
        amounts.into_iter().for_each(|(pool, amount)| pools.add(&pool, amount));
        pools
    }
}
