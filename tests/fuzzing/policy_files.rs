//! Policy TOML: one file or several, apart by a zero byte, read into a book; what becomes a book is applied to a bill.

use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::adjudicate::{AdjudicationInput, adjudicate};
use onestop::domain::claim::{Claim, Item, Quantity, UnitPrice};
use onestop::domain::day::Day;
use onestop::domain::facts::{CatalogueEntry, Class, Facts, HospitalFacts, PersonFacts, Region};
use onestop::domain::file_fault::FileFault;
use onestop::domain::invariants;
use onestop::domain::money::Money;
use onestop::domain::policy::Policy;
use onestop::domain::rule::PolicyRule;
use onestop::policy::Book;

use super::bounds::{Memory, within};
use super::reached::Reached;
use super::{Target, policy_inputs};
use crate::support::ids::id;

/// The target.
pub const TARGET: Target = Target { input: policy_inputs::input, take, classes };

/// The parser keeps an error for every byte that is in no place of TOML, which is the most; a layer's terms are resolved
/// for all circumstances, which comes next.
pub const MEMORY: Memory = Memory { bytes: 256 << 10, per_byte: 384 };

/// The most files of one input; whatever else is in it is part of the last.
const FILES: usize = 4;

/// Every kind of fault, by words that only its sentence has; the first that fits names it.
const FAULTS: &[&str] = &[
    "an item of `",
    "is missing or empty",
    "`other` is missing",
    "` is missing",
    "` is empty",
    "is not a known key here",
    "is not a text in quotes",
    "is not an integer",
    "is not a day, such as",
    "is not a table",
    "is not a list",
    "holds no day",
    "this service reads 2",
    "is not one to six digits",
    "names the cap account",
    "` twice",
    "is not in [sources]",
    "` is not a text",
    "not FILE_ID#LAYER_ID",
    "which is no key here",
    "names no circumstance",
    "neither \"none\" nor an operation",
    "wants one of `set`",
    "`all` stands alone",
    "a cap has one limit",
    "is no word:",
    "without % is more than the whole",
    "the last band is open",
    "only the last band",
    "does not ascend",
    "is negative",
    "is not a plain decimal number",
    "has more than",
    "is too large",
    "is not between 0 and 1",
    "is not known",
    "holds more than",
    "leads back to itself",
    "which no file has",
    "the layer has no",
    "are not within the file's",
    "is given the id",
    "two layers",
    "state different caps",
    "has the id `",
    "judges region",
    "governs ",
    "need more than 20 decimals",
    "are read",
];

const NOT_TOML: &str = "not TOML";

fn classes() -> Vec<String> {
    let others = ["a book", "a book of several files", "not UTF-8", NOT_TOML];
    let edges = ["edge: a rate of 10 decimals", "edge: days 1 to 9999", "edge: a Unicode title"];
    FAULTS.iter().chain(&others).chain(&edges).map(|class| (*class).to_owned()).collect()
}

fn take(bytes: &[u8], reached: &mut Reached) {
    let Ok(text) = std::str::from_utf8(bytes) else { return reached.hit("not UTF-8") };
    let files: Vec<(String, &str)> =
        text.splitn(FILES, '\0').enumerate().map(|(at, text)| (format!("{at}.toml"), text)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), *text)).collect();
    match within(MEMORY, bytes.len(), || Book::from_texts(files.iter().copied())) {
        Err(faults) => note_faults(&files, &faults, reached),
        Ok(book) => {
            reached.hit("a book");
            reached.hit_if(files.len() > 1, "a book of several files");
            reached.hit_if(text.contains(policy_inputs::LONG_RATE), "edge: a rate of 10 decimals");
            let days = text.contains("from = 0001-01-01") && text.contains("until = 9999-12-31");
            reached.hit_if(days, "edge: days 1 to 9999");
            reached.hit_if(text.contains("title = \"法\""), "edge: a Unicode title");
            check_book(&book);
        }
    }
}

/// Every fault names a file and a line of it.
fn note_faults(files: &[(&str, &str)], faults: &[FileFault], reached: &mut Reached) {
    assert!(!faults.is_empty(), "what is refused has a fault");
    for fault in faults {
        let text = files.iter().find(|(file, _)| *file == fault.file).map(|(_, text)| *text).expect("a file");
        let lines = 1 + text.matches('\n').count();
        assert!((1..=lines).contains(&fault.line), "{fault}");
        let known = FAULTS.iter().find(|known| fault.message.contains(**known));
        reached.hit(known.unwrap_or(&NOT_TOML));
    }
}

/// The canonical text tells the whole policy, and the policy decides a bill of any size.
fn check_book(book: &Book) {
    for policy in book.policies() {
        let again: PolicyRule = serde_json::from_str(&policy.canonical).expect("canonical text");
        let digest = again.canonical().expect("canonical text").digest;
        assert_eq!((digest, &again), (policy.reference.digest, &*policy.rule));
    }
    for policy in book.policies() {
        let mut account = Account::default();
        for fen in [1, 5_000_001, 100_000_000_000] {
            account = decide(policy, fen, &account);
        }
    }
}

fn decide(policy: &Arc<Policy>, fen: i64, account: &Account) -> Account {
    let (claim, facts) = (claim(fen), facts());
    let (split, after) =
        adjudicate(AdjudicationInput { claim: &claim, facts: &facts, policy, continued: None }, account)
            .expect("in range");
    invariants::check(&split).expect("a right split");
    after
}

fn claim(fen: i64) -> Claim {
    let day: Day = "2017-06-15".parse().expect("a day");
    let (quantity, unit_price, amount) = (Quantity(10_000), UnitPrice(fen * 10_000), Money::from_fen(fen));
    Claim {
        claim_id: id("C"),
        hospital_id: id("H"),
        person_id: id("P"),
        visit: "inpatient".into(),
        emergency: false,
        admitted: day,
        discharged: day,
        items: vec![Item { code: id("A"), quantity, unit_price, amount, day: None }],
        total: None,
        diagnosis: None,
        continues: None,
    }
}

fn facts() -> Facts {
    let region = || Region::parse("370100").expect("a region");
    let entry = CatalogueEntry {
        code: id("A"),
        name: "A".into(),
        class: Class { word: "A".into(), self_pay_ratio: None },
        price_ceiling: None,
    };
    Facts {
        person: PersonFacts {
            insurance: "resident".into(),
            insured_region: region(),
            categories: ["registered_poor".into()].into_iter().collect(),
            cross_region_approved: false,
        },
        hospital: HospitalFacts { level: "tertiary".into(), region: region(), tags: Default::default() },
        catalogue: [Arc::new(entry)].into(),
        entry_of_item: vec![0],
    }
}
