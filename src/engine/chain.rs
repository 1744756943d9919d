//! Reading of a whole chain: every record is checked against the digest that the next entry carries, and the last one
//! against the person's state.

use crate::domain::ids::{Digest, EntryId};
use crate::domain::journal::Entry;
use crate::store::rows::PersonState;
use crate::store::{JournalStore, StoreError, codec};

/// A finding of an audit: an entry and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}: {message}")]
pub struct AuditFinding {
    /// The entry.
    pub entry: EntryId,
    /// What is wrong, after the word "entry".
    pub message: String,
}

/// An entry with its record.
#[derive(Debug)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// Its bytes as committed.
    pub record: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
}

impl AuditFinding {
    /// A finding at this entry.
    pub fn at(entry: EntryId, message: impl ToString) -> AuditFinding {
        AuditFinding { entry, message: message.to_string() }
    }

    /// A finding at the head of the chain.
    pub fn at_head(state: &PersonState, message: impl ToString) -> AuditFinding {
        AuditFinding::at(state.head.unwrap_or(EntryId([0; 16])), message)
    }
}

/// Reads the entries of a chain, oldest first, and checks every link.
///
/// # Errors
/// The last entry that is damaged, missing, or not the one that the next entry is chained to.
pub async fn read_chain<S: JournalStore>(store: &S, state: &PersonState) -> Result<Vec<StoredEntry>, AuditFinding> {
    let mut chain = Vec::new();
    let (mut next, mut chained, mut number) = (state.head, state.chained, state.version);
    while let Some(id) = next {
        let stored = read(store, id).await.map_err(|error| AuditFinding::at(id, error))?;
        let stored = stored.ok_or_else(|| AuditFinding::at(id, "is missing"))?;
        if stored.digest != chained {
            return Err(AuditFinding::at(id, "is not the record that the next entry is chained to"));
        }
        let link = stored.entry.link;
        if stored.entry.id != id || link.number != number || number == 0 {
            return Err(AuditFinding::at(id, "is at another position of the chain"));
        }
        (next, chained, number) = (link.previous, link.chained, number - 1);
        chain.push(stored);
    }
    if number != 0 || chained != Digest::default() {
        let entry = chain.last().map_or(EntryId([0; 16]), |stored| stored.entry.id);
        return Err(AuditFinding::at(entry, "is not the start of the chain, but nothing precedes it"));
    }
    chain.reverse();
    Ok(chain)
}

async fn read<S: JournalStore>(store: &S, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
    let Some(record) = store.record(id).await? else { return Ok(None) };
    let (entry, digest) = codec::decode_entry(&record)?;
    Ok(Some(StoredEntry { entry, record, digest }))
}
