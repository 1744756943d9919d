//! `onestop outcome` and `onestop fence`: what became of a request.

use tonic::Status;

use crate::cli::exit::CommandResult;
use crate::pb::settlement as pb;
use crate::pb::settlement::outcome::Outcome;
use crate::say;

/// Prints the outcome of a request.
///
/// # Errors
/// If the call failed.
pub(super) fn print(answer: Result<pb::Outcome, Status>, json: bool) -> CommandResult {
    let outcome = answer?.outcome;
    let (word, id) = match &outcome {
        Some(Outcome::Committed(settlement)) => ("committed", settlement.settlement_id.as_str()),
        Some(Outcome::Reversed(reversal)) => ("reversed", reversal.reversal_id.as_str()),
        Some(Outcome::Readjudicated(run)) => {
            ("readjudicated", run.revised.first().map_or("", |first| first.revision_id.as_str()))
        }
        Some(Outcome::Fenced(_)) => ("fenced", ""),
        Some(Outcome::NotSeen(_)) | None => ("not_seen", ""),
    };
    if json {
        say!("{}", serde_json::json!({ "outcome": word, "id": id }));
    } else {
        say!("{}", format!("{word} {id}").trim_end());
    }
    Ok(())
}
