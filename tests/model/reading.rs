//! Reads policy files into plain data, with every `use` resolved.
//!
//! The files must be valid; a fault panics.

use toml::{Table, Value};

use super::Days;
use super::fraction::{Fraction, decimal, integer};
use super::policy::{Action, Band, Cap, Entry, LayerRule, Operation, Policy, Schedule, Schedules};

pub fn read_policy(table: &Table, book: &[Table]) -> Policy {
    Policy {
        id: text(table, "id"),
        insurance: text(table, "insurance"),
        regions: texts(table, "regions"),
        in_force: days(table),
        by_admission: text(table, "benefit_year") == "admission",
        rules: tables(table, "layer").into_iter().map(|layer| read_rule(&resolve_use(layer, book))).collect(),
    }
}

/// A layer with its chain of `use` resolved; a key of the using layer replaces that of the used layer.
fn resolve_use(layer: &Table, book: &[Table]) -> Table {
    let Some(name) = layer.get("use") else { return layer.clone() };
    let (file_id, layer_id) = name.as_str().and_then(|name| name.split_once('#')).expect("file#layer");
    let file = book.iter().find(|file| text(file, "id") == file_id).expect("the file that `use` names");
    let used = tables(file, "layer").into_iter().find(|layer| layer_id_of(layer) == layer_id);
    let mut full = resolve_use(used.expect("the layer that `use` names"), book);
    full.extend(layer.iter().filter(|(key, _)| *key != "use").map(|(key, value)| (key.clone(), value.clone())));
    full
}

fn layer_id_of(layer: &Table) -> &str {
    let name = layer.get("id").or(layer.get("use")).and_then(Value::as_str).expect("id or use");
    name.split_once('#').map_or(name, |(_, id)| id)
}

fn read_rule(layer: &Table) -> LayerRule {
    LayerRule {
        id: text(layer, "id"),
        payer: text(layer, "payer"),
        visits: texts(layer, "visits"),
        pools: texts(layer, "pools"),
        only: texts(layer, "only"),
        in_force: days(layer),
        yearly: text(layer, "period") == "year",
        prior_self_pay: layer.get("prior_self_pay").map_or(integer(0), read_figure),
        schedules: read_schedules(layer),
        caps: tables(layer, "cap").into_iter().map(read_cap).collect(),
        when: tables(layer, "when").into_iter().map(read_entry).collect(),
        for_whom: tables(layer, "for").into_iter().map(read_entry).collect(),
    }
}

fn read_cap(table: &Table) -> Cap {
    let of = table.get("of").map_or("paid".to_owned(), |_| text(table, "of"));
    Cap { account: text(table, "account"), of, annual: table.get("annual").map(read_figure) }
}

fn read_entry(table: &Table) -> Entry {
    let conditions = table.get("if").and_then(Value::as_table).cloned().unwrap_or_default();
    Entry {
        conditions: conditions.keys().map(|key| (key.clone(), texts(&conditions, key))).collect(),
        categories: texts(table, "category"),
        schedules: read_schedules(table),
        operations: read_operations(table),
    }
}

fn read_operations(entry: &Table) -> Vec<Operation> {
    let targets = ["deductible", "rate", "cap", "prior_self_pay"];
    let read = |target: &str| Some(Operation { target: target.to_owned(), action: read_action(entry.get(target)?) });
    targets.into_iter().filter_map(read).collect()
}

fn read_action(value: &Value) -> Action {
    let Some(table) = value.as_table() else {
        assert_eq!(value.as_str(), Some("none"));
        return Action::Lift;
    };
    let (name, value) = table.iter().next().expect("one operation");
    match name.as_str() {
        "set" => Action::Set(read_figure(value)),
        "times" => Action::Times(read_figure(value)),
        "plus" => Action::Plus(read_figure(value)),
        other => panic!("no such operation: {other}"),
    }
}

fn read_schedules(table: &Table) -> Schedules {
    let written = table.get("schedule").and_then(Value::as_table).cloned().unwrap_or_default();
    written.iter().map(|(level, value)| (level.clone(), read_schedule(value.as_table().expect("a table")))).collect()
}

fn read_schedule(table: &Table) -> Schedule {
    let deductibles = match table.get("deductible") {
        Some(Value::Array(list)) => list.iter().map(read_figure).collect(),
        Some(single) => vec![read_figure(single)],
        None => vec![integer(0)],
    };
    let band = |band: &Table| Band { upto: band.get("upto").map(read_figure), rate: read_figure(&band["rate"]) };
    Schedule { deductibles, bands: tables(table, "bands").into_iter().map(band).collect() }
}

fn read_figure(value: &Value) -> Fraction {
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

/// The list under a key; empty if the key is absent.
fn list<'a>(table: &'a Table, key: &str) -> &'a [Value] {
    table.get(key).map_or(&[], |value| value.as_array().expect(key))
}

fn days(table: &Table) -> Days {
    let in_force = table.get("in_force").and_then(Value::as_table).cloned().unwrap_or_default();
    let day = |key| in_force.get(key).map(|day| day.as_datetime().expect("a date").to_string());
    (day("from"), day("until"))
}
