//! The journal: what was committed, entry after entry, each person's chained by digest.
//!
//! The journal is the truth; accounts are what it adds up to. An entry is never edited: a reversal is
//! another entry, and so is a settlement that is adjudicated again.

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

/// An entry of the journal; `Entry<Settlement>` is one that is known to be a settlement.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<B = EntryKind> {
    /// Its id; also the settlement's.
    pub id: EntryId,
    /// Its position in the chain.
    pub link: Link,
    /// When it was committed.
    pub committed: Instant,
    /// Under which idempotency key.
    pub request_id: RequestId,
    /// The digest of the request's content.
    pub content: Digest,
    /// What was committed.
    pub body: B,
}

/// The kinds of entries, each with what was committed.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryKind {
    /// A settlement (结算).
    Settlement(Box<Settlement>),
    /// A reversal (冲正) of one.
    Reversal(Reversal),
    /// A request id that may never commit.
    Fence(Fence),
    /// A settlement, adjudicated again because an earlier one of its account was reversed.
    Revision(Box<Revision>),
}

/// A settlement: whoever has it and the policy can recompute the split to the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
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
pub struct Reversal {
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
    /// The entries that decide later settlements again, in their order; they follow this one in the
    /// chain.
    pub revisions: Vec<EntryId>,
}

/// A further revision of a settlement (重新结算): the same claim and facts, another split. The one before
/// stays as it is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
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
pub struct Fence {
    /// In whose scope.
    pub hospital_id: HospitalId,
    /// For whom.
    pub person_id: PersonId,
}

/// An entry that is not of the kind that a row or a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} is no {expected}")]
pub struct UnexpectedEntryKind {
    /// The entry.
    pub entry: EntryId,
    /// The kind that it should be of.
    pub expected: &'static str,
}

/// A body of an entry, borrowed, by its kind.
#[derive(Clone, Copy)]
pub enum EntryKindRef<'a> {
    /// A settlement.
    Settlement(&'a Settlement),
    /// A reversal.
    Reversal(&'a Reversal),
    /// A fence.
    Fence(&'a Fence),
    /// A revision.
    Revision(&'a Revision),
}

/// A type that is the body of an entry.
pub trait EntryBody {
    /// The body by its kind.
    fn by_kind(&self) -> EntryKindRef<'_>;
}

impl EntryBody for Settlement {
    fn by_kind(&self) -> EntryKindRef<'_> {
        EntryKindRef::Settlement(self)
    }
}

impl EntryBody for Reversal {
    fn by_kind(&self) -> EntryKindRef<'_> {
        EntryKindRef::Reversal(self)
    }
}

impl EntryBody for Fence {
    fn by_kind(&self) -> EntryKindRef<'_> {
        EntryKindRef::Fence(self)
    }
}

impl EntryBody for Revision {
    fn by_kind(&self) -> EntryKindRef<'_> {
        EntryKindRef::Revision(self)
    }
}

impl EntryBody for EntryKind {
    fn by_kind(&self) -> EntryKindRef<'_> {
        match self {
            EntryKind::Settlement(settlement) => EntryKindRef::Settlement(settlement),
            EntryKind::Reversal(reversal) => EntryKindRef::Reversal(reversal),
            EntryKind::Fence(fence) => EntryKindRef::Fence(fence),
            EntryKind::Revision(revision) => EntryKindRef::Revision(revision),
        }
    }
}

impl<B: EntryBody> Entry<B> {
    /// The hospital and the person of the request; of a revision, those of its claim.
    pub fn parties(&self) -> (&HospitalId, &PersonId) {
        match self.body.by_kind() {
            EntryKindRef::Settlement(settlement) => (&settlement.claim.hospital_id, &settlement.claim.person_id),
            EntryKindRef::Reversal(reversal) => (&reversal.hospital_id, &reversal.person_id),
            EntryKindRef::Fence(fence) => (&fence.hospital_id, &fence.person_id),
            EntryKindRef::Revision(revision) => (&revision.hospital_id, &revision.person_id),
        }
    }

    /// The split that was decided; a reversal and a fence decide none.
    pub fn split(&self) -> Option<&Split> {
        match self.body.by_kind() {
            EntryKindRef::Settlement(settlement) => Some(&settlement.split),
            EntryKindRef::Revision(revision) => Some(&revision.split),
            EntryKindRef::Reversal(_) | EntryKindRef::Fence(_) => None,
        }
    }
}

impl<B> Entry<B> {
    /// The same entry with another body.
    pub fn map<T>(self, body: impl FnOnce(B) -> T) -> Entry<T> {
        let Entry { id, link, committed, request_id, content, body: old } = self;
        Entry { id, link, committed, request_id, content, body: body(old) }
    }
}

impl From<Entry<Settlement>> for Entry {
    fn from(entry: Entry<Settlement>) -> Self {
        entry.map(|settlement| EntryKind::Settlement(Box::new(settlement)))
    }
}

impl From<Entry<Reversal>> for Entry {
    fn from(entry: Entry<Reversal>) -> Self {
        entry.map(EntryKind::Reversal)
    }
}

impl From<Entry<Revision>> for Entry {
    fn from(entry: Entry<Revision>) -> Self {
        entry.map(|revision| EntryKind::Revision(Box::new(revision)))
    }
}

impl TryFrom<Entry> for Entry<Settlement> {
    type Error = UnexpectedEntryKind;

    fn try_from(entry: Entry) -> Result<Self, UnexpectedEntryKind> {
        let Entry { id, link, committed, request_id, content, body } = entry;
        match body {
            EntryKind::Settlement(settlement) => {
                Ok(Entry { id, link, committed, request_id, content, body: *settlement })
            }
            _ => Err(UnexpectedEntryKind { entry: id, expected: "settlement" }),
        }
    }
}

impl TryFrom<Entry> for Entry<Reversal> {
    type Error = UnexpectedEntryKind;

    fn try_from(entry: Entry) -> Result<Self, UnexpectedEntryKind> {
        let Entry { id, link, committed, request_id, content, body } = entry;
        match body {
            EntryKind::Reversal(reversal) => Ok(Entry { id, link, committed, request_id, content, body: reversal }),
            _ => Err(UnexpectedEntryKind { entry: id, expected: "reversal" }),
        }
    }
}

impl TryFrom<Entry> for Entry<Revision> {
    type Error = UnexpectedEntryKind;

    fn try_from(entry: Entry) -> Result<Self, UnexpectedEntryKind> {
        let Entry { id, link, committed, request_id, content, body } = entry;
        match body {
            EntryKind::Revision(revision) => Ok(Entry { id, link, committed, request_id, content, body: *revision }),
            _ => Err(UnexpectedEntryKind { entry: id, expected: "revision" }),
        }
    }
}

impl Entry {
    /// The settlement, if it is one.
    pub fn settled(&self) -> Option<&Settlement> {
        match &self.body {
            EntryKind::Settlement(settlement) => Some(settlement),
            _ => None,
        }
    }

    /// The reversal, if it is one.
    pub fn reversed(&self) -> Option<&Reversal> {
        match &self.body {
            EntryKind::Reversal(reversal) => Some(reversal),
            _ => None,
        }
    }

    /// The revision, if it is one.
    pub fn revised(&self) -> Option<&Revision> {
        match &self.body {
            EntryKind::Revision(revision) => Some(revision),
            _ => None,
        }
    }

    /// The account that it changed; a fence changes none.
    pub fn account(&self) -> Option<&AccountKey> {
        self.split()
            .map(|split| &split.circumstances.account)
            .or_else(|| self.reversed().map(|reversal| &reversal.account))
    }

    /// The split that was decided, taken out of it.
    pub fn into_split(self) -> Option<Split> {
        match self.body {
            EntryKind::Settlement(settlement) => Some(settlement.split),
            EntryKind::Revision(revision) => Some(revision.split),
            EntryKind::Reversal(_) | EntryKind::Fence(_) => None,
        }
    }
}

super::ids::silent_debug!(Reversal, Revision);
