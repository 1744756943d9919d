//! From messages to requests of the engine. A claim is passed on as received; the engine validates it.

use bytes::Bytes;

use crate::domain::claim::{ClaimKeys, ClaimLimits, RawClaim, valid_text};
use crate::domain::fault::{FaultReason, FieldFaults};
use crate::domain::ids::{ClaimId, HospitalId, PersonId, RequestId, TextError};
use crate::domain::journal::Instant;
use crate::engine::fence::RequestName;
use crate::engine::settle::ReceivedClaim;
use crate::journal::claim::{count_items, raw_claim};
use crate::journal::{ClaimMessage, Malformed};

use super::error::CallError;

/// The instant of a timestamp; `None` if it lies outside of all instants, or its nanoseconds are not those of one second.
pub fn instant(time: &prost_types::Timestamp) -> Option<Instant> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return None;
    }
    let micros = time.seconds.checked_mul(1_000_000)?;
    micros.checked_add(i64::from(time.nanos) / 1_000).map(Instant)
}

/// The message in a field, of the parts that were given: all of them together; `None` without any.
pub fn message_in(mut parts: Vec<Bytes>) -> Option<Bytes> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(parts.concat().into()),
    }
}

/// A claim as received in this message.
///
/// # Errors
/// If there is none, it holds more items than any claim, or it cannot be read.
pub fn claim(message: Option<&[u8]>) -> Result<RawClaim, CallError> {
    let message = message.ok_or_else(|| CallError::missing_field("claim"))?;
    let items = count_items(message);
    if items > ClaimLimits::MAX_ITEMS {
        let message = format!("holds {items} items; at most {} are taken", ClaimLimits::MAX_ITEMS);
        return Err(CallError::invalid_field("claim.items", FaultReason::TooMany, message));
    }
    raw_claim(message).map_err(|Malformed(field)| CallError::UndecodableMessage(format!("claim.{field}")))
}

/// The same, and its message as this program writes it.
///
/// # Errors
/// As [`claim`].
pub fn received_claim(message: Option<&[u8]>) -> Result<(RawClaim, ReceivedClaim), CallError> {
    let claim = claim(message)?;
    let received = ReceivedClaim::new(ClaimMessage::from(&claim));
    Ok((claim, received))
}

/// The ids of a request: of a hospital, or of a `Readjudicate`, which names none.
///
/// # Errors
/// Those that are none.
pub fn request_name(
    (hospital_id, of_readjudicate): (String, bool),
    person_id: String,
    request_id: String,
    limits: &ClaimLimits,
) -> Result<RequestName, CallError> {
    let mut faults = FieldFaults::default();
    let hospital_id = match (of_readjudicate, hospital_id.is_empty()) {
        (true, true) => Some(None),
        (true, false) => {
            faults.add("hospital_id", FaultReason::MustBeEmpty, "is given, but a Readjudicate names no hospital");
            None
        }
        (false, _) => valid_text(&mut faults, "hospital_id", HospitalId::parse(hospital_id, limits.id_bytes)).map(Some),
    };
    let person_id = valid_text(&mut faults, "person_id", PersonId::parse(person_id, limits.id_bytes));
    let request_id = valid_text(&mut faults, "request_id", RequestId::parse(request_id, limits.id_bytes));
    match (hospital_id, person_id, request_id) {
        (Some(hospital_id), Some(person_id), Some(request_id)) => {
            Ok(RequestName { hospital_id, person_id, request_id })
        }
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

/// The ids of a claim.
///
/// # Errors
/// Those that are none.
pub fn claim_keys(
    hospital_id: String,
    person_id: String,
    claim_id: String,
    limits: &ClaimLimits,
) -> Result<ClaimKeys, CallError> {
    let mut faults = FieldFaults::default();
    let claim_id = valid_text(&mut faults, "claim_id", ClaimId::parse(claim_id, limits.id_bytes));
    let hospital_id = valid_text(&mut faults, "hospital_id", HospitalId::parse(hospital_id, limits.id_bytes));
    let person_id = valid_text(&mut faults, "person_id", PersonId::parse(person_id, limits.id_bytes));
    match (hospital_id, person_id, claim_id) {
        (Some(hospital_id), Some(person_id), Some(claim_id)) => Ok(ClaimKeys { hospital_id, person_id, claim_id }),
        _ => Err(CallError::InvalidMessage(faults)),
    }
}

/// Adds a fault for each of these fields that is given: the other fields leave no place for it.
pub fn refuse_given(faults: &mut FieldFaults, fields: &[(&str, bool)], message: &str) {
    for (field, _) in fields.iter().filter(|(_, given)| *given) {
        faults.add(*field, FaultReason::MustBeEmpty, message);
    }
}

/// The id or code in one field; `parse` is that of its type.
///
/// # Errors
/// Why it is none, with the field.
pub fn id<T>(
    field: &str,
    text: String,
    parse: fn(String, usize) -> Result<T, TextError>,
    limits: &ClaimLimits,
) -> Result<T, CallError> {
    let parsed = parse(text, limits.id_bytes);
    parsed.map_err(|error| CallError::invalid_field(field, error.reason(), error.to_string()))
}

/// The text of the id or code in a field that may be empty.
///
/// # Errors
/// As [`id`].
pub fn optional_id<T>(
    field: &str,
    text: String,
    parse: fn(String, usize) -> Result<T, TextError>,
    limits: &ClaimLimits,
) -> Result<String, CallError> {
    if !text.is_empty() {
        id(field, text.clone(), parse, limits)?;
    }
    Ok(text)
}
