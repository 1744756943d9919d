//! The differences of a list and its summary as JSON.

use serde_json::{Value, json};

use crate::cli::output::json::{self, yuan};
use crate::pb::settlement as pb;

use super::words::{cutoff_text, day_text};

/// A difference; with the cursor that belongs to it, if it is the last of its response.
pub(super) fn difference_json(difference: &pb::ClaimDifference, cursor: &str) -> Value {
    let here = |here: &pb::BookedClaim| {
        json!({
            "settlement_id": here.settlement_id, "settled_on": day_text(here.settled_on), "revision": here.revision,
            "total": yuan(here.total_fen), "patient": yuan(here.patient_fen), "payers": json::payer_amounts(&here.payers),
            "reversal_time": json::instant(here.reversal_time.as_ref()),
        })
    };
    let there = |there: &pb::ListedClaim| {
        json!({
            "line": there.row, "settlement_id": there.settlement_id,
            "settled_on": there.settled_on.map(|day| day_text(Some(day))), "total": yuan(there.total_fen),
            "patient": yuan(there.patient_fen), "payers": json::payer_amounts(&there.payers),
        })
    };
    json!({
        "class": difference.class().as_str_name().trim_start_matches("DIFFERENCE_CLASS_"),
        "cause": difference.cause().as_str_name().trim_start_matches("DIFFERENCE_CAUSE_"),
        "claim_id": difference.claim_id, "here": difference.here.as_ref().map(here),
        "there": difference.there.as_ref().map(there), "message": difference.message,
        "message_zh": difference.message_zh, "repair_call": difference.repair_call, "cursor": cursor,
    })
}

/// How the comparison ended.
pub(super) fn summary_json(summary: &pb::ReconciliationSummary) -> Value {
    let totals = |totals: &Option<pb::Totals>| {
        let totals = totals.clone().unwrap_or_default();
        json!({
            "total": yuan(totals.total_fen), "patient": totals.patient_fen.map(yuan),
            "payers": json::payer_amounts(&totals.payers),
        })
    };
    let word = |count: &pb::ClassCount| count.class().as_str_name().trim_start_matches("DIFFERENCE_CLASS_").to_owned();
    let counts = summary.differences.iter().map(|count| (word(count), Value::from(count.differences)));
    json!({
        "equal": summary.equal, "cutoff_time": cutoff_text(summary.cutoff_time.as_ref()), "rows": summary.rows,
        "settlements": summary.settlements, "agreeing": summary.agreeing,
        "differences": counts.collect::<serde_json::Map<_, _>>(), "here": totals(&summary.here),
        "there": totals(&summary.there),
    })
}
