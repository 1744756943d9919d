//! Whether a commit waits for the disk.

use super::log::Syncing;
use crate::store::coordination::Readiness;

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A commit is acknowledged once its bytes are synced.
    Synced,
    /// A commit is acknowledged once its bytes are handed to the operating system: a power failure may lose it.
    Volatile,
}

impl Durability {
    /// How the log is synced.
    pub(super) fn syncing(self) -> Syncing {
        match self {
            Durability::Synced => Syncing::Synced,
            Durability::Volatile => Syncing::Unsynced,
        }
    }

    /// The readiness of a store with this durability.
    pub fn readiness(self) -> Readiness {
        match self {
            Durability::Synced => Readiness::Ready,
            Durability::Volatile => Readiness::Volatile("answers do not wait for the disk".to_owned()),
        }
    }
}
