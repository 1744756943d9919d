//! Items into pools (section 3): every line under its catalogue row, summed by code, and each code's parts into the six
//! pools.

use std::collections::BTreeMap;

use super::fraction::{decimal, half_up, whole, yuan};
use super::{Bill, CatalogueRow, Hospital, Line, No, covers, longest_prefix};

const POOLS: [&str; 6] =
    ["eligible", "preliminary_self_pay", "over_limit", "excluded", "special_drug", "transitional_drug"];

/// Of one code, over its lines.
#[derive(Default)]
struct Sums {
    net: i64,
    over: i64,
    pre: i64,
}

pub fn pools(bill: &Bill, hospital: &Hospital, catalogue: &[CatalogueRow]) -> Result<BTreeMap<String, i64>, No> {
    let mut sums: BTreeMap<&str, (&CatalogueRow, Sums)> = BTreeMap::new();
    for line in &bill.lines {
        let row = row(&line.code, &bill.discharged, hospital, catalogue).ok_or(No::Code)?;
        let over = over(line, row);
        let (_, sums) = sums.entry(&line.code).or_insert((row, Sums::default()));
        sums.net += line.amount_fen;
        sums.over += over;
        sums.pre += pre(line, row, over);
    }
    let mut pools = POOLS.map(|name| (name.to_owned(), 0)).into();
    for (row, sums) in sums.into_values() {
        pour(&row.class, &sums, &mut pools);
    }
    Ok(pools)
}

fn row<'a>(code: &str, day: &str, hospital: &Hospital, catalogue: &'a [CatalogueRow]) -> Option<&'a CatalogueRow> {
    let reach = |row: &CatalogueRow| {
        if row.regions.is_empty() { Some(0) } else { longest_prefix(&row.regions, &hospital.region) }
    };
    let of_code = catalogue.iter().filter(|row| row.code == code);
    let on_day = of_code.filter(|row| covers(&(row.from.clone(), row.until.clone()), day));
    on_day.filter(|row| reach(row).is_some()).max_by_key(|row| reach(row))
}

/// What the price is above its ceiling, never further from zero than the amount.
fn over(line: &Line, row: &CatalogueRow) -> i64 {
    let Some(ceiling) = row.price_ceiling.as_deref().filter(|_| row.class != "C") else { return 0 };
    let price = whole(line.unit_price_micro) / whole(1_000_000);
    let quantity = whole(line.quantity_e4) / whole(10_000);
    let over = half_up((price - decimal(ceiling)).max(whole(0)) * quantity);
    let bound = line.amount_fen.abs();
    over.clamp(-bound, bound)
}

fn pre(line: &Line, row: &CatalogueRow, over: i64) -> i64 {
    let ratio = row.self_pay_ratio.as_deref().filter(|_| row.class == "B");
    half_up(ratio.map_or(whole(0), decimal) * yuan(line.amount_fen - over))
}

fn pour(class: &str, sums: &Sums, pools: &mut BTreeMap<String, i64>) {
    let over = sums.over.max(0).min(sums.net);
    let pre = sums.pre.max(0).min(sums.net - over);
    let rest_goes_to = match class {
        "A" | "B" => "eligible",
        "C" => "excluded",
        "special" => "special_drug",
        "transitional" => "transitional_drug",
        other => panic!("no such class: {other}"),
    };
    for (pool, part) in [("over_limit", over), ("preliminary_self_pay", pre), (rest_goes_to, sums.net - over - pre)] {
        *pools.get_mut(pool).expect("one of the six") += part;
    }
}
