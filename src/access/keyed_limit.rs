//! A limit on how many of something each key holds at once: connections of a caller, handshakes of an address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by key, up to a limit that is the same for every key. A key that holds nothing takes no memory.
pub(crate) struct KeyedLimit<K> {
    held: Arc<Mutex<HashMap<K, usize>>>,
    limit: usize,
}

impl<K: Clone + Eq + Hash> KeyedLimit<K> {
    /// At most `limit` for each key.
    pub(crate) fn new(limit: usize) -> KeyedLimit<K> {
        KeyedLimit { held: Arc::default(), limit }
    }

    /// One more for this key, until the permit is dropped; `None` if the key holds as many as it may.
    pub(crate) fn try_acquire(&self, key: &K) -> Option<KeyedPermit<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(key).copied().unwrap_or_default();
        if count >= self.limit {
            return None;
        }
        held.insert(key.clone(), count + 1);
        Some(KeyedPermit { key: key.clone(), held: Arc::clone(&self.held) })
    }
}

/// One of what a key holds.
pub(crate) struct KeyedPermit<K: Eq + Hash> {
    key: K,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_holds_as_many_as_the_limit_and_a_dropped_permit_makes_room() {
        let limit = KeyedLimit::new(2);
        let held = [limit.try_acquire(&"a"), limit.try_acquire(&"a")];
        assert!(held.iter().all(Option::is_some) && limit.try_acquire(&"a").is_none());
        assert!(limit.try_acquire(&"b").is_some());
        drop(held);
        assert!(limit.try_acquire(&"a").is_some());
        assert!(limit.held.lock().expect("the lock").is_empty());
    }
}
