//! Distributes the items of a bill over the pools (`semantics`, section 3): the part over a price ceiling,
//! the part of class B that the patient bears first, and the rest.

use std::collections::HashMap;
use std::sync::Arc;

use super::claim::{Claim, Item, UnitPrice};
use super::facts::{CatalogueEntry, Class, Facts};
use super::money::Money;
use super::pools::Pools;
use super::split::{CodeSplit, LineSplit};
use super::vocabulary::Pool;

/// A bill distributed over the pools.
pub struct Itemised {
    /// One for each item, in order.
    pub lines: Vec<LineSplit>,
    /// One for each code, unit price and row of the catalogue, in order of first appearance.
    pub codes: Vec<CodeSplit>,
    /// What fell into each pool.
    pub pools: Pools,
}

/// Distributes a bill over the pools; they add up to its total, and none is negative.
pub fn itemise(claim: &Claim, facts: &Facts) -> Itemised {
    let mut codes = CodeSplits::with_capacity(facts.catalogue.len());
    let mut lines = Vec::with_capacity(claim.items.len());
    for (item, position) in claim.items.iter().zip(&facts.entry_of_item) {
        let entry = &facts.catalogue[usize::from(*position)];
        let line = line_split(item, entry);
        let code = codes.get_mut(entry, *position, item.unit_price);
        code.net += item.amount;
        code.over_limit += line.over_limit;
        code.preliminary_self_pay += line.preliminary_self_pay;
        lines.push(line);
    }
    let mut pools = Pools::default();
    let mut codes = codes.splits;
    for code in &mut codes {
        add_to_pools(code, &mut pools);
    }
    Itemised { lines, codes, pools }
}

/// The sums by row of the catalogue and unit price, in the order in which they first appear.
struct CodeSplits {
    splits: Vec<CodeSplit>,
    /// For each row, its first sums: a bill seldom charges a code at two prices.
    first: Vec<Option<usize>>,
    /// The sums at the further prices of a row.
    further: HashMap<(u16, UnitPrice), usize>,
}

impl CodeSplits {
    fn with_capacity(rows: usize) -> CodeSplits {
        CodeSplits { splits: Vec::with_capacity(rows), first: vec![None; rows], further: HashMap::new() }
    }

    fn get_mut(&mut self, entry: &Arc<CatalogueEntry>, position: u16, unit_price: UnitPrice) -> &mut CodeSplit {
        let next = self.splits.len();
        let first = *self.first[usize::from(position)].get_or_insert(next);
        let at = match self.splits.get(first) {
            Some(known) if known.unit_price != unit_price => {
                *self.further.entry((position, unit_price)).or_insert(next)
            }
            _ => first,
        };
        if at == next {
            self.splits.push(CodeSplit::new(Arc::clone(entry), position, unit_price));
        }
        &mut self.splits[at]
    }
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

/// Clamps the sums of a code at a price, so that rounding leaves no part below zero, and adds them to the pools.
fn add_to_pools(code: &mut CodeSplit, pools: &mut Pools) {
    code.over_limit = code.over_limit.at_least_zero().min(code.net);
    code.preliminary_self_pay = code.preliminary_self_pay.at_least_zero().min(code.net - code.over_limit);
    pools.add(Pool::OverLimit, code.over_limit);
    pools.add(Pool::PreliminarySelfPay, code.preliminary_self_pay);
    pools.add(code.pool(), code.rest());
}
