//! What the answers of a load say was committed: a few bytes for each claim, for the audit.

use std::sync::{Mutex, PoisonError};

use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

use super::claims::Part;
use crate::pb::settlement as pb;

/// A claim that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SentClaim {
    /// The person.
    pub(super) person: u32,
    /// The arrival.
    pub(super) arrival: u32,
    /// The part of its stay.
    pub(super) part: Part,
    /// What was answered.
    pub(super) outcome: SentOutcome,
}

/// What was answered to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SentOutcome {
    /// It was settled, with the split of this digest.
    Settled(u64),
    /// It was settled and then reversed.
    Reversed,
    /// It may have been settled, or settled and reversed.
    Unknown,
}

/// The claims that were sent so far.
#[derive(Default)]
pub(super) struct Committed(Mutex<Vec<SentClaim>>);

impl Committed {
    /// Adds a claim.
    pub(super) fn add(&self, claim: SentClaim) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(claim);
    }

    /// Takes the claims, by person and arrival.
    pub(super) fn take_sorted(&self) -> Vec<SentClaim> {
        let mut claims = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        claims.sort_unstable();
        claims
    }
}

/// The digest of a split.
pub(super) fn split_digest(split: &pb::Split) -> u64 {
    xxh3_64(&split.encode_to_vec())
}
