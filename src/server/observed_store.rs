//! What a store reports, as metrics.

use std::sync::Arc;
use std::time::Duration;

use crate::store::observer::StoreObserver;
use crate::telemetry::Metrics;

/// Counts what a store reports.
pub(super) struct ObservedStore(pub(super) Arc<Metrics>);

impl StoreObserver for ObservedStore {
    fn synced(&self, writes: usize, took: Duration) {
        self.0.count_sync(writes, took);
    }
}
