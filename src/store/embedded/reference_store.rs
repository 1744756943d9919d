//! Reference tables and policies of a store in a directory: rows of the database, read in snapshots and written by the
//! thread of the reference tables.

use tokio::sync::oneshot;

use super::EmbeddedStore;
use super::job::PreparedCommit;
use super::redb_table::{RedbTable, TableRow};
use super::reference;
use super::write_queue::WriteJob;
use crate::domain::ids::{Digest, PersonId};
use crate::journal::record;
use crate::reference::person::PersonRecord;
use crate::store::external_sort::ExternalSort;
use crate::store::imports::{Import, ImportEvent};
use crate::store::keys::StoreKey;
use crate::store::rows::PolicyText;
use crate::store::{KeyedPerson, PolicyStore, ReferenceRead, ReferenceStore, ReferenceWrite, StoreError};

impl EmbeddedStore {
    /// Sends rows to the thread of the reference tables, which writes them even if the caller stops waiting.
    async fn write_rows(&self, rows: Vec<TableRow>) -> Result<(), StoreError> {
        self.submit_rows(rows, None).await
    }

    /// The same with the record that holds the rows beside others.
    pub(super) async fn submit_rows(
        &self,
        rows: Vec<TableRow>,
        commit: Option<Box<PreparedCommit>>,
    ) -> Result<(), StoreError> {
        let (reply, outcome) = oneshot::channel();
        let ended = || StoreError::Unavailable("the thread of reference tables ended".to_owned());
        let job = WriteJob { rows, commit, reply, span: tracing::Span::current() };
        self.writes.as_ref().ok_or_else(ended)?.send(job).map_err(|_| ended())?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Unknown("the thread of reference tables ended".to_owned())))
    }
}

impl ReferenceStore for EmbeddedStore {
    async fn persons(&self, ids: &[PersonId]) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        let snapshot = self.tables.snapshot();
        let record = |id| snapshot.get(RedbTable::Persons, &self.secret.person(id));
        ids.iter().map(record).collect()
    }

    async fn persons_in_order(
        &self,
        persons: &[(StoreKey, PersonId)],
    ) -> Result<Vec<Option<PersonRecord>>, StoreError> {
        self.tables.snapshot().get_in_order(RedbTable::Persons, persons.iter().map(|(key, _)| &key[..]))
    }

    async fn person_records(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<KeyedPerson>, StoreError> {
        let after = after.as_ref().map_or(&[][..], |key| &key[..]);
        let rows = self.tables.snapshot().rows_after(RedbTable::Persons, after, limit)?;
        rows.into_iter()
            .map(|(key, row)| Ok((fixed_key(key)?, record::decode(&row).map_err(StoreError::from))))
            .collect()
    }

    fn external_sort(&self) -> ExternalSort {
        ExternalSort::new(self.secret.clone(), Some(self.path.clone()))
    }

    async fn read_hospitals_and_catalogue(&self) -> Result<ReferenceRead, StoreError> {
        reference::read(&self.tables.snapshot())
    }

    async fn write_reference(&self, import: u64, part: u32, write: ReferenceWrite) -> Result<(), StoreError> {
        let rows = reference::rows(import, part, write);
        self.write_rows(rows).await
    }

    async fn log_import(&self, number: u64, event: ImportEvent) -> Result<(), StoreError> {
        let rows = vec![reference::event_row(number, event)];
        self.write_rows(rows).await
    }

    async fn imports(&self, before: u64, limit: usize) -> Result<Vec<Import>, StoreError> {
        reference::imports(&self.tables.snapshot(), before, limit)
    }
}

impl PolicyStore for EmbeddedStore {
    async fn put_policy(&self, digest: Digest, canonical: String) -> Result<(), StoreError> {
        let (key, value) = (digest.0.to_vec(), record::encode(&PolicyText(canonical)));
        self.write_rows(vec![TableRow { table: RedbTable::Policies, key, value }]).await
    }

    async fn policy(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        Ok(self.tables.snapshot().get(RedbTable::Policies, &digest.0)?.map(|PolicyText(text)| text))
    }

    async fn policy_digests(&self) -> Result<Vec<Digest>, StoreError> {
        let rows = self.tables.snapshot().rows_after(RedbTable::Policies, &[], usize::MAX)?;
        rows.into_iter().map(|(key, _)| Ok(Digest(fixed_key(key)?))).collect()
    }
}

/// A key as an array of its fixed length.
fn fixed_key<const N: usize>(key: Vec<u8>) -> Result<[u8; N], StoreError> {
    key.try_into().map_err(|_| StoreError::Damaged("a key has a wrong length".to_owned()))
}
