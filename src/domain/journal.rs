//! The journal: what was committed, entry after entry, each person's chained by digest.
//!
//! The journal is the truth; accounts are what it adds up to. An entry is never edited: a reversal is
//! another entry, and so is a settlement decided anew.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::day::Day;
use super::facts::Facts;
use super::ids::AccountKey;
use super::ids::{ClaimId, Digest, EntryId, HospitalId, PersonId, RequestId};
use super::money::Money;
use super::split::Split;

/// An instant, UTC, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instant(pub i64);

impl Instant {
    /// The day of settlement: the calendar day of China Standard Time, UTC+8.
    pub fn china_day(self) -> Day {
        Day::in_china(self.0)
    }
}

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

/// One deed, committed.
#[derive(Clone, Debug, PartialEq)]
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
    pub deed: EntryKind,
}

/// What an entry did.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// A settlement (结算).
    Settled(Box<Settled>),
    /// A reversal (冲正) of one.
    Reversed(Reversed),
    /// A request id that may never commit.
    Fenced(Fenced),
    /// A settlement, decided anew because an earlier one of its account was reversed.
    Revised(Box<Revised>),
}

/// A settlement: whoever has it and the policy can recompute the split to the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The claim.
    pub claim: Claim,
    /// What was looked up for it.
    pub facts: Facts,
    /// The digest of the book in use; unknown for what was stored before books were noted.
    pub book: Option<Digest>,
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
    /// The entries that decide later settlements anew, in the order of those; they follow this one in the
    /// chain.
    pub revisions: Vec<EntryId>,
}

/// A further revision of a settlement (重新结算): the same claim and facts, another split. The one before
/// stays as it is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Revised {
    /// Whose claim.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
    /// Which claim.
    pub claim_id: ClaimId,
    /// The settlement, whose entry holds claim and facts and counts as revision 1.
    pub settlement: EntryId,
    /// Its number, from 2.
    pub number: u32,
    /// The revision that stood before.
    pub replaces: EntryId,
    /// The reversal that made it necessary.
    pub reversal: EntryId,
    /// The digest of the book in use.
    pub book: Digest,
    /// What was decided.
    pub split: Split,
    /// What changed against the revision before.
    pub differences: Differences,
}

/// What changed between two splits of one claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// By payer, in the order of payment: what it pays more; less where negative. Only what is not zero.
    pub payers: Vec<(Arc<str>, Money)>,
    /// What the patient pays more; less where negative.
    pub patient: Money,
}

impl Differences {
    /// From one split to the other.
    pub fn between(before: &Split, after: &Split) -> Differences {
        let mut payers = after.payers();
        for (payer, sum) in before.payers() {
            match payers.iter_mut().find(|(known, _)| *known == payer) {
                Some((_, known)) => *known -= sum,
                None => payers.push((payer, -sum)),
            }
        }
        payers.retain(|(_, difference)| *difference != Money::ZERO);
        Differences { payers, patient: after.patient - before.patient }
    }
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
            EntryKind::Settled(settled) => Some(settled),
            _ => None,
        }
    }

    /// The reversal, if it is one.
    pub fn reversed(&self) -> Option<&Reversed> {
        match &self.deed {
            EntryKind::Reversed(reversed) => Some(reversed),
            _ => None,
        }
    }

    /// The revision, if it is one.
    pub fn revised(&self) -> Option<&Revised> {
        match &self.deed {
            EntryKind::Revised(revised) => Some(revised),
            _ => None,
        }
    }

    /// The split that it decided, if it decided one.
    pub fn split(&self) -> Option<&Split> {
        match &self.deed {
            EntryKind::Settled(settled) => Some(&settled.split),
            EntryKind::Revised(revised) => Some(&revised.split),
            EntryKind::Reversed(_) | EntryKind::Fenced(_) => None,
        }
    }

    /// The account that it moved, or moved back; a fence moves none.
    pub fn account(&self) -> Option<&AccountKey> {
        self.split().map(|split| &split.judged.account).or_else(|| self.reversed().map(|reversed| &reversed.account))
    }

    /// The same, taken out of it.
    pub fn into_split(self) -> Option<Split> {
        match self.deed {
            EntryKind::Settled(settled) => Some(settled.split),
            EntryKind::Revised(revised) => Some(revised.split),
            EntryKind::Reversed(_) | EntryKind::Fenced(_) => None,
        }
    }

    /// Whose request it was, and for whom; of a revision, whose claim it is.
    pub fn parties(&self) -> (&HospitalId, &PersonId) {
        match &self.deed {
            EntryKind::Settled(settled) => (&settled.claim.hospital_id, &settled.claim.person_id),
            EntryKind::Reversed(reversed) => (&reversed.hospital_id, &reversed.person_id),
            EntryKind::Fenced(fenced) => (&fenced.hospital_id, &fenced.person_id),
            EntryKind::Revised(revised) => (&revised.hospital_id, &revised.person_id),
        }
    }
}

super::ids::silent_debug!(Reversed, Revised);
