//! Bills drawn from a seed: the same ones for the engine and for the straight-line code it is compared with.

use std::sync::Arc;

use onestop::domain::claim::{Claim, Item, Quantity, RawClaim, UnitPrice};
use onestop::domain::facts::{CatalogueEntry, Class, Facts, HospitalFacts, PersonFacts, Region};
use onestop::domain::ids::{ClaimId, HospitalId, ItemCode, MAX_ID_BYTES, PersonId, TextError};
use onestop::domain::money::Money;
use onestop::domain::words::ClassWord;

use super::straight_line::{Code, Line};

/// A small generator (SplitMix64), so that a seed gives the same bills everywhere.
pub struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// A bill in the form of the engine and in the form of the straight-line code.
pub struct Bill {
    /// The engine's input.
    pub claim: Claim,
    /// The facts looked up for it.
    pub facts: Facts,
    /// The straight-line code's input.
    pub lines: Vec<Line>,
    /// The codes in it.
    pub codes: Vec<Code>,
}

impl Bill {
    /// The claim as a caller sends it.
    pub fn raw_claim(&self) -> RawClaim {
        RawClaim::from(&self.claim)
    }
}

/// A bill with this many items, of a registered poor inpatient of a tertiary hospital in the insured city; some
/// items are refunds of the line before.
pub fn bill(random: &mut Random, items: usize) -> Bill {
    let mut lines: Vec<Line> = Vec::new();
    let mut codes: Vec<Code> = Vec::new();
    for at in 0..items {
        let refund = at > 0 && random.below(20) == 0;
        match lines.last().copied().filter(|line| refund && line.amount > 0) {
            Some(Line { code, quantity_e4, price_micro, amount }) => {
                lines.push(Line { code, quantity_e4: -quantity_e4, price_micro, amount: -amount });
            }
            None => {
                codes.push(code(random));
                lines.push(line(random, codes.len() - 1));
            }
        }
    }
    Bill { claim: claim(&lines), facts: facts(&lines, &codes), lines, codes }
}

fn code(random: &mut Random) -> Code {
    let class = [0, 0, 0, 0, 1, 1, 1, 2, 3, 4][random.below(10) as usize];
    let ceiling_micro = if random.below(4) == 0 { random.below(3_000_000_000) as i64 } else { -1 };
    Code { class, ratio_e4: random.below(3_001) as i64, ceiling_micro }
}

fn line(random: &mut Random, code: usize) -> Line {
    let quantity_e4 = 1 + random.below(200_000) as i64;
    let highest = if random.below(10) == 0 { 9_000_000_000 } else { 300_000_000 };
    let price_micro = random.below(highest) as i64;
    let amount = UnitPrice(price_micro).times(Quantity(quantity_e4)).map_or(0, Money::fen);
    Line { code, quantity_e4, price_micro, amount }
}

/// The id of this text, by the `parse` of its type.
pub fn id<T>(text: &str, parse: fn(String, usize) -> Result<T, TextError>) -> T {
    parse(text.to_owned(), MAX_ID_BYTES).unwrap_or_else(|_| unreachable!("a valid id"))
}

fn claim(lines: &[Line]) -> Claim {
    let day = |text: &str| text.parse().unwrap_or_else(|_| unreachable!("a day"));
    Claim {
        claim_id: id("ZY201706150001", ClaimId::parse),
        hospital_id: id("H3701001", HospitalId::parse),
        person_id: id("P0001", PersonId::parse),
        visit: "inpatient".into(),
        emergency: false,
        admitted: day("2017-06-08"),
        discharged: day("2017-06-15"),
        items: lines.iter().map(item).collect(),
        total: None,
        diagnosis: None,
        continues: None,
    }
}

fn item(line: &Line) -> Item {
    Item {
        code: id(&name(line.code), ItemCode::parse),
        quantity: Quantity(line.quantity_e4),
        unit_price: UnitPrice(line.price_micro),
        amount: Money::from_fen(line.amount),
        day: None,
    }
}

/// The name of the code at this position.
pub fn name(code: usize) -> String {
    format!("XL01XC{code:05}")
}

fn facts(lines: &[Line], codes: &[Code]) -> Facts {
    let region = || Region::parse("370100").unwrap_or_else(|| unreachable!("a region"));
    Facts {
        person: PersonFacts {
            insurance: "resident".into(),
            insured_region: region(),
            categories: ["registered_poor".into()].into_iter().collect(),
            cross_region_approved: false,
        },
        hospital: HospitalFacts { level: "tertiary".into(), region: region(), tags: Default::default() },
        catalogue: codes.iter().enumerate().map(|(at, code)| Arc::new(entry(at, code))).collect(),
        entry_of_item: lines.iter().map(|line| line.code as u16).collect(),
    }
}

fn entry(at: usize, code: &Code) -> CatalogueEntry {
    let ratio = || format!("0.{:04}", code.ratio_e4).parse().unwrap_or_else(|_| unreachable!("a ratio"));
    let word = ClassWord::from(["A", "B", "C", "special", "transitional"][usize::from(code.class)]);
    let class = Class { word, self_pay_ratio: (code.class == 1).then(ratio) };
    let price_ceiling = (code.ceiling_micro >= 0).then_some(UnitPrice(code.ceiling_micro));
    CatalogueEntry { code: id(&name(at), ItemCode::parse), name: "示范药品".into(), class, price_ceiling }
}
