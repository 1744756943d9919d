//! Distributes the items of a bill over the pools (`semantics`, section 3): the part over a price ceiling,
//! the part of class B that the patient bears first, and the rest.

use std::collections::HashMap;
use std::sync::Arc;

use super::claim::{Claim, Item, UnitPrice};
use super::facts::{CatalogueEntry, Facts};
use super::money::Money;
use super::pools::{PoolPosition, Pools};
use super::split::{CodeSplit, LineSplit};
use super::word_meanings::{ClassRule, WordMeanings};
use super::words::{ClassWord, Pool};

/// A bill distributed over the pools.
pub struct Itemized {
    /// One for each item, in order.
    pub lines: Vec<LineSplit>,
    /// One for each code, unit price and row of the catalogue, in order of first appearance.
    pub codes: Vec<CodeSplit>,
    /// What fell into each pool.
    pub pools: Pools,
}

/// A catalogue row has a class that the vocabulary of the policy does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vocabulary of the policy has no class `{0}`")]
pub struct UnknownClass(pub ClassWord);

/// Distributes a bill over the pools; they add up to its total, and none is negative.
///
/// # Errors
/// If the words of the policy do not hold the class of an item.
pub fn itemize(claim: &Claim, facts: &Facts, words: &WordMeanings) -> Result<Itemized, UnknownClass> {
    let mut rows = bill_rows(facts, words)?;
    let mut codes = CodeSplits::with_capacity(rows.len());
    let mut lines = Vec::with_capacity(claim.items.len());
    for (item, position) in claim.items.iter().zip(&facts.entry_of_item) {
        let row = &mut rows[usize::from(*position)];
        let line = line_split(item, row.entry, row.rule);
        let code = codes.find_or_insert(row, *position, item.unit_price);
        code.net += item.amount;
        code.over_limit += line.over_limit;
        code.preliminary_self_pay += line.preliminary_self_pay;
        lines.push(line);
    }
    let mut codes = codes.splits;
    let pools = clamp_and_sum_codes(&mut codes, &words.pools);
    Ok(Itemized { lines, codes, pools })
}

/// A row of the catalogue on a bill.
struct BillRow<'a> {
    entry: &'a CatalogueEntry,
    /// The rule of its class.
    rule: &'a ClassRule,
    /// The position of the pool of its class.
    pool: PoolPosition,
    /// The position of its first sums: a bill seldom charges a code at two prices.
    first_code: Option<usize>,
}

/// The rows of a bill. Rows of one class mostly follow each other, so the class of the row before is tried first.
fn bill_rows<'a>(facts: &'a Facts, words: &'a WordMeanings) -> Result<Vec<BillRow<'a>>, UnknownClass> {
    let mut rows: Vec<BillRow<'a>> = Vec::with_capacity(facts.catalogue.len());
    for entry in facts.catalogue.iter() {
        let class = &entry.class.word;
        let known = rows.last().filter(|row| row.rule.class == *class).map(|row| (row.rule, row.pool));
        let find = || {
            let rule = words.class(class)?;
            Some((rule, PoolPosition::find(&words.pools, &rule.pool)?))
        };
        let (rule, pool) = known.or_else(find).ok_or_else(|| UnknownClass(class.clone()))?;
        rows.push(BillRow { entry, rule, pool, first_code: None });
    }
    Ok(rows)
}

/// The sums by row of the catalogue and unit price, in the order in which they first appear.
struct CodeSplits {
    splits: Vec<CodeSplit>,
    /// The sums at the further prices of a row.
    further: HashMap<(u16, UnitPrice), usize>,
}

impl CodeSplits {
    fn with_capacity(rows: usize) -> CodeSplits {
        CodeSplits { splits: Vec::with_capacity(rows), further: HashMap::new() }
    }

    fn find_or_insert(&mut self, row: &mut BillRow<'_>, position: u16, unit_price: UnitPrice) -> &mut CodeSplit {
        let next = self.splits.len();
        let first = *row.first_code.get_or_insert(next);
        let at = match self.splits.get(first) {
            Some(known) if known.unit_price != unit_price => {
                *self.further.entry((position, unit_price)).or_insert(next)
            }
            _ => first,
        };
        if at == next {
            self.splits.push(CodeSplit::new(position, unit_price, row.pool));
        }
        &mut self.splits[at]
    }
}

fn line_split(item: &Item, entry: &CatalogueEntry, rule: &ClassRule) -> LineSplit {
    let over_limit = over_limit(item, entry, rule);
    let ratio = entry.class.self_pay_ratio.filter(|_| rule.first_share);
    let preliminary_self_pay = ratio.map_or(Money::ZERO, |ratio| ratio.share_of(item.amount - over_limit));
    LineSplit { over_limit, preliminary_self_pay }
}

/// What exceeds the ceiling, never further from zero than the line's amount.
fn over_limit(item: &Item, entry: &CatalogueEntry, rule: &ClassRule) -> Money {
    let Some(ceiling) = entry.price_ceiling.filter(|_| rule.ceiling) else {
        return Money::ZERO;
    };
    let excess = item.unit_price.above(ceiling).times(item.quantity).unwrap_or(item.amount);
    let (least, most) = (item.amount.min(-item.amount), item.amount.max(-item.amount));
    excess.clamp(least, most)
}

/// The pools of all codes, whose sums are clamped.
fn clamp_and_sum_codes(codes: &mut [CodeSplit], words: &Arc<[Pool]>) -> Pools {
    let mut pools = Pools::zero(words);
    let (mut over_limit, mut preliminary_self_pay) = (Money::ZERO, Money::ZERO);
    for code in codes {
        clamp(code);
        over_limit += code.over_limit;
        preliminary_self_pay += code.preliminary_self_pay;
        pools.add_at(code.pool, code.rest());
    }
    pools.add(&Pool::over_limit(), over_limit);
    pools.add(&Pool::preliminary_self_pay(), preliminary_self_pay);
    pools
}

/// Clamps the sums of a code at a price, so that rounding leaves no part below zero.
fn clamp(code: &mut CodeSplit) {
    code.over_limit = code.over_limit.at_least_zero().min(code.net);
    code.preliminary_self_pay = code.preliminary_self_pay.at_least_zero().min(code.net - code.over_limit);
}
