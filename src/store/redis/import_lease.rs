//! The import lease: one instance imports at a time, since two that read, change and write the same rows would lose
//! changes.
//!
//! It is a key that expires unless its holder renews it: the lease of an instance that died blocks the others for a
//! minute at most.

use std::sync::{Mutex, PoisonError};

use redis::{cmd, from_redis_value};

use super::call_error::CallError;
use super::keys::{RedisKeys, common_shard};
use super::reply::{bytes, unexpected_reply};
use super::servers::Servers;
use crate::store::StoreError;

/// The time to live of the lease, in milliseconds.
const TTL: u64 = 60_000;

/// The name of the lease's key.
const KEY: &str = "import-lease";

/// The token of the lease that this instance holds, if any.
#[derive(Default)]
pub struct RedisImportLease(Mutex<Option<String>>);

impl RedisImportLease {
    /// Acquires the lease; returns the version of the tables.
    ///
    /// # Errors
    /// `ImportLeaseHeld` if another instance holds it.
    pub async fn acquire(&self, servers: &Servers, names: &RedisKeys) -> Result<u64, StoreError> {
        let token = uuid::Uuid::now_v7().to_string();
        let mut command = cmd("SET");
        command.arg(names.common_key(KEY)).arg(&token).arg("NX").arg("GET").arg("PX").arg(TTL);
        let held = bytes(servers.write(common_shard(), command).await.map_err(CallError::into_read_error)?)?;
        if held.is_some_and(|held| held != token.as_bytes()) {
            return Err(StoreError::ImportLeaseHeld);
        }
        *self.token() = Some(token);
        let mut command = cmd("HGET");
        command.arg(names.common_key("shared")).arg("tables");
        let version = servers.read(common_shard(), command).await.map_err(CallError::into_read_error)?;
        let version: Option<u64> =
            from_redis_value(version).map_err(|_| unexpected_reply("the version of the tables"))?;
        Ok(version.unwrap_or(0))
    }

    /// Renews the lease; does nothing if this instance holds none.
    ///
    /// # Errors
    /// If it expired and another instance holds it.
    pub async fn renew(&self, servers: &Servers, names: &RedisKeys) -> Result<(), StoreError> {
        let Some(token) = self.token().clone() else { return Ok(()) };
        let mut command = cmd("GETEX");
        command.arg(names.common_key(KEY)).arg("PX").arg(TTL);
        let held = bytes(servers.write(common_shard(), command).await.map_err(CallError::into_read_error)?)?;
        if held.as_deref() == Some(token.as_bytes()) {
            return Ok(());
        }
        Err(StoreError::Unavailable("the import lease expired, and another instance may hold it".to_owned()))
    }

    /// Releases the lease.
    pub async fn release(&self, servers: &Servers, names: &RedisKeys) {
        if self.renew(servers, names).await.is_err() {
            return;
        }
        *self.token() = None;
        let mut command = cmd("DEL");
        command.arg(names.common_key(KEY));
        if let Err(error) = servers.write(common_shard(), command).await {
            tracing::warn!(?error, "the import lease was not released; it expires");
        }
    }

    fn token(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
