//! The turn to import, which one instance has at a time: what is read, changed and written again by two would be lost
//! by one of them.
//!
//! It is a key that passes away unless whoever has the turn keeps it; an instance that ended holds up the others for a
//! minute at most.

use std::sync::{Mutex, PoisonError};

use redis::{cmd, from_redis_value};

use super::failure::Failed;
use super::keys::{RedisKeys, common};
use super::reply::{bytes, unreadable};
use super::servers::Servers;
use crate::store::StoreError;

/// How long a turn lasts that nobody keeps, in milliseconds.
const LASTS: u64 = 60_000;

/// The turn that this instance has, if it has one.
#[derive(Default)]
pub struct RedisImportLease(Mutex<Option<String>>);

impl RedisImportLease {
    /// Takes the turn; gives the version of the tables.
    ///
    /// # Errors
    /// `ImportLeaseHeld` if another instance has it.
    pub async fn begin(&self, servers: &Servers, names: &RedisKeys) -> Result<u64, StoreError> {
        let token = uuid::Uuid::now_v7().to_string();
        let mut command = cmd("SET");
        command.arg(names.common("turn")).arg(&token).arg("NX").arg("GET").arg("PX").arg(LASTS);
        let held = bytes(servers.write(common(), command).await.map_err(Failed::of_read)?)?;
        if held.is_some_and(|held| held != token.as_bytes()) {
            return Err(StoreError::ImportLeaseHeld);
        }
        *self.token() = Some(token);
        let mut command = cmd("HGET");
        command.arg(names.common("shared")).arg("tables");
        let version = servers.read(common(), command).await.map_err(Failed::of_read)?;
        let version: Option<u64> = from_redis_value(version).map_err(|_| unreadable("the version of the tables"))?;
        Ok(version.unwrap_or(0))
    }

    /// Keeps the turn for as long again; whoever has none is let through.
    ///
    /// # Errors
    /// If it passed to another.
    pub async fn keep(&self, servers: &Servers, names: &RedisKeys) -> Result<(), StoreError> {
        let Some(token) = self.token().clone() else { return Ok(()) };
        let mut command = cmd("GETEX");
        command.arg(names.common("turn")).arg("PX").arg(LASTS);
        let held = bytes(servers.write(common(), command).await.map_err(Failed::of_read)?)?;
        if held.as_deref() == Some(token.as_bytes()) {
            return Ok(());
        }
        Err(StoreError::Unavailable("the turn to import passed to another instance".to_owned()))
    }

    /// Gives the turn back.
    pub async fn end(&self, servers: &Servers, names: &RedisKeys) {
        if self.keep(servers, names).await.is_err() {
            return;
        }
        *self.token() = None;
        let mut command = cmd("DEL");
        command.arg(names.common("turn"));
        if let Err(failed) = servers.write(common(), command).await {
            tracing::warn!(?failed, "the turn to import was not given back; it passes by itself");
        }
    }

    fn token(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
