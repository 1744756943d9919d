//! The body of an entry by its kind, for entries whose kind is known and for those whose kind is not.

use super::{EntryKind, Fence, Reversal, Revision, Settlement};

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
