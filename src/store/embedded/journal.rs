//! The journal as readers see it: keys lead through the index to records of the log.

use std::sync::Arc;

use super::commit_record::{CommitRows, entry_of};
use super::index::{Index, IndexError, Key, KeyRange, LogPosition, Moment, Row, Table};
use super::list_keys::{DayKey, number_of_key};
use super::log::{LogError, RecordPart, Segments};
use crate::domain::ids::EntryId;
use crate::store::keys::StoreKey;
use crate::store::{Keyed, StoreError};

/// The log and its index.
pub struct Journal {
    pub(super) segments: Arc<Segments>,
    index: Arc<Index>,
}

/// What was under a key at a moment.
#[derive(Clone, Copy)]
pub struct Seen {
    /// The key.
    pub key: Key,
    /// The position that it led to; `None` if there was none.
    pub position: Option<LogPosition>,
    /// When.
    pub moment: Moment,
}

/// A position in a list, and the row there.
pub type ListedRow = (u64, Vec<u8>);

impl Journal {
    /// A journal of these segments and their index.
    pub fn new(segments: Arc<Segments>, index: Arc<Index>) -> Journal {
        Journal { segments, index }
    }

    /// The positions of records under these keys, all at one durable moment.
    ///
    /// # Errors
    /// If the index cannot be read or is damaged.
    pub fn look_up<const N: usize>(&self, keys: [Key; N]) -> Result<[Option<LogPosition>; N], StoreError> {
        self.index.look_up(keys).map_err(index_error)
    }

    /// The same, with the moment at which they were read.
    ///
    /// # Errors
    /// As [`Journal::look_up`].
    pub fn look_up_at<const N: usize>(&self, keys: [Key; N]) -> Result<([Option<LogPosition>; N], Moment), StoreError> {
        self.index.look_up_at(keys).map_err(index_error)
    }

    /// The position under a key, as it is now.
    ///
    /// # Errors
    /// As [`Journal::look_up`].
    pub fn see(&self, key: Key) -> Result<Seen, StoreError> {
        let ([position], moment) = self.look_up_at([key])?;
        Ok(Seen { key, position, moment })
    }

    /// Whether nothing else is under a key than was seen. In most cases it is known from the newest rows alone, which are
    /// in memory.
    ///
    /// # Errors
    /// As [`Journal::look_up`].
    pub fn is_unchanged(&self, seen: &Seen) -> Result<bool, StoreError> {
        match self.index.has_changed_since(&seen.key, seen.moment) {
            Some(has_changed) => Ok(!has_changed),
            None => Ok(self.look_up([seen.key])? == [seen.position]),
        }
    }

    /// The rows of the commit at a position that a key led to.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn commit_at(&self, position: LogPosition) -> Result<CommitRows, StoreError> {
        let rows = self.segments.read(position, RecordPart::Rows).map_err(log_error)?;
        Ok(CommitRows::new(rows, position))
    }

    /// The record of an entry.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn entry(&self, id: EntryId) -> Result<Option<Vec<u8>>, StoreError> {
        let [position] = self.look_up([Key::entry(id.0)])?;
        let read = |position| {
            let entries = self.segments.read(position, RecordPart::Entries).map_err(log_error)?;
            Ok(entry_of(entries.bytes(), id, position)?.to_vec())
        };
        position.map(read).transpose()
    }

    /// Up to `limit` values of a table of persons after a key, in the order of keys. A damaged one fails alone.
    ///
    /// # Errors
    /// If the index cannot be read or is damaged.
    pub fn persons_after(&self, after: Option<StoreKey>, limit: usize) -> Result<Vec<Keyed<Vec<u8>>>, StoreError> {
        let range = after.map_or(KeyRange::all(Table::Person), |after| KeyRange::after(Key::person(after)));
        let rows = self.index.range(range, limit).map_err(index_error)?;
        let read = |Row { key, position }: Row| {
            let bytes = key.padded_bytes();
            let key = *bytes.first_chunk().unwrap_or(&StoreKey::default());
            let value = self.commit_at(position).and_then(|commit| Ok(commit.value(Table::Person, &key)?.to_vec()));
            (key, value)
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Up to `limit` rows of the lists of a hospital from one key on and before another, in the order of keys.
    ///
    /// # Errors
    /// If one cannot be read or is damaged.
    pub fn hospital_rows(&self, from: [u8; 28], end: [u8; 28], limit: usize) -> Result<Vec<ListedRow>, StoreError> {
        let range = KeyRange::new(Key::list_position(from), Key::list_position(end));
        let rows = self.index.range(range, limit).map_err(index_error)?;
        let read = |Row { key, position }: Row| {
            let key = key.padded_bytes();
            let number = number_of_key(&key[..28]);
            let day = *key.first_chunk::<20>().unwrap_or(&DayKey::default());
            Ok((number, self.commit_at(position)?.listed(&day, number)?.to_vec()))
        };
        rows.into_iter().map(read).collect()
    }

    /// The number of entries in the log.
    pub fn entry_count(&self) -> u64 {
        self.segments.entry_count()
    }

    /// The segments of the log.
    pub fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// The index.
    pub fn index(&self) -> &Arc<Index> {
        &self.index
    }
}

/// The error of a read through the index.
pub fn index_error(error: IndexError) -> StoreError {
    match error {
        IndexError::Damaged { .. } => StoreError::Damaged(error.to_string()),
        IndexError::File { .. } | IndexError::NoRoom { .. } | IndexError::ThreadPanicked { .. } => {
            StoreError::Unavailable(error.to_string())
        }
    }
}

/// The error of a read of the log, or of a record that it does not take.
pub fn log_error(error: LogError) -> StoreError {
    match error {
        LogError::Damaged { .. } | LogError::Missing(_) | LogError::NotCovered { .. } => {
            StoreError::Damaged(error.to_string())
        }
        LogError::RecordTooLong { bytes, limit } => StoreError::CommitTooLong { bytes, limit },
        LogError::File { .. } | LogError::Stopped(_) => StoreError::Unavailable(error.to_string()),
    }
}
