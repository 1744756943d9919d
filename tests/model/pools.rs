//! Divides items into pools (section 3): each line by its catalogue row, summed by code, price and row, and each sum
//! into the pools.

use std::collections::BTreeMap;

use super::fraction::{decimal, half_up, integer, yuan_from_fen};
use super::vocabulary::{Class, Vocabulary};
use super::{Bill, CatalogueRow, Line, Refusal, Refusals, passed};

/// The sums over lines of one code, price and catalogue row.
struct Sums<'a> {
    code: &'a str,
    unit_price_micro: i64,
    row: &'a CatalogueRow,
    quantity_e4: i64,
    net: i64,
    over_limit: i64,
    preliminary: i64,
}

/// The amounts that fall into the pools, in fen, zero included; or the faults of the items.
pub fn divide_into_pools(
    bill: &Bill,
    rows: &[Option<CatalogueRow>],
    vocabulary: &Vocabulary,
) -> Result<BTreeMap<String, i64>, Refusals> {
    let mut sums: Vec<Sums> = Vec::new();
    let mut faults = Refusals::new();
    for (line, row) in bill.lines.iter().zip(rows) {
        match row {
            None => faults.push(Refusal::invalid_argument("UNKNOWN_ITEM")),
            Some(row) => add_line(line, row, &vocabulary.classes[&row.class], &mut sums),
        }
    }
    for sums in &sums {
        if sums.quantity_e4 < 0 || sums.net < 0 {
            faults.push(Refusal::invalid_argument("REFUND_EXCEEDS_CHARGE"));
        }
    }
    passed(faults)?;
    let mut pools: BTreeMap<String, i64> = vocabulary.pools.iter().map(|pool| (pool.clone(), 0)).collect();
    for sums in &sums {
        add_to_pools(&vocabulary.classes[&sums.row.class], sums, &mut pools);
    }
    Ok(pools)
}

fn add_line<'a>(line: &'a Line, row: &'a CatalogueRow, class: &Class, sums: &mut Vec<Sums<'a>>) {
    let same = |sums: &&mut Sums| {
        (sums.code, sums.unit_price_micro, sums.row) == (line.code.as_str(), line.unit_price_micro, row)
    };
    let over_limit = over_limit_fen(line, row, class);
    let preliminary = preliminary_fen(line, row, class, over_limit);
    match sums.iter_mut().find(same) {
        Some(sums) => {
            sums.quantity_e4 += line.quantity_e4;
            sums.net += line.amount_fen;
            sums.over_limit += over_limit;
            sums.preliminary += preliminary;
        }
        None => sums.push(Sums {
            code: &line.code,
            unit_price_micro: line.unit_price_micro,
            row,
            quantity_e4: line.quantity_e4,
            net: line.amount_fen,
            over_limit,
            preliminary,
        }),
    }
}

/// The part of a line above the price ceiling, bounded by the amount of the line.
fn over_limit_fen(line: &Line, row: &CatalogueRow, class: &Class) -> i64 {
    let Some(ceiling) = row.price_ceiling.as_deref().filter(|_| class.ceiling) else { return 0 };
    let price = integer(line.unit_price_micro) / integer(1_000_000);
    let quantity = integer(line.quantity_e4) / integer(10_000);
    let over_limit = half_up((price - decimal(ceiling)).max(integer(0)) * quantity);
    let bound = line.amount_fen.abs();
    over_limit.clamp(-bound, bound)
}

/// The first share of a line.
fn preliminary_fen(line: &Line, row: &CatalogueRow, class: &Class, over_limit: i64) -> i64 {
    let ratio = row.self_pay_ratio.as_deref().filter(|_| class.first_share);
    half_up(ratio.map_or(integer(0), decimal) * yuan_from_fen(line.amount_fen - over_limit))
}

fn add_to_pools(class: &Class, sums: &Sums, pools: &mut BTreeMap<String, i64>) {
    let over_limit = sums.over_limit.max(0).min(sums.net);
    let preliminary = sums.preliminary.max(0).min(sums.net - over_limit);
    for (pool, part) in [
        ("over_limit", over_limit),
        ("preliminary_self_pay", preliminary),
        (class.pool.as_str(), sums.net - over_limit - preliminary),
    ] {
        *pools.get_mut(pool).expect("a pool of the vocabulary") += part;
    }
}
