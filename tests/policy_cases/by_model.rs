//! Every settlement that the cases expect is also the one that the model computes, which reads the same files itself.

use std::collections::BTreeMap;
use std::path::Path;

use onestop::policy::shipped;
use toml::{Table, Value};

use super::{case_files, further_case_files, scheme_files};
use crate::model::{
    Answer, Bill, Book, CatalogueRow, Claim, Continues, Days, Enrolment, HospitalStatus, Line, Refusals, Register,
    Split, Tables,
};

const TODAY: &str = "2026-11-28";

/// The rows of a key: an array of tables, or nothing.
fn rows<'a>(table: &'a Table, key: &str) -> Vec<&'a Table> {
    let rows = table.get(key).and_then(Value::as_array).into_iter().flatten();
    rows.map(|row| row.as_table().expect("a table")).collect()
}

/// A text or a date as text.
fn text(table: &Table, key: &str) -> Option<String> {
    match table.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Datetime(day) => Some(day.to_string()),
        other => panic!("{key} is {other}"),
    }
}

fn required(table: &Table, key: &str) -> String {
    text(table, key).unwrap_or_else(|| panic!("{key} is missing in {table}"))
}

fn words(table: &Table, key: &str) -> Vec<String> {
    let words = table.get(key).and_then(Value::as_array).into_iter().flatten();
    words.map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn days(table: &Table) -> Days {
    (text(table, "from"), text(table, "until"))
}

/// A decimal as a whole number of its last place; `None` if it has more places.
fn scaled(decimal: &str, places: usize) -> Option<i64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = format!("{whole}{fraction:0<places$}");
    (fraction.len() <= places).then(|| digits.parse().unwrap_or_else(|_| panic!("{decimal} is no decimal")))
}

fn tables(case: &Table) -> Tables {
    let mut tables = Tables::default();
    for person in rows(case, "persons") {
        let known = tables.persons.entry(required(person, "person_id")).or_default();
        for row in rows(person, "enrolments") {
            let or_default = |key: &str| text(row, key).unwrap_or_else(|| required(person, key));
            let enrolment = Enrolment { insurance: or_default("insurance"), region: or_default("insured_region") };
            known.enrolments.insert(text(row, "from"), (text(row, "until"), enrolment));
        }
        let dated = |row: &Table, key: &str| (required(row, key), text(row, "from"), text(row, "until"));
        known.categories.extend(rows(person, "categories").into_iter().map(|row| dated(row, "category")));
        known.approvals.extend(rows(person, "approvals").into_iter().map(|row| dated(row, "kind")));
    }
    for hospital in rows(case, "hospitals") {
        let known = tables.hospitals.entry(required(hospital, "hospital_id")).or_default();
        let (level, region) = (required(hospital, "level"), required(hospital, "region"));
        let status = HospitalStatus { level, region, tags: words(hospital, "tags") };
        known.statuses.insert(text(hospital, "from"), (text(hospital, "until"), status));
        known.designated.extend(rows(hospital, "designated").into_iter().map(days));
    }
    tables.catalogue = rows(case, "catalogue").into_iter().map(catalogue_row).collect();
    tables
}

fn catalogue_row(row: &Table) -> CatalogueRow {
    let (from, until) = days(row);
    CatalogueRow {
        code: required(row, "code"),
        class: required(row, "class"),
        self_pay_ratio: text(row, "self_pay_ratio"),
        price_ceiling: text(row, "price_ceiling"),
        regions: words(row, "regions"),
        from,
        until,
    }
}

/// The claim of a step; `None` if a figure has more places than the model holds.
fn claim(step: &Table) -> Option<Claim> {
    let line = |row: &Table| {
        Some(Line {
            code: required(row, "code"),
            quantity_e4: scaled(&required(row, "quantity"), 4)?,
            unit_price_micro: scaled(&required(row, "unit_price"), 6)?,
            amount_fen: scaled(&required(row, "amount"), 2)?,
            day: text(row, "day"),
        })
    };
    let continues = |row: &Table| Continues {
        kind: required(row, "kind"),
        hospital_id: required(row, "hospital_id"),
        claim_id: required(row, "claim_id"),
    };
    let total = text(step, "total").map(|total| scaled(&total, 2));
    Some(Claim {
        claim_id: required(step, "claim_id"),
        hospital_id: required(step, "hospital_id"),
        person_id: required(step, "person_id"),
        bill: Bill {
            visit: required(step, "visit"),
            emergency: step.get("emergency").and_then(Value::as_bool).unwrap_or_default(),
            admitted: required(step, "admitted"),
            discharged: required(step, "discharged"),
            diagnosis: text(step, "diagnosis"),
            lines: rows(step, "items").into_iter().map(line).collect::<Option<_>>()?,
        },
        total: total.map_or(Some(None), |total| total.map(Some))?,
        continues: step.get("continues").and_then(Value::as_table).map(continues),
    })
}

/// The name and text of every file of the case's book.
fn book(path: &Path, case: &Table) -> Book {
    let own = words(case, "policies");
    if own.is_empty() {
        let shipped = shipped::FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        return Book::read(&shipped.collect::<Vec<_>>());
    }
    let beside = path.parent().expect("a directory");
    let mut paths: Vec<_> = own.iter().map(|file| beside.join(file)).collect();
    let vocabularies = paths.iter().map(|path| path.with_file_name("vocabulary.toml"));
    let vocabulary = vocabularies.into_iter().find(|path| path.is_file()).filter(|path| !paths.contains(path));
    paths.extend(vocabulary);
    let file = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a policy"))
    };
    Book::read(&paths.iter().map(file).collect::<Vec<_>>())
}

/// The model's answer to a step, if it makes a request that the model can hold.
fn answer(register: &mut Register, step: &Table) -> Option<Result<Answer, Refusals>> {
    let part = |key: &str| step.get(key).and_then(Value::as_table);
    if let Some(quote) = part("quote") {
        return Some(register.quote(&claim(quote)?));
    }
    if let Some(settle) = part("settle") {
        return Some(register.settle(&required(settle, "request_id"), &claim(settle)?));
    }
    let (reversal, named) = part("reverse").map(|it| (it, false)).or(part("readjudicate").map(|it| (it, true)))?;
    let readjudicate = named || reversal.get("readjudicate").and_then(Value::as_bool).unwrap_or_default();
    let [hospital, person, claim] = ["hospital_id", "person_id", "claim_id"].map(|key| required(reversal, key));
    let place = (&*hospital, &*person, &*claim);
    let (request, reason) = (required(reversal, "request_id"), required(reversal, "reason"));
    Some(register.reverse(&request, place, &reason, readjudicate))
}

fn fen(expected: &Value) -> i64 {
    scaled(expected.as_str().expect("an amount"), 2).expect("whole fen")
}

/// What of a settlement's expectations the model does not give, as texts.
fn differences(expect: &Table, split: &Split) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |name: String, expected: &Value, amount: i64| {
        if fen(expected) != amount {
            found.push(format!("{name}: want {expected}, the model has {amount} fen"));
        }
    };
    for (key, expected) in expect {
        match key.as_str() {
            "total" => compare(key.clone(), expected, split.total),
            "patient" => compare(key.clone(), expected, split.patient),
            "payers" | "layers" | "pools" => {
                let amounts = amounts(key, split);
                for (name, expected) in expected.as_table().expect("amounts") {
                    compare(format!("{key}.{name}"), expected, amounts.get(name).copied().unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    found
}

fn amounts(key: &str, split: &Split) -> BTreeMap<String, i64> {
    match key {
        "payers" => split.payers.clone(),
        "pools" => split.pools.clone(),
        _ => split.layers.iter().map(|layer| (layer.id.clone(), layer.pays)).collect(),
    }
}

/// The differences of a case, and the number of settlements compared.
fn run(path: &Path) -> (Vec<String>, usize) {
    let case: Table = std::fs::read_to_string(path).expect("a case").parse().expect("TOML");
    let mut register = Register::new(book(path, &case), tables(&case), TODAY);
    let (mut found, mut compared) = (Vec::new(), 0);
    for (number, step) in rows(&case, "step").into_iter().enumerate() {
        let nothing = Table::new();
        let expect = step.get("expect").and_then(Value::as_table).unwrap_or(&nothing);
        let Some(answer) = answer(&mut register, step) else { continue };
        let differences = match answer {
            Ok(Answer::Settled { split, .. }) if !expect.contains_key("refused") => {
                compared += 1;
                differences(expect, &split)
            }
            Ok(Answer::Reversed { .. }) if expect.contains_key("reversed") => Vec::new(),
            Err(refusals) if text(expect, "refused").is_some_and(|status| status == refusals[0].status) => Vec::new(),
            other => vec![format!("want {expect}, the model has {other:?}")],
        };
        found.extend(differences.into_iter().map(|text| format!("{} step {}: {text}", path.display(), number + 1)));
    }
    (found, compared)
}

#[test]
fn the_model_gives_every_settlement_that_the_cases_expect() {
    let (mut found, mut compared) = (Vec::new(), 0);
    let mut stays = further_case_files();
    stays.retain(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.starts_with("transfer-") || name.starts_with("parts-")
    });
    for path in case_files().into_iter().chain(scheme_files()).chain(stays) {
        let (differences, settlements) = run(&path);
        found.extend(differences);
        compared += settlements;
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(compared > 200, "{compared} settlements compared");
}
