//! A store some of whose entries are in an archive, a store in a directory that was copied from it: the records of
//! closed years, which would fill the memory of a Redis for ever.
//!
//! An entry that the live store says is in the archive is read there; everything else is the live store's alone, and
//! nothing is ever written to the archive. A record from there is checked as any other: by its checksum, and by the
//! digest in the chain wherever the chain is walked. Which archive it must be the live store says when it is opened.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::embedded::EmbeddedStore;
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::keys::StoreKey;
use super::rows::ListPosition;
use super::{
    Commit, JournalStore, KeyedPerson, KeyedState, LookUp, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite,
    Scope, Store, StoreError,
};
use crate::domain::day::Day;
use crate::domain::ids::{Digest, EntryId, HospitalId, PersonId};
use crate::domain::journal::Entry;
use crate::reference::person::PersonRecord;

/// What tells an archive from others, and from older copies of its directory, which lack what was added since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The key of nobody, the empty id, which its secret alone gives.
    pub nobody: StoreKey,
    /// How many entries its journal has.
    pub entries: u64,
}

impl Identity {
    /// Of this store.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn of(archive: &EmbeddedStore) -> Result<Identity, StoreError> {
        Ok(Identity { nobody: archive.person_key(&PersonId::default()), entries: archive.entry_count().await? })
    }

    /// Whether it is this archive, or became more since.
    pub fn holds(&self, other: &Identity) -> bool {
        self.nobody == other.nobody && self.entries >= other.entries
    }
}

/// Which entries are not in a live store any more, and who has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Those of benefit years before this one.
    pub before: i32,
    /// The archive that has them.
    pub archive: Identity,
}

/// What became of an entry that was to be left to an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the archive from now on.
    Moved,
    /// It was before.
    MovedBefore,
    /// What is there is another record than the archive's, or none, and stays as it is.
    Differs,
}

/// A live store, with the archive of its closed years if it has one.
pub struct Archived<S> {
    live: S,
    archive: Option<Arc<EmbeddedStore>>,
}

impl<S: Store> Archived<S> {
    /// This store, with this archive.
    pub fn new(live: S, archive: Option<Arc<EmbeddedStore>>) -> Archived<S> {
        Archived { live, archive }
    }

    /// The live store.
    pub fn live(&self) -> &S {
        &self.live
    }
}

/// What the archive has of an entry that is said to be there.
fn there<T>(id: EntryId, found: Option<T>) -> Result<Option<T>, StoreError> {
    found.map(Some).ok_or(StoreError::Archived(id))
}

impl<S: Store> Store for Archived<S> {
    type Coordination = S::Coordination;

    fn coordination(&self) -> &S::Coordination {
        self.live.coordination()
    }
}

impl<S: Store> JournalStore for Archived<S> {
    fn person_key(&self, person_id: &PersonId) -> StoreKey {
        self.live.person_key(person_id)
    }

    async fn look_up(&self, scope: Scope<'_>) -> Result<LookUp, StoreError> {
        self.live.look_up(scope).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        match (self.live.entry(id).await, &self.archive) {
            (Err(StoreError::Archived(_)), Some(archive)) => there(id, archive.entry(id).await?),
            (found, _) => found,
        }
    }

    async fn record(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        match (self.live.record(id).await, &self.archive) {
            (Err(StoreError::Archived(_)), Some(archive)) => there(id, archive.record(id).await?),
            (found, _) => found,
        }
    }

    async fn states(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedState>, StoreError> {
        self.live.states(after, limit).await
    }

    async fn entry_count(&self) -> Result<u64, StoreError> {
        self.live.entry_count().await
    }

    async fn hospital_settlements(
        &self,
        hospital_id: &HospitalId,
        from: ListPosition,
        until: Day,
        limit: usize,
    ) -> Result<Vec<(ListPosition, EntryId)>, StoreError> {
        self.live.hospital_settlements(hospital_id, from, until, limit).await
    }

    async fn append_settlements(
        &self,
        hospital_id: &HospitalId,
        day: Day,
        settlements: Vec<EntryId>,
    ) -> Result<(), StoreError> {
        self.live.append_settlements(hospital_id, day, settlements).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.live.commit(commit).await
    }
}

impl<S: Store> ReferenceStore for Archived<S> {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.live.persons(ids).await
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        self.live.person_records(after, limit).await
    }

    fn external_sort(&self) -> ExternalSort {
        self.live.external_sort()
    }

    async fn read_reference(&self) -> Result<ReferenceRead, StoreError> {
        self.live.read_reference().await
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        self.live.write_reference(import, part, write).await
    }

    async fn log_import(&self, number: u64, note: ImportEvent) -> Result<(), StoreError> {
        self.live.log_import(number, note).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        self.live.imports(before, limit).await
    }
}

impl<S: Store> PolicyStore for Archived<S> {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.live.put_policy(digest, canonical).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        self.live.policy(digest).await
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        self.live.policy_digests().await
    }
}
