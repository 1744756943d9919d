//! Reads schedules and caps.

use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::schedule::{Band, Schedule};
use crate::domain::vocabulary::CapKind;

use super::rule::{CapRule, Schedules};
use super::toml_reader::{Lined, TableReader};
use super::value_reader::{check_list_length, limited_tables, not_empty, parse_amount, parsed, parsed_on, word};

/// A cap of a layer.
pub(super) fn read_cap(table: &TableReader<'_, '_>) -> CapRule {
    let annual = table.required("annual").and_then(|annual| parsed(table, "annual", &annual, parse_amount));
    let cap = CapRule {
        account: table.required("account").unwrap_or_default().into(),
        kind: word(table, "of", CapKind::ALL).unwrap_or(CapKind::Paid),
        annual: annual.unwrap_or_default(),
    };
    table.finish();
    cap
}

/// The schedules for all levels: `all`, or one for each level.
pub(super) fn read_schedules(table: &TableReader<'_, '_>) -> Schedules {
    let levels = ["primary", "secondary", "tertiary"];
    let all = table.table("all").map(|all| read_schedule(&all));
    let by_level = levels.map(|level| table.table(level).map(|one| read_schedule(&one)));
    let named = by_level.iter().flatten().count();
    if !(all.is_some() && named == 0 || all.is_none() && named == levels.len()) {
        table.source().fault(table.line, "a schedule is `all`, or all three levels");
    }
    table.finish();
    by_level.map(|one| one.or_else(|| all.clone()).unwrap_or_else(empty_schedule))
}

/// A schedule that pays nothing, where the file has a fault.
fn empty_schedule() -> Schedule {
    Schedule { deductibles: vec![Money::ZERO], bands: vec![Band { upto: None, rate: Rate::ZERO }] }
}

fn read_schedule(table: &TableReader<'_, '_>) -> Schedule {
    let deductibles = not_empty(table, "deductible", table.string_or_list("deductible"));
    check_list_length(table, "deductible", deductibles.as_deref().unwrap_or_default());
    let read =
        |text: &Lined<String>| parsed_on(text.line, table, "deductible", &text.value, parse_amount).unwrap_or_default();
    let schedule = Schedule {
        deductibles: deductibles.map_or_else(|| vec![Money::ZERO], |list| list.iter().map(read).collect()),
        bands: read_bands(table),
    };
    table.finish();
    schedule
}

fn read_bands(table: &TableReader<'_, '_>) -> Vec<Band> {
    let before = table.source().fault_count();
    let tables = limited_tables(table, "bands");
    if tables.is_empty() && table.source().fault_count() == before {
        table.source().fault(table.line, "`bands` is missing or empty");
    }
    let bands: Vec<Band> = tables.iter().map(read_band).collect();
    let mut below = Money::ZERO;
    for (at, (table, band)) in tables.iter().zip(&bands).enumerate() {
        let last = at + 1 == tables.len();
        if table.has("upto") == last {
            let message =
                if last { "the last band is open: it has no `upto`" } else { "only the last band has no `upto`" };
            table.source().fault(table.line, message);
        } else if let Some(upto) = band.upto.filter(|upto| *upto <= below) {
            table.source().fault(table.line, format!("a band up to {upto} does not ascend from {below}"));
        }
        below = band.upto.unwrap_or(below);
    }
    bands
}

fn read_band(table: &TableReader<'_, '_>) -> Band {
    let upto = table.string("upto").and_then(|text| parsed(table, "upto", &text, parse_amount));
    let rate = table.required("rate").and_then(|rate| parsed(table, "rate", &rate, str::parse::<Rate>));
    table.finish();
    Band { upto, rate: rate.unwrap_or(Rate::ZERO) }
}
