//! The content of a request: every field but request_id and quote digest, as one digest.
//!
//! Two requests with the same digest ask for the same thing; the kind of request is part of it, as
//! settle and reverse share one namespace of request ids.

use super::claim::RawClaim;
use super::ids::{ClaimId, Digest, HospitalId, PersonId};

/// A request to reverse (冲正), as told.
#[derive(Clone, PartialEq, Eq)]
pub struct RawReversal {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom it was settled.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// Why, in the caller's words.
    pub reason: String,
    /// Whether later settlements of the benefit year are decided anew, in place of standing in the way.
    pub readjudicate: bool,
}

impl RawClaim {
    /// The digest of this content.
    pub fn content(&self) -> Digest {
        Digest::of_value("settle/1", self)
    }
}

impl RawReversal {
    /// The digest of this content.
    pub fn content(&self) -> Digest {
        let kind = if self.readjudicate { "reverse and readjudicate/1" } else { "reverse/1" };
        Digest::of_value(kind, &(&self.hospital_id, &self.person_id, &self.claim_id, &self.reason))
    }
}
