//! A snapshot of the last durable state of the reference tables.

use std::sync::Arc;

use arc_swap::Guard;
use redb::ReadOnlyTable;

use super::cursor::{Bytes, Cursor};
use super::redb_panic::guarded_read;
use super::redb_table::RedbTable;
use crate::journal::{StoredForm, record};
use crate::store::StoreError;

/// A key, and a row as stored.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// A snapshot of the last durable state.
pub struct Snapshot(pub(super) Guard<Arc<Vec<ReadOnlyTable<Bytes, Bytes>>>>);

impl Snapshot {
    /// The decoded row under a key.
    pub fn get<T: StoredForm>(&self, table: RedbTable, key: &[u8]) -> Result<Option<T>, StoreError> {
        guarded_read(|| {
            let row = self.0[table as usize].get(key).map_err(unavailable)?;
            row.map(|row| Ok(record::decode(row.value())?)).transpose()
        })
    }

    /// The decoded rows under keys in ascending order.
    pub fn get_in_order<'k, T: StoredForm>(
        &self,
        table: RedbTable,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Vec<Option<T>>, StoreError> {
        guarded_read(|| {
            let mut cursor = Cursor::new(&self.0[table as usize]);
            keys.map(|key| {
                cursor.seek(key).map_err(unavailable)?.map(|row| Ok(record::decode(row.value())?)).transpose()
            })
            .collect()
        })
    }

    /// Up to `limit` rows from one key on and before another, with their keys.
    pub fn range<T: StoredForm>(
        &self,
        table: RedbTable,
        (from, until): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
        if until <= from {
            return Ok(Vec::new());
        }
        guarded_read(|| {
            let rows = self.0[table as usize].range(from..until).map_err(unavailable)?.take(limit);
            let decoded = rows.map(|row| {
                let (key, row) = row.map_err(unavailable)?;
                Ok((key.value().to_vec(), record::decode(row.value())?))
            });
            decoded.collect()
        })
    }

    /// Up to `limit` rows before a key, with their keys, last first.
    pub fn rows_before(&self, table: RedbTable, key: &[u8], limit: usize) -> Result<Vec<KeyValue>, StoreError> {
        guarded_read(|| {
            let rows = self.0[table as usize].range(&[][..]..key).map_err(unavailable)?.rev().take(limit);
            rows.map(|row| row.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(unavailable))
                .collect()
        })
    }

    /// Up to `limit` rows after a key, with their keys.
    pub fn rows_after(&self, table: RedbTable, key: &[u8], limit: usize) -> Result<Vec<KeyValue>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        guarded_read(|| {
            let rows =
                self.0[table as usize].range::<&[u8]>((Excluded(key), Unbounded)).map_err(unavailable)?.take(limit);
            rows.map(|row| row.map(|(key, row)| (key.value().to_vec(), row.value().to_vec())).map_err(unavailable))
                .collect()
        })
    }
}

/// The error of a failed read.
pub fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
