//! Coordination between the instances that serve from one store: readiness, shared state, the announced book of
//! policies, and the import lease.

use std::future::Future;

use tokio::sync::watch;

use super::error::StoreError;
use crate::domain::ids::Digest;

/// Whether a store takes commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It takes commits and does not lose them.
    Ready,
    /// It takes commits but could lose them, which the operator accepted; the reason, for the operator.
    Volatile(String),
    /// It takes no commits; the reason, for the operator.
    NotReady(String),
    /// A component failed and does not come back: the process must be started again.
    Failed(ComponentFailed),
}

/// A component that failed and does not come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{component} failed: {why}")]
pub struct ComponentFailed {
    /// The component.
    pub component: &'static str,
    /// Why it failed, for the operator.
    pub why: String,
}

/// Publishes that a component failed if the thread or task that owns this value panics.
pub(crate) struct PanicReport {
    /// The component.
    pub(crate) component: &'static str,
    /// Where its failure is published.
    pub(crate) readiness: watch::Sender<Readiness>,
}

impl Drop for PanicReport {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failed = ComponentFailed { component: self.component, why: "it panicked".to_owned() };
            tracing::error!(component = self.component, "a component panicked");
            self.readiness.send_replace(Readiness::Failed(failed));
        }
    }
}

/// The versions of tables and book that all instances over one store share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedVersions {
    /// The version of hospitals and catalogue; it changes when an import completes.
    pub tables_version: u64,
    /// The book that all instances must apply, if one was announced.
    pub announced_book: Option<Digest>,
}

/// Why an instance announces its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookAnnouncement {
    /// The instance starts; a book that was announced before stays the announced one.
    Start,
    /// An operator activated the book; it replaces the announced one.
    Activate,
}

/// Coordination of an instance with the others over the same store.
pub trait Coordination: Send + Sync + 'static {
    /// Whether the store takes commits, as it changes.
    fn readiness(&self) -> watch::Receiver<Readiness>;

    /// The shared versions, as they change.
    fn shared_versions(&self) -> watch::Receiver<SharedVersions>;

    /// Announces the book that this instance applies. An instance with another book than the announced one is not
    /// ready.
    fn announce_book(
        &self,
        book: Digest,
        announcement: BookAnnouncement,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Acquires the import lease, which one instance holds at a time; returns the version of the tables if other
    /// instances import too. The lease expires unless it is kept; once it is lost, the store refuses what the import writes.
    ///
    /// # Errors
    /// `ImportLeaseHeld` if another instance holds it.
    fn acquire_import_lease(&self) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Keeps the import lease that was acquired until this future is dropped; it ends only if the lease is lost, and returns
    /// why.
    fn keep_import_lease(&self) -> impl Future<Output = StoreError> + Send;

    /// Releases the import lease.
    fn release_import_lease(&self) -> impl Future<Output = ()> + Send;
}

/// The coordination of a store that only one instance opens: there is nobody to coordinate with.
#[derive(Clone)]
pub struct SingleInstance {
    readiness: watch::Sender<Readiness>,
    shared_versions: watch::Sender<SharedVersions>,
}

impl SingleInstance {
    /// A single instance with this readiness, which the sender's other owners may change.
    pub fn new(readiness: watch::Sender<Readiness>) -> SingleInstance {
        SingleInstance { readiness, shared_versions: watch::Sender::default() }
    }
}

impl Default for SingleInstance {
    /// An instance that is always ready.
    fn default() -> SingleInstance {
        SingleInstance::new(watch::Sender::new(Readiness::Ready))
    }
}

impl Coordination for SingleInstance {
    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.subscribe()
    }

    fn shared_versions(&self) -> watch::Receiver<SharedVersions> {
        self.shared_versions.subscribe()
    }

    async fn announce_book(&self, _book: Digest, _announcement: BookAnnouncement) -> Result<(), StoreError> {
        Ok(())
    }

    async fn acquire_import_lease(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn keep_import_lease(&self) -> StoreError {
        std::future::pending().await
    }

    async fn release_import_lease(&self) {}
}
