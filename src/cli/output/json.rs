//! Answers as JSON: names as in the messages, amounts in decimal yuan as texts.

use serde_json::{Value, json};

use crate::domain::money::Money;
use crate::grpc::pb::{reference as reference_pb, settlement as pb};
use crate::store::imports::COPY;

use crate::cli::client::connection as client;

/// An amount.
pub fn yuan(fen: i64) -> String {
    Money::from_fen(fen).to_string()
}

/// A digest.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// By payer, what each pays.
pub fn shares(shares: &[pb::PayerShare]) -> Value {
    let shares = shares.iter().map(|share| (share.payer.clone(), Value::from(yuan(share.amount_fen))));
    shares.collect::<serde_json::Map<_, _>>().into()
}

/// What an import took.
pub fn import(table: &str, taken: &reference_pb::ImportReferenceResponse) -> Value {
    json!({ "table": table, "taken": taken.taken, "changed": taken.changed, "unchanged": taken.unchanged })
}

/// An import in the log.
pub fn import_log(import: &reference_pb::Import) -> Value {
    json!({
        "number": import.number, "table": table(import), "source": import.source, "imported_by": import.imported_by,
        "begun_at": instant(import.begun_at.as_ref()), "rows": import.rows,
        "ended_at": instant(import.ended_at.as_ref()), "changed": import.changed, "unchanged": import.unchanged,
    })
}

/// The same for people.
pub fn import_line(import: &reference_pb::Import) -> String {
    let ended = match instant(import.ended_at.as_ref()) {
        Some(ended) => format!("ended {ended}: {} changed, {} unchanged", import.changed, import.unchanged),
        None => "did not end".to_owned(),
    };
    let begun = instant(import.begun_at.as_ref()).unwrap_or_default();
    let (number, rows, source, by) = (import.number, import.rows, &import.source, &import.imported_by);
    format!("{number} {begun} {}: {rows} rows of {source} by {by}; {ended}", table(import))
}

/// What no table names was brought by a copy of another store.
fn table(import: &reference_pb::Import) -> String {
    if import.table() == reference_pb::Table::Unspecified {
        return COPY.to_owned();
    }
    import.table().as_str_name().trim_start_matches("TABLE_").to_lowercase()
}

/// In China Standard Time: 2017-06-15T09:30:00+08:00.
pub fn instant(told: Option<&prost_types::Timestamp>) -> Option<String> {
    let told = jiff::Timestamp::from_second(told?.seconds).ok()?;
    let offset = jiff::tz::Offset::constant(8);
    Some(format!("{}+08:00", offset.to_datetime(told)))
}

/// The sums of a split.
pub fn split(claim_id: &str, split: &pb::Split) -> Value {
    let pools = split.pools.unwrap_or_default();
    let named = |list: &mut dyn Iterator<Item = (String, i64)>| -> Value {
        list.map(|(name, fen)| (name, Value::from(yuan(fen)))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "claim_id": claim_id,
        "total": yuan(split.total_fen),
        "patient": yuan(split.patient_fen),
        "payers": shares(&split.payers),
        "layers": named(&mut split.layers.iter().map(|layer| (layer.id.clone(), layer.pays_fen))),
        "pools": named(&mut client::pools(&pools).map(|(name, fen)| (name.to_owned(), fen))),
    })
}

/// A settlement.
pub fn settlement(settlement: &pb::Settlement) -> Value {
    let mut value = split(&settlement.claim_id, &settlement.split.clone().unwrap_or_default());
    value["settlement_id"] = settlement.settlement_id.as_str().into();
    value["request_id"] = settlement.request_id.as_str().into();
    value["hospital_id"] = settlement.hospital_id.as_str().into();
    value["person_id"] = settlement.person_id.as_str().into();
    value
}

/// A reversal.
pub fn reversal(reversal: &pb::Reversal) -> Value {
    json!({
        "reversal_id": reversal.reversal_id, "settlement_id": reversal.settlement_id,
        "claim_id": reversal.claim_id, "request_id": reversal.request_id, "reason": reversal.reason,
    })
}

/// An account.
pub fn account(account: &pb::GetAccountResponse) -> Value {
    let layers = account
        .layers
        .iter()
        .map(|layer| json!({ "layer_id": layer.layer_id, "base": yuan(layer.base_fen), "paid": yuan(layer.paid_fen) }));
    let rooms = account.rooms.iter().map(|room| {
        json!({
            "account": room.account, "of": room.of, "used": yuan(room.used_fen),
            "annual": room.annual_fen.map(yuan), "room": room.room_fen.map(yuan),
        })
    });
    json!({
        "version": account.version, "admissions": account.admissions, "policy_id": account.policy_id,
        "layers": layers.collect::<Vec<_>>(), "rooms": rooms.collect::<Vec<_>>(),
    })
}
