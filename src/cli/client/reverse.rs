//! `onestop reverse`: reverses the settlement of a claim, and shows the new revisions of later settlements.

use serde_json::{Value, json};

use crate::cli::exit::CommandResult;
use crate::cli::output::json::{self, yuan};
use crate::domain::money::Money;
use crate::pb::settlement as pb;
use crate::say;

use super::claim_text::ReversalText;
use super::connection::Client;

/// Reverses a settlement; with `dry_run` it shows what would change.
///
/// # Errors
/// If the call failed.
pub(super) async fn run(mut client: Client, text: ReversalText, dry_run: bool, json: bool) -> CommandResult {
    let (reversal, request_id) = text.reversal_and_request_id();
    let answer = client.reverse(&reversal, &request_id, dry_run).await?;
    if json {
        say!("{}", reversal_json(&answer));
    } else {
        print_reversal(&answer);
    }
    Ok(())
}

fn print_reversal(answer: &pb::ReverseResponse) {
    let reversal = answer.reversal.clone().unwrap_or_default();
    match (answer.dry_run, answer.replay) {
        (true, _) => say!("would reverse {}; nothing was changed", reversal.settlement_id),
        (_, true) => {
            say!("reversed {} by {} (a replay: it was reversed before)", reversal.settlement_id, reversal.reversal_id)
        }
        _ => say!("reversed {} by {}", reversal.settlement_id, reversal.reversal_id),
    }
    print_revised(&answer.revised, answer.others.as_ref());
}

/// Prints the new revisions of later settlements.
pub(super) fn print_revised(revised: &[pb::RevisedSettlement], others: Option<&pb::OthersRevised>) {
    for revised in revised {
        let changed = differences_text(revised.differences.as_ref());
        say!("  {} settlement {} revision {}: {changed}", revised.claim_id, revised.settlement_id, revised.revision);
    }
    if let Some(others) = others {
        let changed = differences_text(others.differences.as_ref());
        say!("  {} settlements of other hospitals, in total: {changed}", others.settlements);
    }
}

/// What each payer and the patient pay more, as a sentence's end.
pub(super) fn differences_text(by: Option<&pb::Differences>) -> String {
    let by = by.cloned().unwrap_or_default();
    let signed = |fen: i64| format!("{}{}", if fen > 0 { "+" } else { "" }, Money::from_fen(fen));
    let payers = by.payers.iter().map(|share| format!("{} {}", share.payer, signed(share.amount_fen)));
    let all: Vec<_> = payers.chain([format!("patient {}", signed(by.patient_fen))]).collect();
    if by == pb::Differences::default() { "no amount changes".to_owned() } else { all.join(", ") }
}

fn reversal_json(answer: &pb::ReverseResponse) -> Value {
    let mut value = json::reversal(&answer.reversal.clone().unwrap_or_default());
    value["replay"] = answer.replay.into();
    value["dry_run"] = answer.dry_run.into();
    add_revised(&mut value, &answer.revised, answer.others.as_ref());
    value
}

/// Adds the new revisions of later settlements to a value.
pub(super) fn add_revised(value: &mut Value, revised: &[pb::RevisedSettlement], others: Option<&pb::OthersRevised>) {
    value["revised"] = revised.iter().map(revised_value).collect();
    value["others"] = others.map_or(
        Value::Null,
        |others| json!({ "settlements": others.settlements, "differences": differences_value(others.differences.as_ref()) }),
    );
}

pub(super) fn revised_value(revised: &pb::RevisedSettlement) -> Value {
    json!({
        "settlement_id": revised.settlement_id, "hospital_id": revised.hospital_id, "claim_id": revised.claim_id,
        "revision": revised.revision,
        "revision_id": revised.revision_id, "payers": json::payer_amounts(&revised.payers),
        "patient": yuan(revised.patient_fen), "differences": differences_value(revised.differences.as_ref()),
    })
}

fn differences_value(differences: Option<&pb::Differences>) -> Value {
    let by = differences.cloned().unwrap_or_default();
    json!({ "payers": json::payer_amounts(&by.payers), "patient": yuan(by.patient_fen) })
}
