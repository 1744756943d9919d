//! The pools over which a bill is distributed and from which layers draw.

use std::sync::Arc;

use smallvec::SmallVec;

use super::money::Money;
use super::words::Pool;

/// An amount in each pool; a pool that is not listed holds nothing. Copies share the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pools {
    listed: Arc<[Pool]>,
    /// One for each listed pool.
    amounts: SmallVec<[Money; 8]>,
}

/// The amounts drawn from the pools of a layer: six are kept in place.
pub type DrawnAmounts = SmallVec<[Money; 6]>;

/// The position of a pool in a list of pools, and in the [`Pools`] that begin with this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolPosition(usize);

impl PoolPosition {
    /// The position of a pool in a list, if it is in it.
    pub(super) fn find(listed: &[Pool], pool: &Pool) -> Option<PoolPosition> {
        listed.iter().position(|known| known == pool).map(PoolPosition)
    }
}

impl Pools {
    /// Empty pools of this list.
    pub fn zero(listed: &Arc<[Pool]>) -> Pools {
        Pools { listed: Arc::clone(listed), amounts: SmallVec::from_elem(Money::ZERO, listed.len()) }
    }

    /// The position of a pool, if it is listed.
    pub fn position(&self, pool: &Pool) -> Option<PoolPosition> {
        PoolPosition::find(&self.listed, pool)
    }

    /// The pool at a position of these pools.
    pub fn pool(&self, position: PoolPosition) -> &Pool {
        &self.listed[position.0]
    }

    /// The amount in a pool.
    pub fn get(&self, pool: &Pool) -> Money {
        self.position(pool).map_or(Money::ZERO, |at| self.at(at))
    }

    /// The amount in the pool at a position.
    fn at(&self, position: PoolPosition) -> Money {
        self.amounts[position.0]
    }

    /// Adds to the pool at a position of these pools.
    pub(super) fn add_at(&mut self, position: PoolPosition, amount: Money) {
        self.amounts[position.0] += amount;
    }

    /// Adds to a pool.
    pub fn add(&mut self, pool: &Pool, amount: Money) {
        let position = self.position(pool).unwrap_or_else(|| self.list(pool));
        self.add_at(position, amount);
    }

    fn list(&mut self, pool: &Pool) -> PoolPosition {
        self.listed = self.listed.iter().chain([pool]).cloned().collect();
        self.amounts.push(Money::ZERO);
        PoolPosition(self.amounts.len() - 1)
    }

    /// Moves an amount from one pool into another.
    pub fn move_amount(&mut self, from: &Pool, into: &Pool, amount: Money) {
        self.add(from, -amount);
        self.add(into, amount);
    }

    /// The sum of all.
    pub fn total(&self) -> Money {
        self.amounts.iter().copied().sum()
    }

    /// The sum of some pools.
    pub fn sum_of(&self, pools: &[Pool]) -> Money {
        pools.iter().map(|pool| self.get(pool)).sum()
    }

    /// The sum of the pools at some positions.
    pub(super) fn sum_at(&self, positions: &[PoolPosition]) -> Money {
        positions.iter().map(|position| self.at(*position)).sum()
    }

    /// Draws an amount from the pools at these positions in their order; returns what came from each.
    pub(super) fn draw(&mut self, positions: &[PoolPosition], amount: Money) -> DrawnAmounts {
        let mut rest = amount;
        let draw_one = |position: &PoolPosition| {
            let held = &mut self.amounts[position.0];
            let part = rest.min(*held);
            *held -= part;
            rest -= part;
            part
        };
        positions.iter().map(draw_one).collect()
    }

    /// Each pool with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (&Pool, Money)> {
        self.listed.iter().zip(self.amounts.iter().copied())
    }
}

impl Default for Pools {
    fn default() -> Pools {
        Pools { listed: Arc::default(), amounts: SmallVec::new() }
    }
}

impl FromIterator<(Pool, Money)> for Pools {
    /// The pools with these amounts, in this order; amounts of one pool are added.
    fn from_iter<I: IntoIterator<Item = (Pool, Money)>>(amounts: I) -> Self {
        let (mut listed, mut sums): (Vec<Pool>, SmallVec<[Money; 8]>) = Default::default();
        for (pool, amount) in amounts {
            match PoolPosition::find(&listed, &pool) {
                Some(PoolPosition(at)) => sums[at] += amount,
                None => {
                    listed.push(pool);
                    sums.push(amount);
                }
            }
        }
        Pools { listed: listed.into(), amounts: sums }
    }
}
