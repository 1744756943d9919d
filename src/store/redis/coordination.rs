//! Coordination of the instances over one Redis: the monitor of its servers, and the import lease.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::import_lease::RedisImportLease;
use super::keys::RedisKeys;
use super::monitor::Monitor;
use super::servers::Servers;
use crate::domain::ids::Digest;
use crate::store::StoreError;
use crate::store::coordination::{BookAnnouncement, Coordination, Readiness, SharedVersions};

/// The coordination of this instance with the others over the same Redis.
pub struct RedisCoordination {
    servers: Arc<Servers>,
    names: RedisKeys,
    monitor: Arc<Monitor>,
    task: JoinHandle<()>,
    lease: RedisImportLease,
}

impl RedisCoordination {
    /// Inspects the servers once, then keeps monitoring them in a task that ends with this value.
    ///
    /// # Errors
    /// If the shared state cannot be read.
    pub async fn start(servers: Arc<Servers>, names: RedisKeys) -> Result<RedisCoordination, StoreError> {
        let monitor = Arc::new(Monitor::start(Arc::clone(&servers), names.clone()).await?);
        let task = tokio::spawn(Arc::clone(&monitor).run());
        Ok(RedisCoordination { servers, names, monitor, task, lease: RedisImportLease::default() })
    }

    /// Refuses commits while this instance applies another book of policies than the announced one.
    ///
    /// # Errors
    /// `AnotherBook`.
    pub fn check_book(&self) -> Result<(), StoreError> {
        self.monitor.check_book()
    }

    /// Renews the import lease if this instance holds one.
    ///
    /// # Errors
    /// If it expired and another instance holds it.
    pub async fn renew_import_lease(&self) -> Result<(), StoreError> {
        self.lease.renew(&self.servers, &self.names).await
    }
}

impl Drop for RedisCoordination {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Coordination for RedisCoordination {
    fn readiness(&self) -> watch::Receiver<Readiness> {
        self.monitor.readiness()
    }

    fn shared_versions(&self) -> watch::Receiver<SharedVersions> {
        self.monitor.shared_versions()
    }

    async fn announce_book(&self, book: Digest, announcement: BookAnnouncement) -> Result<(), StoreError> {
        self.monitor.announce(book, announcement).await
    }

    async fn acquire_import_lease(&self) -> Result<Option<u64>, StoreError> {
        self.lease.acquire(&self.servers, &self.names).await.map(Some)
    }

    async fn release_import_lease(&self) {
        self.lease.release(&self.servers, &self.names).await;
    }
}
