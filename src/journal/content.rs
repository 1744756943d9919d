//! The content of requests: every field but idempotency key, quote digest and view, as one digest. Two requests with the
//! same digest ask for the same thing.
//!
//! Each digest is over a canonical form whose version is part of it. The kind of request is part of it too, as settle,
//! reverse and fence share one namespace of request ids. A claim's form is its message: a field that the claim does not have
//! has no bytes, so that a field that is added to claims leaves the digests of claims without it as they are.

use super::answer;
use super::claim::ClaimMessage;
use crate::domain::claim::RawClaim;
use crate::domain::content::{RawCorrection, RawReversal};
use crate::domain::ids::{CanonicalDigest, Digest, HospitalId};
use crate::domain::journal::Fence;
use crate::domain::split::Split;

/// The content of a request to settle or to quote.
pub fn settle_content(claim: &RawClaim) -> Digest {
    encoded_settle_content(&ClaimMessage::from(claim))
}

/// The same of the message of its claim.
pub fn encoded_settle_content(claim: &ClaimMessage) -> Digest {
    CanonicalDigest::new("settle/2").rest(claim.bytes())
}

/// The content of a request to correct.
pub fn correct_content(correction: &RawCorrection) -> Digest {
    let RawCorrection { claim, reason } = correction;
    CanonicalDigest::new("correct/2").text(reason).rest(ClaimMessage::from(claim).bytes())
}

/// The content of a request to reverse.
pub fn reverse_content(reversal: &RawReversal) -> Digest {
    let RawReversal { hospital_id, person_id, claim_id, reason, readjudicate } = reversal;
    let kind = if *readjudicate { "reverse and readjudicate/2" } else { "reverse/2" };
    CanonicalDigest::new(kind).text(hospital_id).text(person_id).text(claim_id).text(reason).finish()
}

/// The content of a request to fence.
pub fn fence_content(fence: &Fence) -> Digest {
    let Fence { hospital_id, person_id } = fence;
    // No hospital has an empty id.
    let hospital_id = hospital_id.as_ref().map_or("", HospitalId::as_str);
    CanonicalDigest::new("fence/2").text(hospital_id).text(person_id.as_str()).finish()
}

/// The content of a request for a retroactive run.
pub fn readjudicate_content(person_id: &str, benefit_year: i32) -> Digest {
    CanonicalDigest::new("readjudicate/1").text(person_id).bytes(&benefit_year.to_be_bytes()).finish()
}

/// The digest that a quote returns and a request to settle may carry: over the split and the derivation as they are answered,
/// so that any other figure changes it.
pub fn split_digest(split: &Split) -> Digest {
    encoded_split_digest(&answer::split(split), &answer::derivation(split))
}

/// The same of a split and its derivation as they are answered.
pub fn encoded_split_digest(split: &[u8], derivation: &[u8]) -> Digest {
    CanonicalDigest::new("split/3").bytes(split).rest(derivation)
}
