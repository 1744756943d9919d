//! The reference tables of a store.

use std::future::Future;

use super::error::StoreError;
use super::external_sort::ExternalSort;
use super::imports::{Import, ImportEvent};
use super::journal_store::Keyed;
use super::keys::StoreKey;
use crate::domain::ids::{HospitalId, PersonId};
use crate::journal::record;
use crate::reference::catalogue::CatalogueRow;
use crate::reference::hospital::HospitalRecord;
use crate::reference::person::PersonRecord;

/// A person's reference record by key.
pub type KeyedPerson = Keyed<PersonRecord>;

/// The whole record of a person, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPerson {
    /// The key under which the store keeps the person.
    pub key: StoreKey,
    /// The person.
    pub person_id: PersonId,
    /// The encoded record.
    pub record: Vec<u8>,
}

impl EncodedPerson {
    /// The encoded record of a person whom the store keeps under this key.
    pub fn new(key: StoreKey, record: &PersonRecord) -> EncodedPerson {
        EncodedPerson { key, person_id: record.id().clone(), record: record::encode(record) }
    }
}

/// Rows of reference tables that are written in one step.
#[derive(Clone, Default)]
pub struct ReferenceWrite {
    /// Whole records of persons.
    pub persons: Vec<EncodedPerson>,
    /// Whole records of hospitals.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// Rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

/// The reference tables that an engine holds in memory.
#[derive(Default)]
pub struct ReferenceRead {
    /// All hospitals.
    pub hospitals: Vec<(HospitalId, HospitalRecord)>,
    /// All rows of the catalogue.
    pub catalogue: Vec<CatalogueRow>,
}

/// The reference tables (persons, hospitals, catalogue) and the log of their imports.
pub trait ReferenceStore: Send + Sync + 'static {
    /// The reference records of these persons, in the order of `ids`.
    fn persons(&self, ids: &[PersonId]) -> impl Future<Output = Result<Vec<Option<PersonRecord>>, StoreError>> + Send;

    /// The reference records of these persons, which are in ascending order of their keys in this store.
    fn persons_in_order(
        &self,
        persons: &[(StoreKey, PersonId)],
    ) -> impl Future<Output = Result<Vec<Option<PersonRecord>>, StoreError>> + Send {
        async move {
            let ids: Vec<_> = persons.iter().map(|(_, id)| id.clone()).collect();
            self.persons(&ids).await
        }
    }

    /// Up to `limit` reference records of persons with a key after `after`, in the order of keys. A damaged record
    /// fails alone. Without `after` a walk begins; records of persons who came after the last one began may be left out.
    fn person_records(
        &self,
        after: Option<StoreKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyedPerson>, StoreError>> + Send;

    /// An empty external sort that orders the persons of an import by this store's keys.
    fn external_sort(&self) -> ExternalSort;

    /// Hospitals and catalogue as of all completed imports.
    fn read_hospitals_and_catalogue(&self) -> impl Future<Output = Result<ReferenceRead, StoreError>> + Send;

    /// Writes a part of an import; durable when it returns. Persons are visible at once, each whole, and some of them
    /// may be written if it fails; hospitals and catalogue become visible when the end of the import is logged.
    fn write_reference(
        &self,
        import: u64,
        part: u32,
        write: ReferenceWrite,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Logs the start or the end of an import; durable when it returns.
    fn log_import(&self, number: u64, event: ImportEvent) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Up to `limit` imports with a number before `before`, newest first.
    fn imports(&self, before: u64, limit: usize) -> impl Future<Output = Result<Vec<Import>, StoreError>> + Send;
}
