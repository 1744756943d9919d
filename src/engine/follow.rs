//! Following what other instances over the same store do: an import that ended anywhere holds everywhere.

use std::convert::Infallible;
use std::sync::PoisonError;
use std::time::Duration;

use crate::reference::lookup_tables::LookupTables;
use crate::store::coordination::Coordination;
use crate::store::{Store, StoreError};

use super::Engine;

/// Before tables that could not be read are asked for again.
const AGAIN: Duration = Duration::from_millis(500);

impl<S: Store> Engine<S> {
    /// Reads hospitals and catalogue again whenever another instance changed them; it never ends.
    pub async fn follow(&self) -> Infallible {
        let mut shared = self.store.coordination().shared_versions();
        loop {
            let version = shared.borrow_and_update().tables_version;
            if let Err(error) = self.read_tables(version).await {
                tracing::warn!(%error, "tables that another instance changed cannot be read yet");
                tokio::time::sleep(AGAIN).await;
            } else if shared.changed().await.is_err() {
                // A store that nobody else writes.
                return std::future::pending().await;
            }
        }
    }

    /// Reads the tables of this version, if those held are older.
    pub(super) async fn read_tables(&self, version: u64) -> Result<(), StoreError> {
        if *self.version.lock().unwrap_or_else(PoisonError::into_inner) < version {
            let read = self.store.read_hospitals_and_catalogue().await?;
            self.replace_tables(LookupTables::new(read.hospitals, read.catalogue), version);
        }
        Ok(())
    }

    /// Replaces the tables by these, unless newer ones came meanwhile.
    pub(super) fn replace_tables(&self, tables: LookupTables, version: u64) {
        let mut held = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        if *held < version {
            self.tables.store(tables.into());
            *held = version;
        }
    }
}
