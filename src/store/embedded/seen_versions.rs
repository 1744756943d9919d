//! The versions in the states of persons that were looked up last: a commit follows soon, and need not read the log again to
//! compare the version. What is at a position of the log never changes, so nothing here is ever outdated.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::index::LogPosition;
use crate::store::keys::StoreKey;

/// The versions that are kept; after as many look-ups without a commit all are forgotten.
const KEPT: usize = 4_096;

/// Versions by person and position of the record that holds the state.
#[derive(Default)]
pub struct SeenVersions(Mutex<Versions>);

type Versions = HashMap<(StoreKey, u64), u64, RandomState>;

impl SeenVersions {
    /// Notes the version of a person's state at a position, after the key there was compared.
    pub fn note(&self, person: StoreKey, position: LogPosition, version: u64) {
        let mut seen = self.lock();
        if seen.len() >= KEPT {
            seen.clear();
        }
        seen.insert((person, position.lsn), version);
    }

    /// The version of a person's state at a position, if it was looked up lately and no commit has asked for it.
    pub fn take(&self, person: StoreKey, position: LogPosition) -> Option<u64> {
        self.lock().remove(&(person, position.lsn))
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_once_and_few_are_kept() {
        let (seen, person) = (SeenVersions::default(), [1; 16]);
        let position = |lsn| LogPosition { lsn, length: 100 };
        seen.note(person, position(1), 7);
        assert_eq!(seen.take([2; 16], position(1)), None, "of another person");
        assert_eq!(seen.take(person, position(2)), None, "of another record");
        assert_eq!([seen.take(person, position(1)), seen.take(person, position(1))], [Some(7), None]);
        (0..10_000).for_each(|lsn| seen.note(person, position(lsn), lsn));
        assert!(seen.lock().len() <= KEPT);
        assert_eq!(seen.take(person, position(9_999)), Some(9_999));
    }
}
