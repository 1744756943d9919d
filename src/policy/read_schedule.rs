//! Reads schedules and caps.

use crate::domain::money::Money;
use crate::domain::rate::Rate;
use crate::domain::schedule::{Band, Schedule};
use crate::domain::vocabulary::CapKind;

use super::read_values::{capped_list, check_length, not_empty, parse_amount, parsed, parsed_on, word};
use super::rule::{CapRule, Schedules};
use super::toml_text::{Lined, TomlTable};

/// A cap.
pub(super) fn cap(table: &TomlTable<'_, '_>) -> CapRule {
    let annual = table.required("annual").and_then(|annual| parsed(table, "annual", &annual, parse_amount));
    let cap = CapRule {
        account: table.required("account").unwrap_or_default().into(),
        of: word(table, "of", CapKind::ALL).unwrap_or(CapKind::Paid),
        annual: annual.unwrap_or_default(),
    };
    table.finish();
    cap
}

/// A schedule for each level: `all`, or all three.
pub(super) fn schedules(table: &TomlTable<'_, '_>) -> Schedules {
    let levels = ["primary", "secondary", "tertiary"];
    let all = table.table("all").map(|all| schedule(&all));
    let by_level = levels.map(|level| table.table(level).map(|one| schedule(&one)));
    let named = by_level.iter().flatten().count();
    if !(all.is_some() && named == 0 || all.is_none() && named == levels.len()) {
        table.source().fault(table.line, "a schedule is `all`, or all three levels");
    }
    table.finish();
    by_level.map(|one| one.or_else(|| all.clone()).unwrap_or_else(nothing))
}

fn nothing() -> Schedule {
    Schedule { deductibles: vec![Money::ZERO], bands: vec![Band { upto: None, rate: Rate::ZERO }] }
}

fn schedule(table: &TomlTable<'_, '_>) -> Schedule {
    let deductibles = not_empty(table, "deductible", table.string_or_list("deductible"));
    check_length(table, "deductible", deductibles.as_deref().unwrap_or_default());
    let read =
        |text: &Lined<String>| parsed_on(text.line, table, "deductible", &text.value, parse_amount).unwrap_or_default();
    let schedule = Schedule {
        deductibles: deductibles.map_or_else(|| vec![Money::ZERO], |list| list.iter().map(read).collect()),
        bands: bands(table),
    };
    table.finish();
    schedule
}

fn bands(table: &TomlTable<'_, '_>) -> Vec<Band> {
    let before = table.source().fault_count();
    let tables = capped_list(table, "bands");
    if tables.is_empty() && table.source().fault_count() == before {
        table.source().fault(table.line, "`bands` is missing or empty");
    }
    let bands: Vec<Band> = tables.iter().map(band).collect();
    let mut below = Money::ZERO;
    for (at, (table, band)) in tables.iter().zip(&bands).enumerate() {
        let last = at + 1 == tables.len();
        if table.has("upto") == last {
            let told =
                if last { "the last band is open: it has no `upto`" } else { "only the last band has no `upto`" };
            table.source().fault(table.line, told);
        } else if let Some(upto) = band.upto.filter(|upto| *upto <= below) {
            table.source().fault(table.line, format!("a band up to {upto} does not ascend from {below}"));
        }
        below = band.upto.unwrap_or(below);
    }
    bands
}

fn band(table: &TomlTable<'_, '_>) -> Band {
    let upto = table.string("upto").and_then(|text| parsed(table, "upto", &text, parse_amount));
    let rate = table.required("rate").and_then(|rate| parsed(table, "rate", &rate, str::parse::<Rate>));
    table.finish();
    Band { upto, rate: rate.unwrap_or(Rate::ZERO) }
}
