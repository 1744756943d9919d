//! Telling health whether the store takes commits, and following the book that another instance put in force.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use crate::store::Store;
use crate::store::readiness::Readiness;
use crate::telemetry::Metrics;

use super::activation::Activation;
use super::services::Services;

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
        let ready = !matches!(*readiness.borrow_and_update(), Readiness::NotReady(_));
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
    let mut shared = engine.store().shared();
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
