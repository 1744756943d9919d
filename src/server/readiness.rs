//! Readiness: reports whether the store accepts commits, and follows the policy book that another instance activated.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::engine::Engine;
use crate::store::Store;
use crate::store::coordination::{ComponentFailed, Coordination, Readiness};
use crate::telemetry::{LIFE, Metrics};

use super::services::Services;
use crate::grpc::activation::Activation;

/// The health service name that is serving while the store could lose an acknowledged commit.
const VOLATILE_SERVICE: &str = "onestop.store/volatile";

/// The interval at which policy files that do not yet match the announced book are read again.
const BOOK_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Why a server is not ready.
#[derive(Clone, Debug)]
pub(super) enum NotReady {
    /// The store does not take commits, or has not said yet that it does.
    Store(String),
    /// A component failed; the process ends.
    Failed(ComponentFailed),
    /// The server is stopping.
    Stopping,
}

impl NotReady {
    /// The word that stands for the reason.
    fn code(&self) -> &'static str {
        match self {
            NotReady::Store(_) => "STORE_NOT_READY",
            NotReady::Failed(_) => "COMPONENT_FAILED",
            NotReady::Stopping => "STOPPING",
        }
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Store(why) => write!(f, "{}: {why}", self.code()),
            NotReady::Failed(failed) => write!(f, "{}: {failed}", self.code()),
            NotReady::Stopping => write!(f, "{}: the server finishes the calls in flight", self.code()),
        }
    }
}

/// Whether a server is ready, and if not, why.
pub(super) struct ReadyState(ArcSwapOption<NotReady>);

impl Default for ReadyState {
    fn default() -> ReadyState {
        ReadyState(ArcSwapOption::from_pointee(NotReady::Store("the store was not asked yet".to_owned())))
    }
}

impl ReadyState {
    /// Why the server is not ready.
    pub(super) fn not_ready(&self) -> Option<Arc<NotReady>> {
        self.0.load_full()
    }
}

/// Reports readiness to the health service, the metrics and the operations listener.
pub(super) struct Reporter<'a> {
    pub(super) health: &'a HealthReporter,
    pub(super) metrics: &'a Metrics,
    pub(super) ready_state: &'a ReadyState,
}

impl Reporter<'_> {
    /// Reports each change of the store's readiness, until a component of it fails.
    pub(super) async fn report<S: Store>(&self, mut readiness: watch::Receiver<Readiness>) -> ComponentFailed {
        loop {
            let now = readiness.borrow_and_update().clone();
            let volatile = matches!(now, Readiness::Volatile(_));
            self.metrics.set_volatile(volatile);
            let status = if volatile { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.health.set_service_status(VOLATILE_SERVICE, status).await;
            match now {
                Readiness::Ready | Readiness::Volatile(_) => self.set_ready_state::<S>(None).await,
                Readiness::NotReady(why) => self.set_ready_state::<S>(Some(NotReady::Store(why))).await,
                Readiness::Failed(failed) => return failed,
            }
            if readiness.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Reports that the server is stopping, because a component failed or because it was asked to.
    pub(super) async fn report_stopping<S: Store>(&self, failed: Option<&ComponentFailed>) {
        if let Some(failed) = failed {
            tracing::error!(%failed, "a component failed: the server ends");
        }
        self.set_ready_state::<S>(Some(failed.cloned().map_or(NotReady::Stopping, NotReady::Failed))).await;
    }

    async fn set_ready_state<S: Store>(&self, not_ready: Option<NotReady>) {
        let ready = not_ready.is_none();
        let reason = not_ready.as_ref().map(ToString::to_string);
        let stops = matches!(not_ready, Some(NotReady::Stopping));
        let before = self.ready_state.0.swap(not_ready.map(Arc::new)).map(|before| before.to_string());
        if before != reason {
            match reason {
                None => tracing::info!(target: LIFE, "ready"),
                Some(reason) if stops => tracing::info!(target: LIFE, reason, "not ready"),
                Some(reason) => tracing::warn!(target: LIFE, reason, "not ready"),
            }
        }
        self.metrics.set_ready(ready);
        if ready {
            Services::<S>::set_serving(self.health).await;
        } else {
            Services::<S>::set_not_serving(self.health).await;
        }
    }
}

/// Reloads the policy files when another instance announced another book, and repeats until the files are that book.
/// Until then the store reports this instance as not ready.
pub(super) async fn follow_book<S: Store>(engine: &Engine<S>, activation: &Activation<S>) -> Infallible {
    let mut shared = engine.store().coordination().shared_versions();
    loop {
        let announced = shared.borrow_and_update().announced_book.filter(|book| *book != engine.book().digest());
        if let Some(book) = announced
            && activation.activate(false, &book.0, "").await.is_ok()
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
