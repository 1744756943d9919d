//! Runs generated calls through the model and keeps each with its answer.

use onestop::reference::table::ReferenceTable;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::claims::{BillSpec, CallSpec, ClaimSpec, ContinuesSpec, LineSpec, calls};
use super::policies::{BookSpec, books};
use super::policy_text::policy_files;
use super::words::{CATALOGUE, CATEGORIES, HOSPITALS, REGIONS};
use crate::model::{Answer, Bill, Book, Claim, Continues, Line, Refusals, Register};
use crate::support::as_model::{Cells, tables_from_rows};

#[derive(Clone, Debug)]
pub struct Scenario {
    pub book: BookSpec,
    pub persons: Vec<PersonSpec>,
    pub calls: Vec<CallSpec>,
}

/// A generated person.
#[derive(Clone, Debug)]
pub struct PersonSpec {
    pub categories: Vec<&'static str>,
    /// Whether the categories end on 1 July 2017.
    pub until: bool,
    pub filed: bool,
}

/// A call as made.
#[derive(Clone, Debug)]
pub enum Call {
    Settle(Claim),
    Quote(Claim),
    Reverse { claim: Claim, readjudicate: bool },
    Correct { claim: Claim, is_continued: bool },
}

impl Call {
    /// The claim that it is about.
    pub fn claim(&self) -> &Claim {
        let (Call::Settle(claim) | Call::Quote(claim) | Call::Reverse { claim, .. } | Call::Correct { claim, .. }) =
            self;
        claim
    }
}

pub type Step = (Call, Result<Answer, Refusals>);

pub fn scenarios() -> impl Strategy<Value = Scenario> {
    let person = (subsequence(CATEGORIES, 0..=CATEGORIES.len()), any::<bool>(), any::<bool>());
    let person = person.prop_map(|(categories, until, filed)| PersonSpec { categories, until, filed });
    (books(), prop::collection::vec(person, 2), calls()).prop_map(|(book, persons, calls)| Scenario {
        book,
        persons,
        calls,
    })
}

impl Scenario {
    /// The model's register of this book and these tables, with no settlement.
    pub fn register(&self) -> Register {
        let files = policy_files(&self.book);
        let files: Vec<_> = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        Register::new(Book::read(&files), tables_from_rows(&self.cells()), "2026-11-28")
    }

    /// Makes the call with this number; nothing if it would reverse a settlement where there is none.
    pub fn step(&self, register: &mut Register, number: usize) -> Option<Step> {
        let call = self.call(register, number, &self.calls[number])?;
        let request_id = format!("r{number}");
        let answer = match &call {
            Call::Settle(claim) => register.settle(&request_id, claim),
            Call::Quote(claim) => register.quote(claim),
            Call::Reverse { claim, readjudicate } => {
                let place = (claim.hospital_id.as_str(), claim.person_id.as_str(), claim.claim_id.as_str());
                register.reverse(&request_id, place, "billing error", *readjudicate)
            }
            Call::Correct { claim, .. } => register.correct(&request_id, claim, "billing error"),
        };
        Some((call, answer))
    }

    fn call(&self, register: &Register, number: usize, call: &CallSpec) -> Option<Call> {
        Some(match call {
            CallSpec::Settle(spec) => Call::Settle(claim(spec, register, number)),
            CallSpec::Quote(spec) => Call::Quote(claim(spec, register, number)),
            CallSpec::Reverse { person, back, readjudicate } => {
                let claim = live_claim(register, *person, *back)?;
                Call::Reverse { claim, readjudicate: *readjudicate }
            }
            CallSpec::Correct { person, back, bill } => {
                let mut claim = live_claim(register, *person, *back)?;
                let is_continued = register.is_continued(&claim);
                claim.bill.lines = match bill {
                    BillSpec::Lines(lines) => lines.iter().flat_map(|line| line_items(line, &claim.bill)).collect(),
                    BillSpec::Aimed { amount, beyond, .. } => {
                        vec![item_of_class_a(*amount as i64 * 100_000 + beyond.abs())]
                    }
                };
                claim.total = None;
                Call::Correct { claim, is_continued }
            }
        })
    }

    /// The cells of the rows of all tables.
    pub fn cells(&self) -> Vec<Cells> {
        let mut rows = Vec::new();
        let mut add = |table: ReferenceTable, cells: &[&str]| {
            rows.push((table, cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>()));
        };
        for (id, level, region, tags) in HOSPITALS {
            add(ReferenceTable::Hospitals, &[id, "2010-01-01", "a hospital", level, region, &tags.join(" "), ""]);
            add(ReferenceTable::Designations, &[id, "2010-01-01", ""]);
        }
        for (code, class, ratio, ceiling, region, from, until) in CATALOGUE {
            add(ReferenceTable::Catalogue, &[code, region, from, "an item", class, ratio, ceiling, until]);
        }
        for (at, person) in self.persons.iter().enumerate() {
            let id = format!("P{at}");
            add(ReferenceTable::Enrolments, &[&id, "2010-01-01", "resident", REGIONS[at], ""]);
            let until = if person.until { "2017-07-01" } else { "" };
            for category in &person.categories {
                add(ReferenceTable::Categories, &[&id, category, "2010-01-01", until]);
            }
            add(ReferenceTable::Approvals, &[&id, "dialysis", "2010-01-01", ""]);
            if person.filed {
                add(ReferenceTable::Approvals, &[&id, "cross_region", "2010-01-01", "2017-06-26"]);
            }
        }
        rows
    }
}

fn live_claim(register: &Register, person: usize, back: usize) -> Option<Claim> {
    let id = format!("P{person}");
    register.live(&id).into_iter().rev().nth(back).map(|live| live.claim.clone())
}

fn claim(spec: &ClaimSpec, register: &Register, number: usize) -> Claim {
    let mut claim = Claim {
        claim_id: format!("c{number}"),
        hospital_id: HOSPITALS[spec.hospital].0.to_owned(),
        person_id: format!("P{}", spec.person),
        bill: Bill {
            visit: spec.visit.to_owned(),
            emergency: spec.emergency,
            admitted: spec.stay.0.to_owned(),
            discharged: spec.stay.1.to_owned(),
            diagnosis: spec.diagnosis.map(str::to_owned),
            lines: vec![item_of_class_a(0)],
        },
        total: None,
        continues: None,
    };
    if let Some(continues) = &spec.continues {
        continue_claim(&mut claim, continues, register, spec.person);
    }
    let lines = match &spec.bill {
        BillSpec::Lines(lines) => lines.iter().flat_map(|line| line_items(line, &claim.bill)).collect(),
        BillSpec::Aimed { layer, amount, beyond } => {
            vec![item_of_class_a(aimed(&claim, register, *layer, *amount, *beyond))]
        }
    };
    claim.bill.lines = lines;
    claim.total = Some(claim.bill.lines.iter().map(|line| line.amount_fen).sum()).filter(|_| number.is_multiple_of(2));
    claim
}

fn continue_claim(claim: &mut Claim, spec: &ContinuesSpec, register: &Register, person: usize) {
    let Some(before) = live_claim(register, person, spec.back) else { return };
    let admitted = add_days(&before.bill.discharged, spec.gap);
    let discharged = add_days(&before.bill.discharged, spec.days);
    claim.bill.discharged = if discharged < admitted { admitted.clone() } else { discharged };
    claim.bill.admitted = admitted;
    if !spec.transfer {
        claim.hospital_id = before.hospital_id.clone();
        claim.bill.visit = before.bill.visit.clone();
        if spec.whole_stay {
            claim.bill.admitted = before.bill.admitted.clone();
        }
    }
    let kind = if spec.transfer { "transfer" } else { "interim" };
    claim.continues = Some(Continues {
        kind: kind.to_owned(),
        hospital_id: before.hospital_id.clone(),
        claim_id: before.claim_id.clone(),
    });
}

/// The amount that brings a layer to one of its amounts.
fn aimed(claim: &Claim, register: &Register, layer: usize, amount: usize, beyond: i64) -> i64 {
    let Ok(Answer::Settled { split, .. }) = register.quote(claim) else { return 1 };
    let Some(layer) = split.layers.get(layer % split.layers.len().max(1)) else { return 100 };
    let mut amounts = layer.edges.clone();
    amounts.push(layer.deductible);
    let on_base = layer.caps.iter().filter(|cap| cap.on_base);
    amounts.extend(on_base.filter_map(|cap| Some(layer.c0 + cap.limit? - cap.used)));
    (amounts[amount % amounts.len()] - layer.c0 + beyond).max(0)
}

fn item_of_class_a(fen: i64) -> Line {
    Line { code: "A".to_owned(), quantity_e4: 10_000, unit_price_micro: fen * 10_000, amount_fen: fen, day: None }
}

fn line_items(spec: &LineSpec, bill: &Bill) -> Vec<Line> {
    let product = |quantity: i64| {
        let exact = i128::from(quantity) * i128::from(spec.price);
        i64::try_from((exact + 50_000_000) / 100_000_000).expect("a small amount")
    };
    let day = spec.day.map(|days| add_days(&bill.admitted, days)).filter(|day| *day <= bill.discharged);
    let item = |quantity: i64, amount: i64| Line {
        code: spec.code.to_owned(),
        quantity_e4: quantity,
        unit_price_micro: spec.price,
        amount_fen: amount,
        day: day.clone(),
    };
    let amount = (product(spec.quantity) + spec.off).max(0);
    let refunded = spec.refunded.map(|share| spec.quantity * share / 10_000).filter(|quantity| *quantity > 0);
    let refund = refunded.map(|quantity| item(-quantity, -product(quantity).min(amount)));
    std::iter::once(item(spec.quantity, amount)).chain(refund).collect()
}

/// The day this many days after a day.
pub fn add_days(day: &str, days: i64) -> String {
    let part = |range: std::ops::Range<usize>| day[range].parse::<i64>().expect("a date");
    let (mut year, mut month, mut number) = (part(0..4), part(5..7), part(8..10) + days);
    while number < 1 {
        (year, month) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
        number += month_length(year, month);
    }
    while number > month_length(year, month) {
        number -= month_length(year, month);
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    format!("{year:04}-{month:02}-{number:02}")
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 => 29,
        2 => 28,
        _ => 31,
    }
}
