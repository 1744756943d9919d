//! Readiness: reports whether the store accepts commits, and follows the policy book that another instance activated.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use crate::store::Store;
use crate::store::coordination::{Coordination, Readiness};
use crate::telemetry::Metrics;

use super::services::Services;
use crate::grpc::activation::Activation;

/// The health service name that is serving while the store could lose an acknowledged commit.
const VOLATILE_SERVICE: &str = "onestop.store/volatile";

/// The interval at which policy files that do not yet match the announced book are read again.
const BOOK_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Reports each change of the store's readiness to health and metrics. Once the server is stopping it stays not ready.
pub(super) async fn report<S: Store>(
    health: &HealthReporter,
    metrics: &Metrics,
    mut readiness: watch::Receiver<Readiness>,
    stopping: watch::Receiver<bool>,
) -> Infallible {
    loop {
        let now = readiness.borrow_and_update().clone();
        let (ready, volatile) = (!matches!(now, Readiness::NotReady(_)), matches!(now, Readiness::Volatile(_)));
        metrics.set_volatile(volatile);
        let status = if volatile { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(VOLATILE_SERVICE, status).await;
        if !*stopping.borrow() {
            metrics.set_ready(ready);
            if ready {
                Services::<S>::set_serving(health).await;
            } else {
                Services::<S>::set_not_serving(health).await;
            }
        }
        if readiness.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Reloads the policy files when another instance announced another book, and repeats until the files are that book.
/// Until then the store reports this instance as not ready.
pub(super) async fn follow_book<S: Store>(engine: &Engine<S>, activation: &Activation<S>) -> Infallible {
    let mut shared = engine.store().coordination().shared_state();
    loop {
        let announced = shared.borrow_and_update().book.filter(|book| *book != engine.book().digest());
        if let Some(book) = announced
            && activation.activate(false, &book.0).await.is_ok()
        {
            continue;
        }
        let changed = match announced {
            Some(_) => tokio::time::timeout(BOOK_RETRY_INTERVAL, shared.changed()).await.unwrap_or(Ok(())),
            None => shared.changed().await,
        };
        if changed.is_err() {
            return std::future::pending().await;
        }
    }
}
