//! A person's chain as the store has it, read whole: every record checked against the digest that the next entry
//! carries, and the last against the person's state.

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::Entry;
use crate::store::rows::PersonState;
use crate::store::{JournalStore, StoreError, codec};

/// What does not hold, and of which entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}: {told}")]
pub struct AuditFinding {
    /// The entry at which it was noticed.
    pub entry: EntryId,
    /// What does not hold.
    pub told: String,
}

/// An entry with its record.
#[derive(Debug)]
pub struct Stored {
    /// The entry.
    pub entry: Entry,
    /// Its bytes as committed.
    pub record: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

impl AuditFinding {
    /// At this entry.
    pub fn at(entry: EntryId, told: impl ToString) -> AuditFinding {
        AuditFinding { entry, told: told.to_string() }
    }

    /// At the end of the chain.
    pub fn at_head(state: &PersonState, told: impl ToString) -> AuditFinding {
        AuditFinding::at(state.head.unwrap_or(EntryId([0; 16])), told)
    }
}

/// The entries, oldest first, each the one that the next was chained to.
///
/// # Errors
/// The first entry from the end that is damaged, missing or another than the chain was continued from.
pub async fn walked<S: JournalStore>(store: &S, state: &PersonState) -> Result<Vec<Stored>, AuditFinding> {
    let mut chain = Vec::new();
    let (mut next, mut chained, mut number) = (state.head, state.chained, state.version);
    while let Some(id) = next {
        let stored = read(store, id).await.map_err(|error| AuditFinding::at(id, error))?;
        let stored = stored.ok_or_else(|| AuditFinding::at(id, "is not there"))?;
        if stored.digest != chained {
            return Err(AuditFinding::at(id, "is not what the chain was continued from"));
        }
        let link = stored.entry.link;
        if stored.entry.id != id || link.number != number || number == 0 {
            return Err(AuditFinding::at(id, "stands at another place of the chain"));
        }
        (next, chained, number) = (link.previous, link.chained, number - 1);
        chain.push(stored);
    }
    if number != 0 || chained != Digest::default() {
        let entry = chain.last().map_or(EntryId([0; 16]), |stored| stored.entry.id);
        return Err(AuditFinding::at(entry, "the chain does not begin where it should"));
    }
    chain.reverse();
    Ok(chain)
}

async fn read<S: JournalStore>(store: &S, id: EntryId) -> Result<Option<Stored>, StoreError> {
    let Some(record) = store.record(id).await? else { return Ok(None) };
    let (entry, digest) = codec::decode_entry(&record)?;
    Ok(Some(Stored { entry, record, digest }))
}
