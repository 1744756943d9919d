//! What was under the keys that were looked up last: a commit follows soon, and need not look up again. Whether it is still
//! so is checked when the commit is written, so nothing here is ever outdated.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::index::Key;
use super::journal::Seen;

/// The rows that are kept; after as many look-ups without a commit all are forgotten.
const KEPT: usize = 4_096;

/// What was seen, by key.
#[derive(Default)]
pub struct SeenRows(Mutex<HashMap<Key, SeenRow, RandomState>>);

/// What was seen, and the version of the person's state that is there; 0 for none, and for the row of a claim.
pub type SeenRow = (Seen, u64);

impl SeenRows {
    /// Notes what was seen, after the key there was compared.
    pub fn note(&self, seen: Seen, version: u64) {
        let mut rows = self.lock();
        if rows.len() >= KEPT {
            rows.clear();
        }
        rows.insert(seen.key, (seen, version));
    }

    /// What was seen under a key, if it was looked up lately and no commit has asked for it.
    pub fn take(&self, key: &Key) -> Option<SeenRow> {
        self.lock().remove(key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, SeenRow, RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded::index::Moment;

    #[test]
    fn what_was_seen_is_known_once_and_little_is_kept() {
        let rows = SeenRows::default();
        let seen =
            |number: u128| Seen { key: Key::person(number.to_be_bytes()), position: None, moment: Moment::at(9) };
        rows.note(seen(1), 7);
        assert!(rows.take(&seen(2).key).is_none(), "of another person");
        assert_eq!(rows.take(&seen(1).key).map(|(_, version)| version), Some(7));
        assert!(rows.take(&seen(1).key).is_none());
        (0..10_000).for_each(|number| rows.note(seen(number), number as u64));
        assert!(rows.lock().len() <= KEPT);
        assert_eq!(rows.take(&seen(9_999).key).map(|(_, version)| version), Some(9_999));
    }
}
