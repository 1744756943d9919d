//! The end of what derived files cover: the last entry, by which the journal that they were derived from is known again.

use crate::domain::ids::{Digest, EntryId};
use crate::journal::decode_committed;
use crate::store::rows::CommitPosition;
use crate::store::{JournalStore, StoreError};

/// The last entry of those that were read, by which it is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEntry {
    /// The position after which it is the first entry.
    pub before: CommitPosition,
    /// Its position.
    pub position: CommitPosition,
    /// Its id.
    pub id: EntryId,
    /// The digest of its record.
    pub digest: Digest,
}

/// Whether an entry is in the journal of a store, at its position and with its digest.
///
/// # Errors
/// If the store cannot be read.
pub async fn is_in_journal<S: JournalStore>(store: &S, last: &LastEntry) -> Result<bool, StoreError> {
    match store.entries_after(last.before, 1).await {
        // In another journal no entry may begin there. Damage of this one is named where it is read from the start.
        Err(StoreError::UnknownPosition | StoreError::Damaged(_)) => Ok(false),
        Err(error) => Err(error),
        Ok(page) => Ok(page.entries.first().is_some_and(|found| {
            let digest = found.record.as_ref().map(|record| decode_committed(record));
            // A record in an archive that was not given is known by its id.
            let is_same = match digest {
                Ok(Ok((_, digest))) => digest == last.digest,
                Ok(Err(_)) => false,
                Err(_) => true,
            };
            (found.position, found.id) == (last.position, last.id) && is_same
        })),
    }
}
