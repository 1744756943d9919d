//! The journal: what was committed, entry after entry, each person's chained by digest.
//!
//! The journal is the truth; accounts are what it adds up to. An entry is never edited: a reversal is
//! another entry.

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::facts::Facts;
use super::ids::AccountKey;
use super::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use super::split::Split;

/// An instant, UTC, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instant(pub i64);

/// Where an entry stands in its person's chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number in the chain, from 1; after it the person's version is this.
    pub number: u64,
    /// The entry before, if any.
    pub previous: Option<EntryId>,
    /// The digest of the entry before as stored; of nothing for the first.
    pub chained: Digest,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id; also the settlement's.
    pub id: EntryId,
    /// Its place.
    pub link: Link,
    /// When it was committed.
    pub committed: Instant,
    /// Under which idempotency key.
    pub request_id: RequestId,
    /// The digest of the request's content.
    pub content: Digest,
    /// What was committed.
    pub deed: Deed,
}

/// What an entry did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Deed {
    /// A settlement (结算).
    Settled(Box<Settled>),
    /// A reversal (冲正) of one.
    Reversed(Reversed),
    /// A request id that may never commit.
    Fenced(Fenced),
}

/// A settlement: whoever has it and the policy can recompute the split to the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// The claim.
    pub claim: Claim,
    /// What was looked up for it.
    pub facts: Facts,
    /// What was decided; it names the policy.
    pub split: Split,
}

/// A reversal.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Reversed {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// Why, in the caller's words.
    pub reason: String,
    /// Which settlement.
    pub settlement: EntryId,
    /// The account that moved back.
    pub account: AccountKey,
}

/// A fenced request id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fenced {
    /// In whose scope.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
}

impl Entry {
    /// The settlement, if it is one.
    pub fn settled(&self) -> Option<&Settled> {
        match &self.deed {
            Deed::Settled(settled) => Some(settled),
            _ => None,
        }
    }

    /// The reversal, if it is one.
    pub fn reversed(&self) -> Option<&Reversed> {
        match &self.deed {
            Deed::Reversed(reversed) => Some(reversed),
            _ => None,
        }
    }

    /// Whose request it was, and for whom.
    pub fn parties(&self) -> (&HospitalId, &PersonId) {
        match &self.deed {
            Deed::Settled(settled) => (&settled.claim.hospital_id, &settled.claim.person_id),
            Deed::Reversed(reversed) => (&reversed.hospital_id, &reversed.person_id),
            Deed::Fenced(fenced) => (&fenced.hospital_id, &fenced.person_id),
        }
    }
}

super::ids::silent_debug!(Reversed);
