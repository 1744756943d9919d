//! Requests to reverse and to correct, as received and validated.

use super::claim::{ClaimKeys, ClaimLimits, RawClaim, valid_text};
use super::fault::FieldFaults;
use super::ids::{ClaimId, HospitalId, PersonId, RequestId, check_length};

/// A request to reverse (冲正) as received, not yet validated.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReversal {
    /// Whose claim.
    pub hospital_id: String,
    /// For whom it was settled.
    pub person_id: String,
    /// Which claim.
    pub claim_id: String,
    /// Why, in the caller's words.
    pub reason: String,
    /// Whether later settlements of the benefit year are adjudicated again, instead of preventing the reversal.
    pub readjudicate: bool,
}

/// A request to reverse that is valid by itself.
#[derive(Clone)]
pub struct ValidReversal {
    /// Which claim.
    pub keys: ClaimKeys,
    /// The idempotency key.
    pub request_id: RequestId,
    /// Why, in the caller's words; not empty.
    pub reason: String,
    /// Whether later settlements of the benefit year are adjudicated again, instead of preventing the reversal.
    pub readjudicate: bool,
}

/// Why a request to reverse is faulty by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReversal {
    /// The ids and the idempotency key, if all of them are valid.
    pub keys: Option<Box<(ClaimKeys, RequestId)>>,
    /// The faults; not empty.
    pub faults: FieldFaults,
}

/// A request to correct a claim as received: its changed content, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct RawCorrection {
    /// The claim as it should have been.
    pub claim: RawClaim,
    /// Why, in the caller's words.
    pub reason: String,
}

impl RawReversal {
    /// The request under this idempotency key, if its ids and its reason are neither missing nor too long.
    ///
    /// # Errors
    /// The faults, each with its field.
    pub fn validate(self, request_id: String, limits: &ClaimLimits) -> Result<ValidReversal, InvalidReversal> {
        let mut faults = FieldFaults::default();
        let RawReversal { hospital_id, person_id, claim_id, reason, readjudicate } = self;
        let claim_id = valid_text(&mut faults, "claim_id", ClaimId::parse(claim_id, limits.id_bytes));
        let hospital_id = valid_text(&mut faults, "hospital_id", HospitalId::parse(hospital_id, limits.id_bytes));
        let person_id = valid_text(&mut faults, "person_id", PersonId::parse(person_id, limits.id_bytes));
        let request_id = valid_text(&mut faults, "request_id", RequestId::parse(request_id, limits.id_bytes));
        let keys = match (hospital_id, person_id, claim_id, request_id) {
            (Some(hospital_id), Some(person_id), Some(claim_id), Some(request_id)) => {
                Some((ClaimKeys { hospital_id, person_id, claim_id }, request_id))
            }
            _ => None,
        };
        let reason = valid_text(&mut faults, "reason", check_length(&reason, limits.reason_bytes).map(|()| reason));
        match (keys, reason) {
            (Some((keys, request_id)), Some(reason)) => Ok(ValidReversal { keys, request_id, reason, readjudicate }),
            (keys, _) => Err(InvalidReversal { keys: keys.map(Box::new), faults }),
        }
    }
}

super::ids::silent_debug!(RawCorrection, RawReversal, ValidReversal);
