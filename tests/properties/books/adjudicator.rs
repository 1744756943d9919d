//! The engine's side of a scenario: every live settlement is adjudicated from the start, after each call.

use std::collections::BTreeMap;
use std::collections::HashMap;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{ClaimLimits, Quantity, RawClaim, RawContinues, RawDate, RawItem, UnitPrice};
use onestop::domain::continuation::Continued;
use onestop::domain::day::Day;
use onestop::domain::fixed_words::ContinueKind;
use onestop::domain::ids::{EntryId, PersonId};
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::split::Split;
use onestop::policy::Book;
use onestop::reference::look_up;
use onestop::reference::lookup_tables::LookupTables;
use onestop::reference::person::PersonRecord;

use super::super::tables;
use super::policy_text::policy_files;
use super::scenario::{Call, Scenario, Step};
use crate::model::{self, Answer, Register};
use crate::support::as_model::{is_split, plain};

pub struct Adjudicator {
    book: Book,
    tables: LookupTables,
    persons: HashMap<PersonId, PersonRecord>,
}

/// The splits of a person by hospital and claim, and the accounts by insurance and year.
#[derive(Default)]
struct Replayed {
    splits: BTreeMap<(String, String), Split>,
    accounts: BTreeMap<(String, i32), Account>,
}

impl Adjudicator {
    pub fn new(scenario: &Scenario) -> Adjudicator {
        let files = policy_files(&scenario.book);
        let texts = files.iter().map(|(name, text)| (*name, text.as_str()));
        let book = Book::from_texts(texts).unwrap_or_else(|faults| panic!("{faults:?}\n{}", files[1].1));
        let (tables, persons) = tables::from_rows(tables::parsed(&scenario.cells()));
        Adjudicator { book, tables, persons }
    }

    /// Compares the live settlements and the accounts after a call, and the split of a quote.
    pub fn check(&self, (call, answer): &Step, register: &Register) {
        let claim = call.claim();
        let mut replayed = Replayed::default();
        for live in register.live(&claim.person_id) {
            let split = self.adjudicate(live.claim, live.continues, &mut replayed);
            assert!(is_split(&split, live.split, "resident"), "{split:#?}\n{:#?}\n{:#?}", live.split, live.claim);
        }
        let accounts: BTreeMap<_, _> =
            replayed.accounts.iter().map(|(key, known)| (key.clone(), plain(known))).collect();
        assert_eq!(accounts, register.accounts(&claim.person_id));
        if let (Call::Quote(claim), Ok(Answer::Settled { split: quoted, .. })) = (call, answer) {
            let live = register.live(&claim.person_id);
            let named = claim.continues.as_ref().map(|it| (&it.hospital_id, &it.claim_id));
            let continued = live.iter().find(|live| Some((&live.claim.hospital_id, &live.claim.claim_id)) == named);
            let split = self.adjudicate(claim, continued.map(|live| live.claim), &mut replayed);
            assert!(is_split(&split, quoted, "resident"), "{split:#?}\n{quoted:#?}\n{claim:#?}");
        }
    }

    fn adjudicate(&self, claim: &model::Claim, continues: Option<&model::Claim>, replayed: &mut Replayed) -> Split {
        let words = self.book.vocabulary();
        let raw = raw_claim(claim);
        let sound =
            raw.validate(&ClaimLimits::default(), words, Day::LAST).unwrap_or_else(|faults| panic!("{faults:?}"));
        let person = self.persons.get(&sound.person_id);
        let facts = look_up::facts(&sound, person, &self.tables, words).expect("known");
        let insured = &facts.person;
        let policy = self.book.governing(&insured.insurance, &insured.insured_region, sound.admitted, sound.discharged);
        let continued = continues.map(|before| Continued {
            kind: continue_kind(claim),
            settlement: EntryId([0; 16]),
            split: &replayed.splits[&(before.hospital_id.clone(), before.claim_id.clone())],
        });
        let input = AdjudicationInput { claim: &sound, facts: &facts, policy: policy.expect("a policy"), continued };
        let key = input.account_key();
        let account = replayed.accounts.entry((key.insurance.to_string(), key.year)).or_default();
        let (split, after) = adjudicate(input, account).expect("small amounts");
        assert_eq!(invariants::check(&split), Ok(()));
        *account = after;
        replayed.splits.insert((claim.hospital_id.clone(), claim.claim_id.clone()), split.clone());
        split
    }
}

fn continue_kind(claim: &model::Claim) -> ContinueKind {
    match claim.continues.as_ref().map(|continues| continues.kind.as_str()) {
        Some("transfer") => ContinueKind::Transfer,
        _ => ContinueKind::Interim,
    }
}

/// A claim of the model as the engine receives it.
pub fn raw_claim(claim: &model::Claim) -> RawClaim {
    let bill = &claim.bill;
    let item = |line: &model::Line| RawItem {
        code: line.code.as_str().into(),
        quantity: Quantity(line.quantity_e4),
        unit_price: UnitPrice(line.unit_price_micro),
        amount: Money::from_fen(line.amount_fen),
        day: line.day.as_deref().map(raw_date),
    };
    RawClaim {
        claim_id: claim.claim_id.clone(),
        hospital_id: claim.hospital_id.clone(),
        person_id: claim.person_id.clone(),
        visit: bill.visit.clone(),
        emergency: bill.emergency,
        admitted: Some(raw_date(&bill.admitted)),
        discharged: Some(raw_date(&bill.discharged)),
        items: bill.lines.iter().map(item).collect(),
        total: claim.total.map(Money::from_fen),
        diagnosis: bill.diagnosis.clone(),
        continues: claim.continues.as_ref().map(|continues| RawContinues {
            kind: continues.kind.clone(),
            hospital_id: continues.hospital_id.clone(),
            claim_id: continues.claim_id.clone(),
        }),
    }
}

fn raw_date(day: &str) -> RawDate {
    let part = |range: std::ops::Range<usize>| day[range].parse().expect("a date");
    RawDate { year: part(0..4), month: part(5..7), day: part(8..10) }
}
