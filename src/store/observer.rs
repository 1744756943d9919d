//! What a store reports of its work while it runs.

use std::time::Duration;

/// Receives what a store reports; it must return at once.
pub trait StoreObserver: Send + Sync + 'static {
    /// A batch of so many commits and other writes was synced to disk.
    fn synced(&self, writes: usize, took: Duration);
}

/// What the index of a store has not written yet of its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointLag {
    /// The bytes of the log that the next opening replays.
    pub log_bytes: u64,
    /// How long a complete generation of the index has waited to be written; zero if none waits.
    pub waiting: Duration,
    /// Whether a file of the index cannot be read or written, or files are not merged for want of room. It is tried again.
    pub is_failing: bool,
}
