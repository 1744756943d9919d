//! The rows of an impact, a payer in a group each, as CSV and JSON, and its summary.

use serde_json::{Value, json};

use crate::cli::output::csv::{BYTE_ORDER_MARK, csv_cell};
use crate::cli::output::json::hex;
use crate::engine::impact::{Change, Crossing, Impact, ImpactGroup, PersonChanges, UndecidedReason};

use super::Compared;

/// What a payer pays for a group of settlements.
pub(super) struct Row {
    /// What groups the settlements: `total`, `hospital`, `category`, `region` or `undecided`.
    pub(super) by: &'static str,
    /// The group: a word, an id or a code; empty for the total and for persons without a category.
    pub(super) group: String,
    /// The number of settlements of the group.
    pub(super) settlements: u64,
    /// The payer, or `patient`.
    pub(super) payer: String,
    /// What it pays.
    pub(super) change: Change,
}

/// All rows: the total, then those by hospital, category and region, then what cannot be decided.
pub(super) fn rows(impact: &Impact) -> Vec<Row> {
    let mut rows = Vec::new();
    add(&mut rows, "total", "", &impact.total);
    for (by, groups) in [("hospital", &impact.hospitals), ("category", &impact.categories), ("region", &impact.regions)]
    {
        groups.iter().for_each(|(key, group)| add(&mut rows, by, key, group));
    }
    impact.undecided.iter().for_each(|(reason, group)| add(&mut rows, "undecided", reason_word(*reason), group));
    rows
}

fn add(rows: &mut Vec<Row>, by: &'static str, key: &str, group: &ImpactGroup) {
    let payers = group.payers.iter().map(|(payer, change)| (payer.to_string(), *change));
    for (payer, change) in payers.chain([("patient".to_owned(), group.patient)]) {
        rows.push(Row { by, group: key.to_owned(), settlements: group.settlements, payer, change });
    }
}

/// The word for a reason.
pub(super) fn reason_word(reason: UndecidedReason) -> &'static str {
    match reason {
        UndecidedReason::NoPolicy => "no_policy",
        UndecidedReason::ContinuesUndecided => "continues_undecided",
        UndecidedReason::NotApplicable => "not_applicable",
    }
}

/// The rows as CSV, in UTF-8 with a byte order mark.
pub(super) fn csv(impact: &Impact) -> String {
    let mut text = format!("{BYTE_ORDER_MARK}by,group,settlements,payer,before,after,difference\n");
    for Row { by, group, settlements, payer, change } in rows(impact) {
        let (group, payer) = (csv_cell(&group), csv_cell(&payer));
        let Change { before, after } = change;
        text += &format!("{by},{group},{settlements},{payer},{before},{after},{}\n", change.difference());
    }
    text
}

impl Row {
    /// The row as JSON.
    pub(super) fn json(&self) -> Value {
        let Row { by, group, settlements, payer, change } = self;
        json!({
            "by": by, "group": group, "settlements": settlements, "payer": payer, "before": change.before.to_string(),
            "after": change.after.to_string(), "difference": change.difference().to_string(),
        })
    }
}

/// The persons and what was read, as JSON.
pub(super) fn summary_json(compared: &Compared<'_>) -> Value {
    let Impact { entries, total, persons, undecided, .. } = compared.impact;
    let PersonChanges { gain, lose, same, by_change, capped, past_deductible } = persons;
    let crossing = |Crossing { before_only, after_only, both }: &Crossing| json!({ "before_only": before_only, "after_only": after_only, "both": both });
    let undecided = undecided.iter().map(|(reason, group)| (reason_word(*reason).to_owned(), group.settlements.into()));
    json!({
        "book": hex(&compared.book.digest().0), "entries": entries, "settlements": total.settlements,
        "persons": { "gain": gain, "lose": lose, "same": same, "by_change": by_change,
                     "capped": crossing(capped), "past_deductible": crossing(past_deductible) },
        "undecided": undecided.collect::<serde_json::Map<String, Value>>(),
    })
}
