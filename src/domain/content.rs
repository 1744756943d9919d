//! The content of a request: every field but request_id and quote digest, as one digest.
//!
//! Two requests with the same digest ask for the same thing; the kind of request is part of it, as
//! settle and reverse share one namespace of request ids.

use serde::Serialize;

use super::claim::ToldClaim;
use super::ids::{ClaimId, Digest, HospitalId, PersonId};

/// A request to reverse (冲正), as told.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ToldReversal {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom it was settled.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// Why, in the caller's words.
    pub reason: String,
}

impl ToldClaim {
    /// The digest of this content.
    pub fn content(&self) -> Digest {
        Digest::of_value("settle/1", self)
    }
}

impl ToldReversal {
    /// The digest of this content.
    pub fn content(&self) -> Digest {
        Digest::of_value("reverse/1", self)
    }
}
