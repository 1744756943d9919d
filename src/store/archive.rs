//! Archives: stores that hold the entries of closed years, which would otherwise fill the memory of a live store.
//!
//! An archive is a whole copy of the live store. The live store records which archive it needs before the first entry
//! leaves, so that no instance opens it without that archive from then on.

use std::future::Future;

use super::error::StoreError;
use super::journal_store::JournalStore;
use crate::domain::ids::{EntryId, PersonId};

/// The purpose of the key that identifies an archive's secret.
const IDENTITY: &str = "onestop identity of an archive, version 1";

/// The identity of an archive, which tells it from other stores and from older copies of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveIdentity {
    /// The fingerprint of the archive's secret.
    pub secret_fingerprint: [u8; 32],
    /// The number of entries in its journal.
    pub entries: u64,
}

impl ArchiveIdentity {
    /// Reads the identity of a store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn read(archive: &impl JournalStore) -> Result<ArchiveIdentity, StoreError> {
        Ok(ArchiveIdentity {
            secret_fingerprint: archive.derived_key(IDENTITY).0,
            entries: archive.entry_count().await?,
        })
    }

    /// Whether this is the `required` archive, perhaps with more entries.
    pub fn covers(&self, required: &ArchiveIdentity) -> bool {
        self.secret_fingerprint == required.secret_fingerprint && self.entries >= required.entries
    }
}

/// The years whose entries left a live store, and the archive that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchivedYears {
    /// Entries of benefit years before this one are archived.
    pub before: i32,
    /// The archive.
    pub archive: ArchiveIdentity,
}

/// The outcome of archiving one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveOutcome {
    /// The entry left the live store.
    Archived,
    /// The entry had left it before.
    AlreadyArchived,
    /// The live store holds another record than the archive, or none; it stays as it is.
    Differs,
}

/// A live store that can leave entries to an archive.
pub trait ArchivableStore: JournalStore {
    /// Records that entries of these years may be in this archive; durable when it returns. Years that were recorded
    /// before stay recorded.
    ///
    /// # Errors
    /// As [`JournalStore::commit`].
    fn require_archive(&self, years: ArchivedYears) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the records of a person's entries that are in the archive, each only if it is byte for byte the given
    /// record; returns the outcome of each.
    ///
    /// # Errors
    /// As [`JournalStore::commit`]; some records may have been removed.
    fn archive_entries(
        &self,
        person_id: &PersonId,
        entries: &[(EntryId, Vec<u8>)],
    ) -> impl Future<Output = Result<Vec<ArchiveOutcome>, StoreError>> + Send;
}
