//! A store in memory, without durability, for policy cases and property tests.
//!
//! It keeps encoded records as the durable stores do, so that reads decode the same bytes.

mod fingerprint;
mod journal_store;
mod tables;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::coordination::SingleInstance;
use super::external_sort::ExternalSort;
use super::import_parts::apply_parts;
use super::imports::{Import, ImportEnd, ImportEvent, ImportStart};
use super::keys::{Secret, StoreKey};
use super::{Keyed, KeyedPerson, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite, Store, StoreError};
use crate::domain::ids::{Digest, PersonId};
use crate::journal::record;
use crate::reference::person::PersonRecord;

use tables::MemoryTables;

/// A fixed secret: nothing is stored outside the process.
const SECRET: Secret = Secret([0; 32]);

/// A store that lives as long as the process.
#[derive(Default)]
pub struct MemoryStore {
    rows: Mutex<MemoryTables>,
    coordination: SingleInstance,
}

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, MemoryTables> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every record of the journal, in the order of ids.
    pub fn journal(&self) -> Vec<Vec<u8>> {
        self.rows().journal.values().cloned().collect()
    }
}

/// Up to `limit` rows with a key after `after`, in the order of keys.
fn page<T: Clone>(rows: &HashMap<PersonId, T>, after: Option<StoreKey>, limit: usize) -> Vec<Keyed<T>> {
    let mut keyed: Vec<_> = rows.iter().map(|(id, row)| (SECRET.person(id), row)).collect();
    keyed.retain(|(key, _)| after.is_none_or(|after| *key > after));
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().take(limit).map(|(key, row)| (key, Ok(row.clone()))).collect()
}

impl Store for MemoryStore {
    type Coordination = SingleInstance;

    fn coordination(&self) -> &SingleInstance {
        &self.coordination
    }
}

impl ReferenceStore for MemoryStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let rows = self.rows();
        Ok(ids.iter().map(|id| rows.persons.get(id).cloned()).collect())
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        Ok(page(&self.rows().persons, after, limit))
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(SECRET, None)
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        let rows = self.rows();
        let ended = |number: &u64| rows.imports.get(number).is_some_and(|(_, ended)| ended.is_some());
        let parts = rows.parts.iter().filter(|((number, _), _)| ended(number)).map(|(_, part)| part.clone());
        Ok(apply_parts(parts))
    }

    async fn write_reference(&self, import: u64, part: u32, mut write: ReferenceWrite) -> Result<(), StoreError> {
        let mut rows = self.rows();
        for person in std::mem::take(&mut write.persons) {
            rows.persons.insert(person.person_id, record::decode(&person.record)?);
        }
        rows.parts.insert((import, part), write.into());
        Ok(())
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), StoreError> {
        let mut rows = self.rows();
        let import = rows.imports.entry(number).or_default();
        match event {
            ImportEvent::Start(start) => import.0 = start,
            ImportEvent::End(end) => import.1 = Some(end),
        }
        Ok(())
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        let rows = self.rows();
        let imports = rows.imports.range(..before).rev().take(limit);
        let import = |(number, (start, end)): (&u64, &(ImportStart, Option<ImportEnd>))| Import {
            number: *number,
            start: start.clone(),
            end: end.clone(),
        };
        Ok(imports.map(import).collect())
    }
}

impl PolicyStore for MemoryStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        self.rows().policies.insert(digest, canonical);
        Ok(())
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        Ok(self.rows().policies.get(&digest).cloned())
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        Ok(self.rows().policies.keys().copied().collect())
    }
}
