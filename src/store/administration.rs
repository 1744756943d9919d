//! The chain of the administration: what one commit of it writes, and where it ends.

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::{AdministrationAct, AdministrationEntry, Instant, Link};
use crate::domain::month::ClosedMonths;
use crate::journal::encode_administration;

use super::commit::{CommitOrigin, Notice};
use super::imports::ImportEnd;

/// The end of the chain of the administration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdministrationState {
    /// The number of entries in the chain; 0 if there is none yet. It is the first field, so that a commit compares it
    /// without decoding the rest.
    pub version: u64,
    /// The last entry.
    pub head: Option<EntryId>,
    /// The digest of the last entry as stored.
    pub chained: Digest,
    /// The digest of the book in use: the one that was put in use last.
    pub book: Option<Digest>,
    /// The months that are closed.
    pub closed_months: ClosedMonths,
}

impl AdministrationState {
    /// The link of the next entry.
    pub fn next(&self) -> Link {
        Link { number: self.version + 1, previous: self.head, chained: self.chained }
    }

    /// Appends an entry to the chain, with the digest of its record.
    pub fn follow(&mut self, entry: &AdministrationEntry, chained: Digest) {
        (self.version, self.head, self.chained) = (entry.link.number, Some(entry.id), chained);
        match &entry.act {
            AdministrationAct::PolicyActivation(activation) => self.book = Some(activation.book),
            AdministrationAct::ImportEnd(_) => {}
            AdministrationAct::MonthClosing(closing) => self.closed_months.through = Some(closing.month),
        }
    }
}

/// Everything that one commit of the administration writes.
#[derive(Clone)]
pub struct AdministrationCommit {
    /// The id of the entry.
    pub id: EntryId,
    /// The record of the entry.
    pub record: Vec<u8>,
    /// The time of the commit.
    pub committed: Instant,
    /// Where it comes from.
    pub origin: CommitOrigin,
    /// The version that was read.
    pub expected: u64,
    /// The end of the chain after the entry.
    pub state: AdministrationState,
    /// The notice of the entry for the change feed.
    pub notice: Notice,
    /// What applies with the entry, beside the state.
    pub effect: AdministrationEffect,
}

/// What a commit of the administration makes apply, in the same write.
#[derive(Clone)]
pub enum AdministrationEffect {
    /// Nothing, of a copy: the rest of the copy makes it apply.
    None,
    /// This book is the one that all instances are to apply.
    Book(Digest),
    /// The import with this number ended: its rows apply.
    ImportEnd(u64, ImportEnd),
    /// These months are closed.
    ClosedMonths(ClosedMonths),
}

impl AdministrationCommit {
    /// A commit of this entry, which extends the chain as read.
    pub fn new(before: AdministrationState, entry: &AdministrationEntry) -> AdministrationCommit {
        let (record, digest) = encode_administration(entry);
        let (expected, mut state) = (before.version, before);
        state.follow(entry, digest);
        let (id, committed, notice) = (entry.id, entry.committed, Notice::from(&entry.act));
        let effect = AdministrationEffect::of(entry, state.closed_months);
        AdministrationCommit { id, record, committed, origin: CommitOrigin::Live, expected, state, notice, effect }
    }
}

impl AdministrationCommit {
    /// The same commit of a copy, in which only closed months apply with the entry.
    #[must_use]
    pub fn copied(self) -> AdministrationCommit {
        let effect = match self.effect {
            AdministrationEffect::ClosedMonths(months) => AdministrationEffect::ClosedMonths(months),
            _ => AdministrationEffect::None,
        };
        AdministrationCommit { origin: CommitOrigin::Copied, effect, ..self }
    }
}

impl AdministrationEffect {
    fn of(entry: &AdministrationEntry, closed_months: ClosedMonths) -> AdministrationEffect {
        match &entry.act {
            AdministrationAct::PolicyActivation(activation) => AdministrationEffect::Book(activation.book),
            AdministrationAct::ImportEnd(import) => {
                let (changed, unchanged) = (import.changed, import.unchanged);
                AdministrationEffect::ImportEnd(
                    import.number,
                    ImportEnd { instant: entry.committed, changed, unchanged },
                )
            }
            AdministrationAct::MonthClosing(_) => AdministrationEffect::ClosedMonths(closed_months),
        }
    }
}

impl From<&AdministrationAct> for Notice {
    fn from(act: &AdministrationAct) -> Notice {
        let kind = match act {
            AdministrationAct::PolicyActivation(_) => "activated",
            AdministrationAct::ImportEnd(_) => "imported",
            AdministrationAct::MonthClosing(_) => "closed",
        };
        Notice { kind, settlement: None }
    }
}
