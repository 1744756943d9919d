//! `onestop reverse`: takes the settlement of a claim back, and says what became of later ones.

use serde_json::{Value, json};

use crate::domain::money::Money;
use crate::grpc::pb::settlement as pb;
use crate::say;

use super::claim_text::ReversalText;
use super::connection::{self as client, Client};
use crate::cli::exit::Ended;
use crate::cli::output::json::{self, yuan};

/// Reverses, or with `dry_run` says what a reversal would do.
///
/// # Errors
/// Exit 1 if it is refused, 3 if the server is lost.
pub async fn run(mut client: Client, text: ReversalText, dry_run: bool, json: bool) -> Ended {
    let (told, request_id) = text.told();
    let answer = client.reverse(&told, &request_id, dry_run).await.map_err(|status| client::failure(&status))?;
    if json {
        say!("{}", value(&answer));
    } else {
        tell(&answer);
    }
    Ok(())
}

fn tell(answer: &pb::ReverseResponse) {
    let reversal = answer.reversal.clone().unwrap_or_default();
    match (answer.dry_run, answer.replay) {
        (true, _) => say!("would reverse {}; nothing was changed", reversal.settlement_id),
        (_, true) => say!("reversed {} by {} (had been before)", reversal.settlement_id, reversal.reversal_id),
        _ => say!("reversed {} by {}", reversal.settlement_id, reversal.reversal_id),
    }
    for revised in &answer.revised {
        let changed = differences(revised.differences.as_ref());
        say!("  {} settlement {} revision {}: {changed}", revised.claim_id, revised.settlement_id, revised.revision);
    }
    if let Some(others) = &answer.others {
        let changed = differences(others.differences.as_ref());
        say!("  {} settlements of other hospitals, in sum: {changed}", others.settlements);
    }
}

fn differences(by: Option<&pb::Differences>) -> String {
    let by = by.cloned().unwrap_or_default();
    let signed = |fen: i64| format!("{}{}", if fen > 0 { "+" } else { "" }, Money::from_fen(fen));
    let payers = by.payers.iter().map(|share| format!("{} {}", share.payer, signed(share.amount_fen)));
    let all: Vec<_> = payers.chain([format!("patient {}", signed(by.patient_fen))]).collect();
    if by == pb::Differences::default() { "nothing changes hands".to_owned() } else { all.join(", ") }
}

fn value(answer: &pb::ReverseResponse) -> Value {
    let mut value = json::reversal(&answer.reversal.clone().unwrap_or_default());
    value["replay"] = answer.replay.into();
    value["dry_run"] = answer.dry_run.into();
    value["revised"] = answer.revised.iter().map(revised).collect();
    value["others"] = answer.others.as_ref().map_or(
        Value::Null,
        |others| json!({ "settlements": others.settlements, "differences": by(others.differences.as_ref()) }),
    );
    value
}

fn revised(revised: &pb::RevisedSettlement) -> Value {
    json!({
        "settlement_id": revised.settlement_id, "claim_id": revised.claim_id, "revision": revised.revision,
        "revision_id": revised.revision_id, "payers": json::shares(&revised.payers),
        "patient": yuan(revised.patient_fen), "differences": by(revised.differences.as_ref()),
    })
}

fn by(differences: Option<&pb::Differences>) -> Value {
    let by = differences.cloned().unwrap_or_default();
    json!({ "payers": json::shares(&by.payers), "patient": yuan(by.patient_fen) })
}
