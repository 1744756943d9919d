//! Answers as JSON: names as in the messages, amounts in decimal yuan as strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::domain::journal::Instant;
use crate::domain::money::Money;
use crate::pb::Date;
use crate::pb::{reference as reference_pb, settlement as pb};
use crate::store::imports::COPY;

/// An amount in decimal yuan.
pub fn yuan(fen: i64) -> String {
    Money::from_fen(fen).to_string()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from exactly twice as many hexadecimal digits.
pub(crate) fn bytes_from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}

/// The amount of each payer.
pub fn payer_amounts(shares: &[pb::PayerShare]) -> Value {
    let shares = shares.iter().map(|share| (share.payer.clone(), Value::from(yuan(share.amount_fen))));
    shares.collect::<serde_json::Map<_, _>>().into()
}

/// The result of an import.
pub fn import(table: &str, taken: &reference_pb::ImportReferenceResponse) -> Value {
    json!({
        "table": table, "taken": taken.taken, "changed": taken.changed, "unchanged": taken.unchanged,
        "not_enrolled": taken.not_enrolled,
        "unknown_insurance": unmatched_rows(taken.unknown_insurance.as_ref()),
        "uncovered_region": unmatched_rows(taken.uncovered_region.as_ref()),
        "unknown_hospital": unmatched_rows(taken.unknown_hospital.as_ref()),
    })
}

fn unmatched_rows(unmatched: Option<&reference_pb::UnmatchedRows>) -> Value {
    unmatched.map_or(Value::Null, |unmatched| json!({ "rows": unmatched.rows, "names": unmatched.names }))
}

/// An import of the log.
pub fn import_log(import: &reference_pb::Import) -> Value {
    json!({
        "number": import.number, "table": table_name(import), "source": import.source, "imported_by": import.imported_by,
        "start_time": instant(import.start_time.as_ref()), "rows": import.rows,
        "end_time": instant(import.end_time.as_ref()), "changed": import.changed, "unchanged": import.unchanged,
    })
}

/// An import of the log as a line of text.
pub fn import_line(import: &reference_pb::Import) -> String {
    let result = match instant(import.end_time.as_ref()) {
        Some(ended) => format!("ended {ended}: {} changed, {} unchanged", import.changed, import.unchanged),
        None => "did not end".to_owned(),
    };
    let begun = instant(import.start_time.as_ref()).unwrap_or_default();
    let (number, rows, source) = (import.number, import.rows, &import.source);
    let by = if import.imported_by.is_empty() { "anonymous" } else { &import.imported_by };
    format!("{number} {begun} {}: {rows} rows of {source} by {by}; {result}", table_name(import))
}

/// The name of an import's table; an import without one is a copy of another store.
fn table_name(import: &reference_pb::Import) -> String {
    if import.table() == reference_pb::Table::Unspecified {
        return COPY.to_owned();
    }
    import.table().as_str_name().trim_start_matches("TABLE_").to_lowercase()
}

/// An instant in China Standard Time, as RFC 3339.
pub fn china_time(Instant(at): Instant) -> String {
    let china = jiff::tz::Offset::constant(8);
    jiff::Timestamp::from_microsecond(at)
        .map_or_else(|_| at.to_string(), |at| at.display_with_offset(china).to_string())
}

/// A month: 2017-06.
pub fn month(month: &Date) -> String {
    format!("{:04}-{:02}", month.year, month.month)
}

/// An instant in China Standard Time: 2017-06-15T09:30:00+08:00.
pub fn instant(timestamp: Option<&prost_types::Timestamp>) -> Option<String> {
    let instant = jiff::Timestamp::from_second(timestamp?.seconds).ok()?;
    let china = jiff::tz::Offset::constant(8);
    Some(format!("{}+08:00", china.to_datetime(instant)))
}

/// The sums of a split.
pub fn split(claim_id: &str, split: &pb::Split, derivation: Option<&pb::Derivation>) -> Value {
    let named = |list: &mut dyn Iterator<Item = (String, i64)>| -> Value {
        list.map(|(name, fen)| (name, Value::from(yuan(fen)))).collect::<serde_json::Map<_, _>>().into()
    };
    let layers = derivation.into_iter().flat_map(|derivation| &derivation.layers);
    json!({
        "claim_id": claim_id,
        "total": yuan(split.total_fen),
        "patient": yuan(split.patient_fen),
        "payers": payer_amounts(&split.payers),
        "layers": named(&mut layers.map(|layer| (layer.id.clone(), layer.pays_fen))),
        "pools": named(&mut split.pools.iter().map(|pool| (pool.pool.clone(), pool.amount_fen))),
    })
}

/// A quote; `onestop settle --quotes` reads it again.
pub fn quote(hospital_id: &str, claim_id: &str, quote: &pb::QuoteResponse) -> Value {
    let mut value = split(claim_id, &quote.split.clone().unwrap_or_default(), quote.derivation.as_ref());
    value["hospital_id"] = hospital_id.into();
    value["quote_digest"] = STANDARD.encode(&quote.quote_digest).into();
    value["notices"] = notices(&quote.notices);
    value
}

/// Notices.
pub fn notices(notices: &[pb::Notice]) -> Value {
    let notice = |notice: &pb::Notice| json!({ "reason": notice.reason().word(), "settlement_ids": notice.settlement_ids, "others": notice.others });
    notices.iter().map(notice).collect()
}

/// A settlement.
pub fn settlement(settlement: &pb::Settlement) -> Value {
    let (sums, derivation) = (settlement.split.clone().unwrap_or_default(), settlement.derivation.as_ref());
    let mut value = split(&settlement.claim_id, &sums, derivation);
    value["settlement_id"] = settlement.settlement_id.as_str().into();
    value["request_id"] = settlement.request_id.as_str().into();
    value["hospital_id"] = settlement.hospital_id.as_str().into();
    value["person_id"] = settlement.person_id.as_str().into();
    value["notices"] = notices(&settlement.notices);
    value
}

/// A reversal.
pub fn reversal(reversal: &pb::Reversal) -> Value {
    json!({
        "reversal_id": reversal.reversal_id, "settlement_id": reversal.settlement_id,
        "claim_id": reversal.claim_id, "request_id": reversal.request_id, "reason": reversal.reason,
    })
}

fn room_circumstances(visit: &pb::VisitCircumstances) -> Value {
    json!({ "hospital_level": visit.hospital_level, "locality": visit.locality().word(), "referral": visit.referral().word() })
}

/// An account.
pub fn account(account: &pb::GetAccountResponse) -> Value {
    let layers = account.layers.iter().map(|layer| json!({ "layer_id": layer.layer_id, "paid": yuan(layer.paid_fen) }));
    let ledgers = account.ledgers.iter().map(|ledger| {
        json!({
            "ledger": ledger.ledger, "base": yuan(ledger.base_fen),
            "deductible_taken": yuan(ledger.deductible_taken_fen),
        })
    });
    let rooms = account.rooms.iter().map(|room| {
        json!({
            "account": room.account, "of": room.of().word(), "used": yuan(room.used_fen),
            "annual": room.annual_fen.map(yuan), "room": room.room_fen.map(yuan),
            "circumstances": room.circumstances.iter().map(room_circumstances).collect::<Vec<_>>(),
        })
    });
    json!({
        "version": account.version, "admissions": account.admissions, "policy_id": account.policy_id,
        "layers": layers.collect::<Vec<_>>(), "ledgers": ledgers.collect::<Vec<_>>(),
        "rooms": rooms.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_from_hexadecimal_digits_and_from_nothing_else() {
        assert_eq!(bytes_from_hex::<2>("0fA0"), Some([0x0f, 0xa0]));
        assert_eq!(bytes_from_hex::<2>(&hex(&[0x0f, 0xa0])), Some([0x0f, 0xa0]));
        for text in ["", "+f00", "0f+0", "0f0", "0f000", "0g00", "0f 0", "０f0"] {
            assert_eq!(bytes_from_hex::<2>(text), None, "{text}");
        }
    }
}
