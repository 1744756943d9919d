//! Reads policy files: one plain structure a file, with the layers that `use` draws written out in full.
//!
//! Files are taken to be valid; what is not ends in a panic.

use toml::{Table, Value};

use super::Days;
use super::fraction::{Fraction, decimal, whole};
use super::policy::{Act, Band, Cap, Entry, Operation, Policy, Rule, Schedule, Schedules};

pub fn policy(table: &Table, book: &[Table]) -> Policy {
    Policy {
        id: text(table, "id"),
        insurance: text(table, "insurance"),
        regions: texts(table, "regions"),
        in_force: days(table),
        by_admission: text(table, "benefit_year") == "admission",
        rules: tables(table, "layer").into_iter().map(|layer| rule(&written_out(layer, book))).collect(),
    }
}

/// A layer with `use` followed to its end; the keys nearest to the reader win.
fn written_out(layer: &Table, book: &[Table]) -> Table {
    let Some(name) = layer.get("use") else { return layer.clone() };
    let (file_id, layer_id) = name.as_str().and_then(|name| name.split_once('#')).expect("file#layer");
    let file = book.iter().find(|file| text(file, "id") == file_id).expect("the file that `use` names");
    let drawn = tables(file, "layer").into_iter().find(|layer| layer_id_of(layer) == layer_id);
    let mut full = written_out(drawn.expect("the layer that `use` names"), book);
    full.extend(layer.iter().filter(|(key, _)| *key != "use").map(|(key, value)| (key.clone(), value.clone())));
    full
}

fn layer_id_of(layer: &Table) -> &str {
    let name = layer.get("id").or(layer.get("use")).and_then(Value::as_str).expect("id or use");
    name.split_once('#').map_or(name, |(_, id)| id)
}

fn rule(layer: &Table) -> Rule {
    Rule {
        id: text(layer, "id"),
        payer: text(layer, "payer"),
        visits: texts(layer, "visits"),
        pools: texts(layer, "pools"),
        only: texts(layer, "only"),
        in_force: days(layer),
        yearly: text(layer, "period") == "year",
        prior_self_pay: layer.get("prior_self_pay").map_or(whole(0), figure),
        schedules: schedules(layer),
        caps: tables(layer, "cap").into_iter().map(cap).collect(),
        when: tables(layer, "when").into_iter().map(entry).collect(),
        for_whom: tables(layer, "for").into_iter().map(entry).collect(),
    }
}

fn cap(table: &Table) -> Cap {
    let of = table.get("of").map_or("paid".to_owned(), |_| text(table, "of"));
    Cap { account: text(table, "account"), of, annual: table.get("annual").map(figure) }
}

fn entry(table: &Table) -> Entry {
    let conditions = table.get("if").and_then(Value::as_table).cloned().unwrap_or_default();
    Entry {
        conditions: conditions.keys().map(|key| (key.clone(), texts(&conditions, key))).collect(),
        categories: texts(table, "category"),
        schedules: schedules(table),
        operations: operations(table),
    }
}

fn operations(entry: &Table) -> Vec<Operation> {
    let targets = ["deductible", "rate", "cap", "prior_self_pay"];
    let read = |target: &str| Some(Operation { target: target.to_owned(), act: act(entry.get(target)?) });
    targets.into_iter().filter_map(read).collect()
}

fn act(value: &Value) -> Act {
    let Some(table) = value.as_table() else {
        assert_eq!(value.as_str(), Some("none"));
        return Act::Lift;
    };
    let (name, value) = table.iter().next().expect("one operation");
    match name.as_str() {
        "set" => Act::Set(figure(value)),
        "times" => Act::Times(figure(value)),
        "plus" => Act::Plus(figure(value)),
        other => panic!("no such operation: {other}"),
    }
}

fn schedules(table: &Table) -> Schedules {
    let written = table.get("schedule").and_then(Value::as_table).cloned().unwrap_or_default();
    written.iter().map(|(level, value)| (level.clone(), schedule(value.as_table().expect("a table")))).collect()
}

fn schedule(table: &Table) -> Schedule {
    let deductibles = match table.get("deductible") {
        Some(Value::Array(list)) => list.iter().map(figure).collect(),
        Some(single) => vec![figure(single)],
        None => vec![whole(0)],
    };
    let band = |band: &Table| Band { upto: band.get("upto").map(figure), rate: figure(&band["rate"]) };
    Schedule { deductibles, bands: tables(table, "bands").into_iter().map(band).collect() }
}

fn figure(value: &Value) -> Fraction {
    decimal(value.as_str().expect("a figure in quotes"))
}

fn text(table: &Table, key: &str) -> String {
    table[key].as_str().expect(key).to_owned()
}

fn texts(table: &Table, key: &str) -> Vec<String> {
    list(table, key).iter().map(|value| value.as_str().expect(key).to_owned()).collect()
}

fn tables<'a>(table: &'a Table, key: &str) -> Vec<&'a Table> {
    list(table, key).iter().map(|value| value.as_table().expect(key)).collect()
}

/// What is absent is an empty list.
fn list<'a>(table: &'a Table, key: &str) -> &'a [Value] {
    table.get(key).map_or(&[], |value| value.as_array().expect(key))
}

fn days(table: &Table) -> Days {
    let in_force = table.get("in_force").and_then(Value::as_table).cloned().unwrap_or_default();
    let day = |key| in_force.get(key).map(|day| day.as_datetime().expect("a date").to_string());
    (day("from"), day("until"))
}
