//! Telling health whether the store takes commits, and following the book that another instance put in force.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use crate::store::Store;
use crate::store::readiness::Readiness;

use super::activation::Activation;

/// Before files that are not yet those of the announced book are read again.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells health of these services, as often as it changes, whether the store takes commits.
pub async fn tell(health: HealthReporter, services: &[&str], mut readiness: watch::Receiver<Readiness>) -> Infallible {
    loop {
        let ready = !matches!(*readiness.borrow_and_update(), Readiness::NotReady(_));
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in services {
            health.set_service_status(*service, status).await;
        }
        if readiness.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Reads the files anew when another instance announced another book, and again until they are that one; the store
/// says meanwhile that this instance is not ready.
pub async fn follow_book<S: Store>(engine: Arc<Engine<S>>, activation: Arc<Activation<S>>) -> Infallible {
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
