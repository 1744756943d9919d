//! Divides items into pools (section 3): each line by its catalogue row, summed by code, price and row, and each sum into the six
//! pools.

use std::collections::BTreeMap;

use super::fraction::{decimal, half_up, integer, yuan_from_fen};
use super::{Bill, CatalogueRow, HospitalStatus, Line, ModelRefusal, covers, longest_prefix};

const POOLS: [&str; 6] =
    ["eligible", "preliminary_self_pay", "over_limit", "excluded", "special_drug", "transitional_drug"];

/// The sums over the lines of one code at one unit price, in fen.
#[derive(Default)]
struct CodeSums {
    net: i64,
    over_limit: i64,
    preliminary: i64,
}

/// Divides the items of a bill into the six pools.
pub fn divide_into_pools(
    bill: &Bill,
    hospital: &HospitalStatus,
    catalogue: &[CatalogueRow],
) -> Result<BTreeMap<String, i64>, ModelRefusal> {
    // By code, by unit price, and by the position of the row of the catalogue.
    let mut sums: BTreeMap<(&str, i64, usize), (&CatalogueRow, CodeSums)> = BTreeMap::new();
    for line in &bill.lines {
        let day = line.day.as_deref().unwrap_or(&bill.discharged);
        let (at, row) = catalogue_row(&line.code, day, hospital, catalogue).ok_or(ModelRefusal::UnknownItem)?;
        let over_limit = over_limit_fen(line, row);
        let (_, sums) = sums.entry((&line.code, line.unit_price_micro, at)).or_insert((row, CodeSums::default()));
        sums.net += line.amount_fen;
        sums.over_limit += over_limit;
        sums.preliminary += preliminary_fen(line, row, over_limit);
    }
    let mut pools = POOLS.map(|name| (name.to_owned(), 0)).into();
    for (row, sums) in sums.into_values() {
        add_to_pools(&row.class, &sums, &mut pools);
    }
    Ok(pools)
}

/// The catalogue row of a code in the region of the hospital on this day; the longest region prefix wins.
fn catalogue_row<'a>(
    code: &str,
    day: &str,
    hospital: &HospitalStatus,
    catalogue: &'a [CatalogueRow],
) -> Option<(usize, &'a CatalogueRow)> {
    let reach = |row: &CatalogueRow| {
        if row.regions.is_empty() { Some(0) } else { longest_prefix(&row.regions, &hospital.region) }
    };
    let rows = catalogue.iter().enumerate().filter(|(_, row)| row.code == code);
    let on_day = rows.filter(|(_, row)| covers(&(row.from.clone(), row.until.clone()), day));
    on_day.filter(|(_, row)| reach(row).is_some()).max_by_key(|(_, row)| reach(row))
}

/// The part of a line above the price ceiling, bounded by the amount of the line.
fn over_limit_fen(line: &Line, row: &CatalogueRow) -> i64 {
    let Some(ceiling) = row.price_ceiling.as_deref().filter(|_| row.class != "C") else { return 0 };
    let price = integer(line.unit_price_micro) / integer(1_000_000);
    let quantity = integer(line.quantity_e4) / integer(10_000);
    let over_limit = half_up((price - decimal(ceiling)).max(integer(0)) * quantity);
    let bound = line.amount_fen.abs();
    over_limit.clamp(-bound, bound)
}

/// The preliminary self-pay of a line of class B.
fn preliminary_fen(line: &Line, row: &CatalogueRow, over_limit: i64) -> i64 {
    let ratio = row.self_pay_ratio.as_deref().filter(|_| row.class == "B");
    half_up(ratio.map_or(integer(0), decimal) * yuan_from_fen(line.amount_fen - over_limit))
}

/// Adds the sums of one code at one price to the pools of its class.
fn add_to_pools(class: &str, sums: &CodeSums, pools: &mut BTreeMap<String, i64>) {
    let over_limit = sums.over_limit.max(0).min(sums.net);
    let preliminary = sums.preliminary.max(0).min(sums.net - over_limit);
    let rest_goes_to = match class {
        "A" | "B" => "eligible",
        "C" => "excluded",
        "special" => "special_drug",
        "transitional" => "transitional_drug",
        other => panic!("no such class: {other}"),
    };
    for (pool, part) in [
        ("over_limit", over_limit),
        ("preliminary_self_pay", preliminary),
        (rest_goes_to, sums.net - over_limit - preliminary),
    ] {
        *pools.get_mut(pool).expect("one of the six") += part;
    }
}
