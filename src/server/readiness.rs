//! Telling health whether the store takes commits, and following the book that another instance put in force.

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

/// Under which name health serves while the store could lose what was acknowledged.
const VOLATILE: &str = "onestop.store/volatile";

/// Before files that are not yet those of the announced book are read again.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells health and metrics, as often as it changes, whether the store takes commits; until the server stops, which is
/// told elsewhere.
pub async fn tell<S: Store>(
    health: &HealthReporter,
    metrics: &Metrics,
    mut readiness: watch::Receiver<Readiness>,
    stopping: watch::Receiver<bool>,
) -> Infallible {
    loop {
        let now = readiness.borrow_and_update().clone();
        let (ready, volatile) = (!matches!(now, Readiness::NotReady(_)), matches!(now, Readiness::Volatile(_)));
        metrics.set_volatile(volatile);
        let of_volatile = if volatile { ServingStatus::Serving } else { ServingStatus::NotServing };
        health.set_service_status(VOLATILE, of_volatile).await;
        if !*stopping.borrow() {
            metrics.set_ready(ready);
            if ready {
                Services::<S>::say_serving(health).await;
            } else {
                Services::<S>::say_not_serving(health).await;
            }
        }
        if readiness.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Reads the files anew when another instance announced another book, and again until they are that one; the store
/// says meanwhile that this instance is not ready.
pub async fn follow_book<S: Store>(engine: &Engine<S>, activation: &Activation<S>) -> Infallible {
    let mut shared = engine.store().coordination().shared_state();
    loop {
        let announced = shared.borrow_and_update().book.filter(|book| *book != engine.book().digest());
        if let Some(book) = announced
            && activation.activate(false, &book.0).await.is_ok()
        {
            continue;
        }
        let changed = match announced {
            Some(_) => tokio::time::timeout(AGAIN, shared.changed()).await.unwrap_or(Ok(())),
            None => shared.changed().await,
        };
        if changed.is_err() {
            return std::future::pending().await;
        }
    }
}
