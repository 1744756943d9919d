//! A store in memory that counts its writes, so that "a refusal writes nothing" can be asserted after every call. It
//! can also discard commits, so that one store serves any number of independent inputs.

use std::sync::atomic::{AtomicU64, Ordering};

use onestop::store::StoreError;

use crate::support::intercepted_store::{Intercept, InterceptedStore, Write};

/// The store.
pub type CountingStore = InterceptedStore<CountWrites>;

/// Counts writes, and may discard commits.
#[derive(Default)]
pub struct CountWrites {
    writes: AtomicU64,
    discards_commits: bool,
}

impl InterceptedStore<CountWrites> {
    /// A store that counts commits and keeps none.
    pub fn discarding_commits() -> CountingStore {
        InterceptedStore::new(CountWrites { discards_commits: true, ..CountWrites::default() })
    }

    /// The number of writes.
    pub fn writes(&self) -> u64 {
        self.intercept.writes.load(Ordering::Relaxed)
    }
}

impl Intercept for CountWrites {
    fn before_read(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn write(
        &self,
        kind: Write,
        work: impl Future<Output = Result<(), StoreError>> + Send,
    ) -> Result<(), StoreError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        if kind == Write::Commit && self.discards_commits { Ok(()) } else { work.await }
    }
}
