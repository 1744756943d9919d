//! The import lease: one instance imports at a time, since two that read, change and write the same rows would lose
//! changes.
//!
//! It is a key that expires unless its holder renews it: the lease of an instance that died blocks the others for a
//! minute at most.

use std::sync::{Mutex, PoisonError};

use redis::{Value, cmd, from_redis_value};

use super::call_error::CallError;
use super::keys::{RedisKeys, common_shard};
use super::reply::unexpected_reply;
use super::servers::Servers;
use super::shard_write::ShardWrite;
use crate::store::StoreError;

/// The time to live of the lease, in milliseconds.
const TTL: &[u8] = b"60000";

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
        let held = self.write(servers, names, "SET", &[token.as_bytes(), b"NX", b"GET", b"PX", TTL]).await?;
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
        let held = self.write(servers, names, "GETEX", &[b"PX", TTL]).await?;
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
        if let Err(error) = self.write(servers, names, "DEL", &[]).await {
            tracing::warn!(?error, "the import lease was not released; it expires");
        }
    }

    /// Executes a command on the key of the lease; returns the token that its reply holds, if any.
    async fn write(
        &self,
        servers: &Servers,
        names: &RedisKeys,
        command: &str,
        arguments: &[&[u8]],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut write = ShardWrite::new(names, common_shard());
        write.add(command, names.common_key(KEY), arguments);
        match write.run(servers).await.map_err(CallError::into_read_error)??.pop() {
            Some(Value::BulkString(token)) => Ok(Some(token)),
            _ => Ok(None),
        }
    }

    fn token(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
