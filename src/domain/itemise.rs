//! Distributes the items of a bill over the pools (`semantics`, section 3): the part over a price ceiling,
//! the part of class B that the patient bears first, and the rest.

use super::claim::{Claim, Item};
use super::facts::{CatalogueEntry, Class, Facts};
use super::money::Money;
use super::pools::Pools;
use super::split::{CodeSplit, LineSplit};
use super::vocabulary::Pool;

/// A bill distributed over the pools.
pub struct Itemised {
    /// One for each item, in order.
    pub lines: Vec<LineSplit>,
    /// One for each code and row of the catalogue, in order of first appearance.
    pub codes: Vec<CodeSplit>,
    /// What fell into each pool.
    pub pools: Pools,
}

/// Distributes a bill over the pools; they add up to its total, and none is negative.
pub fn itemise(claim: &Claim, facts: &Facts) -> Itemised {
    let mut codes: Vec<CodeSplit> = facts.catalogue.iter().map(|entry| CodeSplit::new(entry.clone())).collect();
    let mut lines = Vec::with_capacity(claim.items.len());
    for (item, at) in claim.items.iter().zip(&facts.entry_of_item) {
        let code = &mut codes[usize::from(*at)];
        let line = line_split(item, &code.entry);
        code.net += item.amount;
        code.over_limit += line.over_limit;
        code.preliminary_self_pay += line.preliminary_self_pay;
        lines.push(line);
    }
    let mut pools = Pools::default();
    for code in &mut codes {
        add_to_pools(code, &mut pools);
    }
    Itemised { lines, codes, pools }
}

fn line_split(item: &Item, entry: &CatalogueEntry) -> LineSplit {
    let over_limit = over_limit(item, entry);
    let preliminary_self_pay = match entry.class {
        Class::B(self_pay_ratio) => self_pay_ratio.share_of(item.amount - over_limit),
        _ => Money::ZERO,
    };
    LineSplit { over_limit, preliminary_self_pay }
}

/// What exceeds the ceiling, never further from zero than the line's amount.
fn over_limit(item: &Item, entry: &CatalogueEntry) -> Money {
    let Some(ceiling) = entry.price_ceiling.filter(|_| entry.class != Class::C) else {
        return Money::ZERO;
    };
    let excess = item.unit_price.above(ceiling).times(item.quantity).unwrap_or(item.amount);
    if item.amount < Money::ZERO { excess.max(item.amount) } else { excess.min(item.amount) }
}

/// Clamps the sums of a code, so that rounding leaves no part below zero, and adds them to the pools.
fn add_to_pools(code: &mut CodeSplit, pools: &mut Pools) {
    code.over_limit = code.over_limit.at_least_zero().min(code.net);
    code.preliminary_self_pay = code.preliminary_self_pay.at_least_zero().min(code.net - code.over_limit);
    pools.add(Pool::OverLimit, code.over_limit);
    pools.add(Pool::PreliminarySelfPay, code.preliminary_self_pay);
    pools.add(code.pool(), code.rest());
}
