//! What the threads that write report: to an observer, and as a span that is linked to the calls that wait.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tracing::Span;

use crate::store::observer::StoreObserver;

/// The observer of a store, once there is one.
pub type ObserverCell = Arc<OnceLock<Arc<dyn StoreObserver>>>;

/// Runs the sync of a batch of writes in a span of its own, and reports it.
pub fn observed<T>(observer: &ObserverCell, calls: &[Span], sync: impl FnOnce() -> T) -> T {
    let (span, start) = (batch_span(calls), Instant::now());
    let done = span.in_scope(sync);
    if let Some(observer) = observer.get() {
        observer.synced(calls.len(), start.elapsed());
    }
    done
}

/// The span of a batch, linked to the calls that wait for it; none if none of them is traced.
fn batch_span(calls: &[Span]) -> Span {
    if calls.iter().all(Span::is_none) {
        return Span::none();
    }
    let span = tracing::debug_span!(parent: None, "sync", onestop.writes = calls.len() as u64);
    calls.iter().for_each(|call| {
        span.follows_from(call);
    });
    span
}
