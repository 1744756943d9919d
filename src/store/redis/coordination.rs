//! Coordination of the instances over one Redis: the monitor of its servers, and the import lease.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::import_lease::RedisImportLease;
use super::keys::RedisKeys;
use super::monitor::Monitor;
use super::servers::Servers;
use crate::domain::ids::Digest;
use crate::store::StoreError;
use crate::store::coordination::{BookAnnouncement, Coordination, Readiness, SharedVersions};

/// The coordination of this instance with the others over the same Redis.
pub struct RedisCoordination {
    monitor: Arc<Monitor>,
    task: JoinHandle<()>,
    lease: Arc<RedisImportLease>,
}

impl RedisCoordination {
    /// Inspects the servers once, then keeps monitoring them in a task that ends with this value.
    ///
    /// # Errors
    /// If the shared state cannot be read.
    pub async fn start(servers: Arc<Servers>, names: RedisKeys) -> Result<RedisCoordination, StoreError> {
        let monitor = Arc::new(Monitor::start(Arc::clone(&servers), names.clone()).await?);
        let task = tokio::spawn(Arc::clone(&monitor).run());
        Ok(RedisCoordination { monitor, task, lease: Arc::new(RedisImportLease::new(servers, names)) })
    }

    /// Refuses commits while this instance applies another book of policies than the announced one.
    ///
    /// # Errors
    /// `AnotherBook`.
    pub fn check_book(&self) -> Result<(), StoreError> {
        self.monitor.check_book()
    }

    /// The import lease.
    pub fn import_lease(&self) -> &RedisImportLease {
        &self.lease
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
        self.lease.acquire().await.map(Some)
    }

    async fn keep_import_lease(&self) -> StoreError {
        // A task of its own, which goes on while the import computes; dropping the set ends it.
        let (lease, mut keeping) = (Arc::clone(&self.lease), JoinSet::new());
        keeping.spawn(async move { lease.keep().await });
        match keeping.join_next().await {
            Some(Ok(lost)) => lost,
            _ => StoreError::Unavailable("the task that renews the import lease ended".to_owned()),
        }
    }

    async fn release_import_lease(&self) {
        self.lease.release().await;
    }
}
