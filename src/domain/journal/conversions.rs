//! Entries of a known kind to entries of any kind, and back.

use crate::domain::ids::EntryId;

use super::{Entry, EntryKind, Reversal, Revision, Settlement};

/// An entry that is not of the kind that a row or a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry} is no {expected}")]
pub struct UnexpectedEntryKind {
    /// The entry.
    pub entry: EntryId,
    /// The kind that it should be of.
    pub expected: &'static str,
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
