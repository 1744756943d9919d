//! The faults of a claim by itself (section 2, stage 2).

use std::collections::BTreeMap;

use super::fraction::{half_up, integer};
use super::vocabulary::Vocabulary;
use super::{Claim, Line, Refusal, Refusals};

const STAY_LIMIT_DAYS: i64 = 1_100;
const ID_BYTES: usize = 64;
const ITEMS: usize = 5_000;
const AMOUNT_LIMIT_FEN: i64 = 100_000_000_000;

/// The faults of a claim; `today` is a day of China Standard Time.
pub fn check_claim(claim: &Claim, vocabulary: &Vocabulary, today: &str) -> Refusals {
    let bill = &claim.bill;
    let continues = claim.continues.as_ref();
    let mut faults = Vec::new();
    let mut check = |fault: bool, reason: &'static str| {
        if fault {
            faults.push(Refusal::invalid_argument(reason));
        }
    };
    let ids = [&claim.claim_id, &claim.hospital_id, &claim.person_id].into_iter();
    let ids = ids.chain(continues.iter().flat_map(|continues| [&continues.hospital_id, &continues.claim_id]));
    let ids = ids.chain(&bill.diagnosis).chain(bill.lines.iter().map(|line| &line.code));
    check(ids.clone().any(|id| !is_id(id)), "BAD_ID");
    check(!vocabulary.visits.contains_key(&bill.visit), "UNKNOWN_VISIT");
    check(continues.is_some_and(|it| it.kind != "interim" && it.kind != "transfer"), "UNKNOWN_CONTINUATION");
    check(bill.lines.is_empty(), "NO_ITEMS");
    check(bill.lines.len() > ITEMS, "TOO_MANY_ITEMS");
    check(bill.discharged < bill.admitted, "DISCHARGED_BEFORE_ADMITTED");
    check(bill.discharged.as_str() > today, "DISCHARGED_AFTER_TODAY");
    check(day_number(&bill.discharged) - day_number(&bill.admitted) > STAY_LIMIT_DAYS, "STAY_TOO_LONG");
    for line in &bill.lines {
        let outside = line.day.as_ref().is_some_and(|day| *day < bill.admitted || *day > bill.discharged);
        check(outside, "DAY_OUTSIDE_STAY");
        line_faults(line).into_iter().for_each(|reason| check(true, reason));
    }
    check(refunds_exceed_charges(&bill.lines), "REFUND_EXCEEDS_CHARGE");
    let sum: i64 = bill.lines.iter().map(|line| line.amount_fen).sum();
    check(claim.total.is_some_and(|total| total != sum), "TOTAL_DIFFERS");
    faults
}

/// Whether a text is 1 to 64 bytes without control characters and without white space at either end.
fn is_id(text: &str) -> bool {
    (1..=ID_BYTES).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text
}

fn line_faults(line: &Line) -> Vec<&'static str> {
    let (quantity, amount, price) = (line.quantity_e4, line.amount_fen, line.unit_price_micro);
    let mut faults = Vec::new();
    if amount.signum() * quantity.signum() < 0 {
        faults.push("SIGNS_DIFFER");
    }
    if quantity == 0 && amount != 0 {
        faults.push("AMOUNT_OF_NOTHING");
    }
    let product = half_up(integer(quantity) / integer(10_000) * integer(price) / integer(1_000_000));
    if (amount - product).abs() > 1 {
        faults.push("AMOUNT_DIFFERS");
    }
    if price < 0 {
        faults.push("NEGATIVE_PRICE");
    }
    if amount.abs() > AMOUNT_LIMIT_FEN || price / 10_000 > AMOUNT_LIMIT_FEN {
        faults.push("TOO_LARGE");
    }
    faults
}

/// Whether more of a code at a price comes back, in quantity or in amount, than was charged.
fn refunds_exceed_charges(lines: &[Line]) -> bool {
    let mut sums: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    for line in lines {
        let (quantity, amount) = sums.entry((&line.code, line.unit_price_micro)).or_default();
        *quantity += line.quantity_e4;
        *amount += line.amount_fen;
    }
    sums.values().any(|(quantity, amount)| *quantity < 0 || *amount < 0)
}

/// The days from a fixed day to this one.
pub fn day_number(day: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| day[range].parse::<i64>().expect("a date");
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let years = year - i64::from(month <= 2);
    let months = (month + 9) % 12;
    365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day
}
