//! The journal: what was committed, entry after entry, each person's chained by digest.
//!
//! The journal is the truth; accounts are what it adds up to. An entry is never edited: a reversal is
//! another entry, and so is a settlement that is adjudicated again.

mod administration;
mod bodies;
mod booking;
mod by_kind;
mod conversions;
mod differences;

use super::day::Day;
use super::ids::{AccountKey, Digest, EntryId, HospitalId, PersonId, RequestId};
use super::split::Split;

pub use administration::{AdministrationAct, AdministrationEntry, JournaledImport, MonthClosing, PolicyActivation};
pub use bodies::{DecidedAgain, Fence, RetroactiveRun, Reversal, Revision, RevisionCause, Settlement};
pub use booking::booking_month;
pub use by_kind::{EntryBody, EntryKindRef};
pub use conversions::UnexpectedEntryKind;
pub use differences::Differences;

/// An instant, UTC, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub i64);

impl Instant {
    /// The day of settlement: the calendar day of China Standard Time, UTC+8.
    pub fn china_day(self) -> Day {
        Day::in_china_at(self.0)
    }
}

/// Where an entry stands in its person's chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// A settlement that was decided again, because an earlier one of its account was reversed or by a retroactive run.
    Revision(Box<Revision>),
}

impl<B: EntryBody> Entry<B> {
    /// The hospital and the person of the claim; of a fence, those of the request.
    pub fn parties(&self) -> (Option<&HospitalId>, &PersonId) {
        match self.body.by_kind() {
            EntryKindRef::Settlement(settlement) => (Some(&settlement.claim.hospital_id), &settlement.claim.person_id),
            EntryKindRef::Reversal(reversal) => (Some(&reversal.hospital_id), &reversal.person_id),
            EntryKindRef::Fence(fence) => (fence.hospital_id.as_ref(), &fence.person_id),
            EntryKindRef::Revision(revision) => (Some(&revision.hospital_id), &revision.person_id),
        }
    }

    /// The hospital in whose scope the request id of the entry is; `None` for a request of the administration.
    pub fn request_hospital(&self) -> Option<&HospitalId> {
        match self.body.by_kind() {
            EntryKindRef::Revision(Revision {
                cause: RevisionCause::RetroactiveRun(_) | RevisionCause::LaterInRun(_),
                ..
            }) => None,
            _ => self.parties().0,
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

impl Entry {
    /// The settlement, if it is one.
    pub fn as_settlement(&self) -> Option<&Settlement> {
        match &self.body {
            EntryKind::Settlement(settlement) => Some(settlement),
            _ => None,
        }
    }

    /// The reversal, if it is one.
    pub fn as_reversal(&self) -> Option<&Reversal> {
        match &self.body {
            EntryKind::Reversal(reversal) => Some(reversal),
            _ => None,
        }
    }

    /// The revision, if it is one.
    pub fn as_revision(&self) -> Option<&Revision> {
        match &self.body {
            EntryKind::Revision(revision) => Some(revision),
            _ => None,
        }
    }

    /// The retroactive run, if it is the first revision of one.
    pub fn retroactive_run(&self) -> Option<&RetroactiveRun> {
        match &self.as_revision()?.cause {
            RevisionCause::RetroactiveRun(run) => Some(run),
            RevisionCause::Reversal(_) | RevisionCause::LaterInRun(_) => None,
        }
    }

    /// The number of entries that follow it in its commit: of a reversal, the revisions and the correction; of the first
    /// revision of a retroactive run, the others.
    pub fn following_in_commit(&self) -> usize {
        let of_reversal = |reversed: &Reversal| reversed.revisions.len() + usize::from(reversed.correction.is_some());
        let of_run = |run: &RetroactiveRun| run.revisions().count().saturating_sub(1);
        self.as_reversal().map(of_reversal).or_else(|| self.retroactive_run().map(of_run)).unwrap_or(0)
    }

    /// The account that it changed; a fence changes none.
    pub fn account(&self) -> Option<&AccountKey> {
        self.split()
            .map(|split| &split.circumstances.account)
            .or_else(|| self.as_reversal().map(|reversal| &reversal.account))
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
