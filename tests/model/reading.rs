//! Reads policy files into plain data, with every `use` and every named figure resolved.
//!
//! The files must be valid; a fault panics.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Days;
use super::fraction::{Fraction, decimal, integer};
use super::policy::{
    Action, Amount, Band, Cap, Conditions, Deductible, DeductiblePer, Entry, LayerRule, Operation, Policy, Schedule,
    Schedules,
};

/// The named amounts of a file.
type Figures = BTreeMap<String, Fraction>;

/// The keys of a layer, each with the figures of the file that wrote it.
type Keys<'a> = BTreeMap<String, (&'a Value, Figures)>;

pub fn read_policy(table: &Table, book: &[Table]) -> Policy {
    Policy {
        id: text(table, "id"),
        insurance: text(table, "insurance"),
        regions: texts(table, "regions"),
        in_force: days(table.get("in_force")),
        by_admission: table.get("benefit_year").and_then(Value::as_str) == Some("admission"),
        pooling: texts(table, "pooling"),
        rules: tables(table.get("layer"))
            .into_iter()
            .map(|layer| read_rule(&resolve_use(layer, table, book)))
            .collect(),
    }
}

fn read_figures(file: &Table) -> Figures {
    let written = file.get("figures").and_then(Value::as_table).cloned().unwrap_or_default();
    written.iter().map(|(name, value)| (name.clone(), decimal(value.as_str().expect("a figure")))).collect()
}

/// The keys of a layer with its chain of `use` resolved; a key of the using layer replaces that of the used layer.
fn resolve_use<'a>(layer: &'a Table, file: &'a Table, book: &'a [Table]) -> Keys<'a> {
    let figures = read_figures(file);
    let mut keys = match layer.get("use").and_then(Value::as_str) {
        None => Keys::new(),
        Some(name) => {
            let (file_id, layer_id) = name.split_once('#').expect("file#layer");
            let file = book.iter().find(|file| text(file, "id") == file_id).expect("the file that `use` names");
            let used = tables(file.get("layer")).into_iter().find(|layer| layer_id_of(layer) == layer_id);
            resolve_use(used.expect("the layer that `use` names"), file, book)
        }
    };
    let own = layer.iter().filter(|(key, _)| *key != "use");
    keys.extend(own.map(|(key, value)| (key.clone(), (value, figures.clone()))));
    keys
}

fn layer_id_of(layer: &Table) -> &str {
    let name = layer.get("id").or(layer.get("use")).and_then(Value::as_str).expect("id or use");
    name.split_once('#').map_or(name, |(_, id)| id)
}

fn read_rule(keys: &Keys) -> LayerRule {
    let value = |key: &str| keys.get(key).map(|(value, _)| *value);
    let word = |key: &str| value(key).map(|value| value.as_str().expect(key).to_owned());
    let list = |key: &str| words(value(key));
    let entries = |key: &str| {
        let Some((value, figures)) = keys.get(key) else { return Vec::new() };
        tables(Some(value)).into_iter().map(|entry| read_entry(entry, figures)).collect()
    };
    let id = word("id").expect("an id");
    let yearly = word("period").expect("a period") == "year";
    LayerRule {
        payer: word("payer").expect("a payer"),
        visits: list("visits"),
        pools: list("pools"),
        only: list("only"),
        except: list("except"),
        conditions: read_conditions(value("if")),
        in_force: days(value("in_force")),
        yearly,
        deductible_per: read_deductible_per(word("deductible_per"), yearly),
        ledger: word("ledger").unwrap_or_else(|| id.clone()),
        over_excess: word("bands_over").as_deref() == Some("excess"),
        credits_transfers: word("on_transfer").as_deref() == Some("credit"),
        prior_self_pay: keys.get("prior_self_pay").map_or(integer(0), |(value, figures)| read_figure(value, figures)),
        schedules: keys.get("schedule").map_or_else(Schedules::new, |(value, figures)| read_schedules(value, figures)),
        caps: keys.get("cap").map_or_else(Vec::new, |(value, figures)| {
            tables(Some(value)).into_iter().map(|cap| read_cap(cap, figures)).collect()
        }),
        when: entries("when"),
        for_whom: entries("for"),
        id,
    }
}

fn read_deductible_per(written: Option<String>, yearly: bool) -> DeductiblePer {
    match written.as_deref() {
        Some("year") => DeductiblePer::Year,
        Some("claim") => DeductiblePer::Claim,
        Some("credited") => DeductiblePer::Credited,
        Some(other) => panic!("no such deductible_per: {other}"),
        None if yearly => DeductiblePer::Year,
        None => DeductiblePer::Claim,
    }
}

fn read_conditions(written: Option<&Value>) -> Conditions {
    let written = written.and_then(Value::as_table).cloned().unwrap_or_default();
    written.iter().map(|(fact, list)| (fact.clone(), words(Some(list)))).collect()
}

fn read_cap(cap: &Table, figures: &Figures) -> Cap {
    let per_claim = cap.contains_key("per_claim");
    let limit = cap.get(if per_claim { "per_claim" } else { "annual" }).expect("a limit");
    Cap {
        account: text(cap, "account"),
        on_base: cap.get("of").and_then(Value::as_str) == Some("base"),
        per_claim,
        limit: Some(read_amount(limit, figures)),
        overflow: cap.get("overflow").map(|_| text(cap, "overflow")),
    }
}

fn read_entry(entry: &Table, figures: &Figures) -> Entry {
    Entry {
        conditions: read_conditions(entry.get("if")),
        categories: texts(entry, "category"),
        group: entry.get("group").map(|_| text(entry, "group")),
        schedules: entry.get("schedule").map_or_else(Schedules::new, |value| read_schedules(value, figures)),
        operations: read_operations(entry, figures),
    }
}

fn read_operations(entry: &Table, figures: &Figures) -> Vec<Operation> {
    let targets = ["deductible", "rate", "cap", "prior_self_pay"];
    let read = |target: &str| {
        let action = read_action(entry.get(target)?, figures);
        Some(Operation { target: target.to_owned(), action })
    };
    targets.into_iter().filter_map(read).collect()
}

fn read_action(value: &Value, figures: &Figures) -> Action {
    let Some(table) = value.as_table() else {
        assert_eq!(value.as_str(), Some("none"));
        return Action::Lift;
    };
    let (name, value) = table.iter().next().expect("one operation");
    match name.as_str() {
        "set" => Action::Set(read_figure(value, figures)),
        "times" => Action::Times(read_figure(value, figures)),
        "plus" => Action::Plus(read_figure(value, figures)),
        other => panic!("no such operation: {other}"),
    }
}

fn read_schedules(value: &Value, figures: &Figures) -> Schedules {
    let written = value.as_table().expect("schedules by level");
    let read = |(level, value): (&String, &Value)| {
        (level.clone(), read_schedule(value.as_table().expect("a schedule"), figures))
    };
    written.iter().map(read).collect()
}

fn read_schedule(table: &Table, figures: &Figures) -> Schedule {
    let deductible = match table.get("deductible") {
        Some(Value::Array(list)) => list.iter().map(|amount| read_amount(amount, figures)).collect(),
        Some(single) => vec![read_amount(single, figures)],
        None => vec![Amount::Fixed(integer(0))],
    };
    let band = |band: &Table| Band {
        upto: band.get("upto").map(|upto| read_figure(upto, figures)),
        rate: read_figure(&band["rate"], figures),
    };
    Schedule { deductible: Deductible(deductible), bands: tables(table.get("bands")).into_iter().map(band).collect() }
}

fn read_amount(value: &Value, figures: &Figures) -> Amount {
    match value.as_table() {
        Some(table) => Amount::Share { share: decimal(&text(table, "share")), pools: texts(table, "of") },
        None => Amount::Fixed(read_figure(value, figures)),
    }
}

/// An amount, a rate, the name of a figure, or a share of one.
fn read_figure(value: &Value, figures: &Figures) -> Fraction {
    let written = value.as_str().expect("a figure in quotes");
    match written.split_once(" of ") {
        Some((share, name)) => decimal(share.trim()) * figures[name.trim()],
        None => figures.get(written).copied().unwrap_or_else(|| decimal(written)),
    }
}

fn text(table: &Table, key: &str) -> String {
    table[key].as_str().expect(key).to_owned()
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    words(table.get(key))
}

fn words(list: Option<&Value>) -> Vec<String> {
    let list = list.map_or(&[][..], |list| list.as_array().expect("a list"));
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn tables(list: Option<&Value>) -> Vec<&Table> {
    let list = list.map_or(&[][..], |list| list.as_array().expect("a list"));
    list.iter().map(|entry| entry.as_table().expect("a table")).collect()
}

fn days(value: Option<&Value>) -> Days {
    let in_force = value.and_then(Value::as_table).cloned().unwrap_or_default();
    let day = |key| in_force.get(key).map(|day: &Value| day.as_datetime().expect("a date").to_string());
    (day("from"), day("until"))
}
