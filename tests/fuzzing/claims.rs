//! Claims as a hospital's system makes them, and what such systems do wrong with them, field by field.

use onestop::domain::claim::{Quantity, UnitPrice};
use onestop::domain::money::Money;
use onestop::pb::Date;
use onestop::pb::settlement as pb;

use crate::support::random::Random;

/// The most that a price may be, in 10^-6 yuan, and an amount, in fen.
pub const DEAREST: i64 = 1_000_000_000_000_000;
pub const MOST: i64 = 100_000_000_000;

/// The most items of a claim.
pub const ITEMS: usize = 5_000;

const PERSONS: &[&str] = &["PE", "PF", "PA", "患者一", "PE", "P1", "P2"];
const HOSPITALS: &[&str] = &["HE", "HL", "医院一", "H3"];
const CODES: &[&str] = &["A", "B28", "C", "BED", "SD", "TD", "药品一"];

/// The first and the last day there is, and days on which a law begins or a year ends.
const DAYS: &[(i32, i32, i32)] =
    &[(1, 1, 1), (9999, 12, 31), (2017, 6, 15), (2018, 1, 1), (2016, 12, 31), (2020, 2, 29)];

/// The visits of the shipped vocabulary.
const VISITS: [&str; 4] = ["inpatient", "outpatient_serious", "outpatient_chronic", "maternity"];

/// A claim that is sound by itself.
pub fn sound(random: &mut Random) -> pb::Claim {
    let discharged = if random.one_in(4) { *random.pick(DAYS) } else { (2017, 1 + random.below(12) as i32, 15) };
    let longest = if random.one_in(2_000) { ITEMS } else { 1 + random.below(8) };
    let mut claim = pb::Claim {
        claim_id: id(random),
        hospital_id: (*random.pick(HOSPITALS)).to_owned(),
        person_id: (*random.pick(PERSONS)).to_owned(),
        visit: if random.one_in(8) { (*random.pick(&VISITS)).to_owned() } else { "inpatient".to_owned() },
        emergency: random.one_in(4),
        admitted: Some(date(if random.one_in(16) { (1, 1, 1) } else { discharged })),
        discharged: Some(date(discharged)),
        items: items(random, longest),
        total_fen: None,
        diagnosis: random.one_in(3).then(|| (*random.pick(&["I10", "C91.0", "诊断"])).to_owned()),
        continues: None,
    };
    if random.one_in(3) {
        claim.total_fen = Some(claim.items.iter().map(|item| item.amount_fen).sum());
    }
    if random.one_in(3) {
        claim.items.iter_mut().for_each(|item| item.day = Some(date(discharged)));
    }
    claim
}

fn id(random: &mut Random) -> String {
    match random.below(8) {
        0 => "住院号".repeat(1 + random.below(7)),
        1 => "x".repeat(64),
        2 => "\u{202e}\u{0}\u{1f3e5}é\u{301}".to_owned(),
        _ => format!("C{}", random.below(100)),
    }
}

/// These numbers as a day.
pub fn date((year, month, day): (i32, i32, i32)) -> Date {
    Date { year, month, day }
}

fn items(random: &mut Random, longest: usize) -> Vec<pb::Item> {
    let mut items: Vec<pb::Item> = Vec::with_capacity(longest);
    while items.len() < longest {
        match items.last().filter(|last| last.amount_fen > 0).cloned() {
            Some(charged) if random.one_in(6) => items.push(refund(charged)),
            _ => items.push(item(random)),
        }
    }
    items
}

/// A line whose amount is its quantity times its price, within a fen.
fn item(random: &mut Random) -> pb::Item {
    let (quantity, price) = match random.below(24) {
        0 => (0, DEAREST),
        1 => (10_000, DEAREST),
        2 => (10_000, 0),
        3 => (1, 1 + random.below(1_000) as i64),
        _ => (1 + random.below(100_000) as i64, random.below(10_000_000_000) as i64),
    };
    let exact = UnitPrice(price).times(Quantity(quantity)).map_or(0, Money::fen);
    let cut = i64::from(exact > 0 && random.one_in(16));
    line(random.pick::<&str>(CODES), quantity, price, exact - cut)
}

/// The line that takes one back whole.
fn refund(charged: pb::Item) -> pb::Item {
    pb::Item {
        quantity_e4: charged.quantity_e4.wrapping_neg(),
        amount_fen: charged.amount_fen.wrapping_neg(),
        ..charged
    }
}

fn line(code: &str, quantity_e4: i64, unit_price_micro_yuan: i64, amount_fen: i64) -> pb::Item {
    pb::Item { code: code.to_owned(), quantity_e4, unit_price_micro_yuan, amount_fen, day: None }
}

/// Does one thing wrong with a claim.
pub fn spoil(random: &mut Random, claim: &mut pb::Claim) {
    match random.below(4) {
        0 => spoil_names(random, claim),
        1 => spoil_days(random, claim),
        _ => spoil_items(random, claim),
    }
}

fn spoil_names(random: &mut Random, claim: &mut pb::Claim) {
    let wrong = wrong_id(random);
    match random.below(7) {
        0 => claim.claim_id = wrong,
        1 => claim.hospital_id = wrong,
        2 => claim.person_id = wrong,
        3 => claim.hospital_id = "HX".to_owned(),
        4 => claim.person_id = "PN".to_owned(),
        5 => claim.visit = (*random.pick(&["", "outpatient_serious", "Inpatient", "visit", "\u{0}"])).to_owned(),
        _ => std::mem::swap(&mut claim.hospital_id, &mut claim.person_id),
    }
}

/// An id that is missing, too long by a byte, much too long, or unknown.
pub fn wrong_id(random: &mut Random) -> String {
    match random.below(7) {
        5 => "P1\u{3000}".to_owned(),
        6 => "P\u{1b}1".to_owned(),
        0 => String::new(),
        1 => "x".repeat(65),
        2 => "号".repeat(22),
        3 => "\u{1f600}".repeat(1 + random.below(400)),
        _ => "nobody".to_owned(),
    }
}

fn spoil_days(random: &mut Random, claim: &mut pb::Claim) {
    let wrong = [(0, 1, 1), (10_000, 1, 1), (2017, 2, 29), (2017, 13, 1), (2017, 6, 0), (i32::MIN, i32::MAX, -1)];
    let day = match random.below(4) {
        0 => None,
        1 => Some(date(*random.pick(&wrong))),
        _ => Some(date(*random.pick(DAYS))),
    };
    if random.one_in(2) { claim.admitted = day } else { claim.discharged = day }
}

fn spoil_items(random: &mut Random, claim: &mut pb::Claim) {
    match random.below(32) {
        0 => claim.items.clear(),
        1 if random.one_in(16) => claim.items = vec![line("A", 10_000, 1_000_000, 100); ITEMS + random.below(3)],
        2 if random.one_in(16) => claim.items = vec![pb::Item::default(); ITEMS + random.below(3)],
        3 => claim.items.push(line("A", -10_000, 1_000_000, -100)),
        4 => claim.items.iter_mut().for_each(|item| *item = refund(item.clone())),
        5 => claim.items.push(line("OLD", 10_000, 1_000_000, 100)),
        _ => {
            if !claim.items.is_empty() {
                let at = random.below(claim.items.len());
                spoil_item(random, &mut claim.items[at]);
            }
        }
    }
}

fn spoil_item(random: &mut Random, item: &mut pb::Item) {
    let extreme = extreme(random);
    match random.below(9) {
        0 => item.code = wrong_id(random),
        1 => item.quantity_e4 = extreme,
        2 => item.unit_price_micro_yuan = extreme,
        3 => item.amount_fen = extreme,
        4 => item.amount_fen = item.amount_fen.wrapping_add(2),
        5 => item.amount_fen = item.amount_fen.wrapping_neg(),
        6 => item.unit_price_micro_yuan = item.unit_price_micro_yuan.wrapping_neg(),
        7 => *item = line("A", 10_000, DEAREST + 1, MOST),
        _ => *item = line("A", i64::MIN, i64::MAX, i64::MIN),
    }
}

/// A number at an edge of what is allowed or of what 64 bits hold.
pub fn extreme(random: &mut Random) -> i64 {
    let drawn = random.integer();
    let edge = *random.pick(&[0, 1, -1, MOST, -MOST, DEAREST, i64::MAX, i64::MIN, drawn]);
    edge.wrapping_add(random.below(3) as i64 - 1)
}
