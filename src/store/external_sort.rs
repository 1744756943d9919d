//! External sort of the persons of an import by the store's keys, in bounded memory. Rows beyond the memory go to sorted
//! run files without a name in the store's directory, which end with the process.
//!
//! In this order all rows of a person come together, so that a person is written once and whole, and a B-tree fills its
//! pages one after the other.

use std::marker::PhantomData;
use std::path::PathBuf;

use prost::Message;

use super::error::StoreError;
use super::keys::{Secret, StoreKey};
use super::sorted_runs::{RunSort, SortLimits, SortedRuns, failed};
use crate::domain::ids::PersonId;
use crate::journal::{MessageWriter, StoredForm};
use crate::reference::person::{PersonPart, PersonRecord};

/// A row of an import about a person, with its number in the import.
pub type NumberedPart = (u64, PersonPart);

/// The limits of an import.
const LIMITS: SortLimits = SortLimits { run_bytes: 48 << 20, file_bytes: 64 << 30 };

/// Rows to sort.
pub struct ExternalSort<R = NumberedPart> {
    secret: Secret,
    runs: RunSort,
    rows: PhantomData<fn() -> R>,
}

/// A person with all their rows.
pub struct SortedPerson<R> {
    /// The key of the person in the store.
    pub key: StoreKey,
    /// The person.
    pub person_id: PersonId,
    /// The rows, in the order in which they were added.
    pub rows: Vec<R>,
}

/// Sorted rows, person by person.
pub struct Sorted<R = NumberedPart> {
    runs: SortedRuns,
    rows: PhantomData<fn() -> R>,
}

impl ExternalSort {
    /// An empty sort; without a directory all rows stay in memory.
    pub fn new(secret: Secret, directory: Option<PathBuf>) -> ExternalSort {
        ExternalSort { secret, runs: RunSort::new(directory, LIMITS), rows: PhantomData }
    }

    /// An empty sort in the same directory, for whole records of persons.
    pub fn for_records(self) -> ExternalSort<PersonRecord> {
        ExternalSort { secret: self.secret, runs: self.runs, rows: PhantomData }
    }

    /// An empty sort in the same directory, for other rows, with these limits.
    pub fn for_rows(self, limits: SortLimits) -> RunSort {
        RunSort::new(self.runs.into_directory(), limits)
    }
}

impl<R: StoredForm> ExternalSort<R> {
    /// Adds a row after those of the same person.
    ///
    /// # Errors
    /// If a file cannot be written, or the import is too large.
    pub fn add(&mut self, id: &PersonId, row: &R) -> Result<(), StoreError> {
        self.runs.add(self.secret.person(id), |bytes| encode_row(bytes, id, row))
    }

    /// Sorts the rows by person in the order of keys; the rows of a person keep the order in which they were added.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn sorted(self) -> Result<Sorted<R>, StoreError> {
        Ok(Sorted { runs: self.runs.sorted()?, rows: PhantomData })
    }
}

impl<R: StoredForm> Sorted<R> {
    /// The next `limit` persons with all their rows, fewer at the end; `None` when there are no more.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next_batch(&mut self, limit: usize) -> Result<Option<Vec<SortedPerson<R>>>, StoreError> {
        let mut batch = Vec::new();
        while batch.len() < limit {
            let Some(person) = self.next_person()? else { break };
            batch.push(person);
        }
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }

    /// The next person with all their rows.
    fn next_person(&mut self) -> Result<Option<SortedPerson<R>>, StoreError> {
        let Some(key) = self.runs.peek_key() else { return Ok(None) };
        let mut person: Option<SortedPerson<R>> = None;
        while self.runs.peek_key() == Some(key) {
            let Some((person_id, row)) = self.runs.next_row(decode_row)? else { break };
            person.get_or_insert_with(|| SortedPerson { key, person_id, rows: Vec::with_capacity(1) }).rows.push(row);
        }
        Ok(person)
    }
}

/// Appends the id and the message of a row.
fn encode_row(bytes: &mut Vec<u8>, id: &PersonId, row: &impl StoredForm) -> Result<(), StoreError> {
    encode_id(bytes, id)?;
    let mut writer = MessageWriter::after(std::mem::take(bytes));
    row.write(&mut writer);
    *bytes = writer.into_bytes();
    Ok(())
}

fn decode_row<R: StoredForm>(bytes: &[u8]) -> Result<(PersonId, R), StoreError> {
    let (id, row) = decode_id(bytes)?;
    Ok((id, R::from_message(R::Message::decode(row).map_err(failed)?).map_err(failed)?))
}

/// Appends the id of a person, the length of its text first.
pub(super) fn encode_id(bytes: &mut Vec<u8>, id: &PersonId) -> Result<(), StoreError> {
    let length = u16::try_from(id.as_str().len()).map_err(failed)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(id.as_str().as_bytes());
    Ok(())
}

/// The id of a person, and the bytes after it.
pub(super) fn decode_id(bytes: &[u8]) -> Result<(PersonId, &[u8]), StoreError> {
    let short = || failed("a row is too short");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(short)?;
    let (id, row) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).ok_or_else(short)?;
    Ok((PersonId::from_stored(std::str::from_utf8(id).map_err(failed)?).map_err(failed)?, row))
}
