//! The records of persons that an import changes, between the decision and the write, in bounded memory: rows beyond it go to
//! files as those of the import did.
//!
//! So all rows are decided, each once, before anything is written.

use super::error::StoreError;
use super::external_sort::{ExternalSort, decode_id, encode_id};
use super::keys::StoreKey;
use super::reference_store::EncodedPerson;
use super::sorted_runs::{RunSort, SortLimits, SortedRuns};

/// The limits of what an import changes.
const LIMITS: SortLimits = SortLimits { run_bytes: 16 << 20, file_bytes: 64 << 30 };

/// Changed records, in ascending order of their keys.
pub struct ChangedPersons(RunSort);

/// Changed records, read in the order in which they were added.
pub struct ChangedPersonsReader(SortedRuns);

impl ChangedPersons {
    /// None yet, with files where this sort has its own.
    pub fn new(sort: ExternalSort) -> ChangedPersons {
        ChangedPersons(sort.for_rows(LIMITS))
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If a file cannot be written, or there are too many.
    pub fn add(&mut self, person: &EncodedPerson) -> Result<(), StoreError> {
        self.0.add(person.key, |bytes| {
            encode_id(bytes, &person.person_id)?;
            bytes.extend_from_slice(&person.record);
            Ok(())
        })
    }

    /// Reads them all.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(self) -> Result<ChangedPersonsReader, StoreError> {
        Ok(ChangedPersonsReader(self.0.sorted()?))
    }
}

impl ChangedPersonsReader {
    /// The next `limit` records, fewer at the end; `None` when there are no more.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next_batch(&mut self, limit: usize) -> Result<Option<Vec<EncodedPerson>>, StoreError> {
        let mut batch = Vec::new();
        while batch.len() < limit {
            let Some(key) = self.0.peek_key() else { break };
            let Some(person) = self.0.next_row(|bytes| decode_person(key, bytes))? else { break };
            batch.push(person);
        }
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }
}

fn decode_person(key: StoreKey, bytes: &[u8]) -> Result<EncodedPerson, StoreError> {
    let (person_id, record) = decode_id(bytes)?;
    Ok(EncodedPerson { key, person_id, record: record.to_vec() })
}
