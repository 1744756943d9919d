//! What a store reports of its work while it runs.

use std::time::Duration;

/// Receives what a store reports; it must return at once.
pub trait StoreObserver: Send + Sync + 'static {
    /// A batch of so many commits and other writes was synced to disk.
    fn synced(&self, writes: usize, took: Duration);
}
