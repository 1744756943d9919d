//! The import lease: one instance imports at a time, since two that read, change and write the same rows would lose
//! changes.
//!
//! It is a key that expires unless its holder renews it: the lease of an instance that died blocks the others for as long
//! as it lasts. A lease that may be held without its reply is released as soon as Redis answers; its instance may replace it
//! before. Every write of an import is refused once its lease is lost: in the common shard by the token in that key, and in the
//! shards of persons, which may be on other servers, by the number of the newest lease, which each has before its holder reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tokio::time::{Instant, sleep};

use super::call_error::CallError;
use super::commit::check_status;
use super::keys::{RedisKeys, common_shard};
use super::reply::{bytes, number, strings, unexpected_reply};
use super::servers::Servers;
use super::{expected_marker, functions};
use crate::store::StoreError;
use crate::store::shard::Shard;

/// The name of the lease's key.
pub const KEY: &str = "import-lease";

/// The name of the key of a shard with the number of the newest lease.
const NUMBER: &str = "lease";

/// A lease is renewed this many times before it would expire.
const RENEWALS: u32 = 3;

/// The pause before a lease is released again where Redis did not answer.
const RELEASE_PAUSE: Duration = Duration::from_secs(1);

/// The import lease of a store, which this instance may hold.
pub struct RedisImportLease {
    servers: Arc<Servers>,
    names: RedisKeys,
    /// What the tokens of this instance begin with.
    instance: String,
    acquisitions: AtomicU64,
    held: Mutex<Option<HeldLease>>,
}

/// A lease that this instance acquired, and may have lost.
#[derive(Clone)]
pub struct HeldLease {
    /// The value of its key while it is held.
    pub token: String,
    number: u64,
}

impl HeldLease {
    /// The key of the common shard that has this value while the lease is held.
    pub fn in_common_shard(&self, names: &RedisKeys) -> (Vec<u8>, Vec<u8>) {
        (names.common_key(KEY), self.token.clone().into_bytes())
    }

    /// The key of a shard that has this value until a later lease is acquired.
    pub fn in_shard(&self, names: &RedisKeys, shard: Shard) -> (Vec<u8>, Vec<u8>) {
        (names.shard_key(shard, NUMBER), self.number.to_string().into_bytes())
    }
}

impl RedisImportLease {
    /// A lease that this instance does not hold.
    pub fn new(servers: Arc<Servers>, names: RedisKeys) -> RedisImportLease {
        let instance = format!("{} ", uuid::Uuid::now_v7());
        RedisImportLease { servers, names, instance, acquisitions: AtomicU64::default(), held: Mutex::default() }
    }

    /// The lease, from its acquisition to its release.
    pub fn held(&self) -> Option<HeldLease> {
        self.held_mut().clone()
    }

    /// Acquires the lease; returns the version of the tables. From then on, no shard takes rows under an earlier lease.
    ///
    /// # Errors
    /// `ImportLeaseHeld` if another instance holds it.
    pub async fn acquire(&self) -> Result<u64, StoreError> {
        let token = format!("{}{}", self.instance, self.acquisitions.fetch_add(1, Ordering::Relaxed));
        let command = self.acquire_command(&token, self.greatest_number().await?);
        let reply = self.servers.write(common_shard(), command).await;
        if matches!(reply, Err(CallError::Unknown(_))) {
            self.release_when_answered(token.clone());
        }
        let reply = reply.map_err(CallError::into_read_error)?;
        let mut words = strings(reply)?.into_iter();
        let status = words.next().flatten().ok_or_else(|| unexpected_reply("a lease"))?;
        if status == b"held" {
            return Err(StoreError::ImportLeaseHeld);
        }
        check_status(Value::BulkString(status), StoreError::Unavailable)?;
        let (lease, tables) = (number(words.next().flatten())?, number(words.next().flatten())?);
        *self.held_mut() = Some(HeldLease { token, number: lease });
        if let Err(error) = self.begin_in_every_shard(lease).await {
            self.release().await;
            return Err(error);
        }
        Ok(tables)
    }

    /// The greatest number of a lease that a shard has. The common shard has given it, unless its primary failed and the replica in
    /// its place lacks it.
    async fn greatest_number(&self) -> Result<u64, StoreError> {
        let get = |shard| {
            let mut command = cmd("GET");
            command.arg(self.names.shard_key(shard, NUMBER));
            command
        };
        let numbers = self.servers.read_all(get).await.map_err(CallError::into_read_error)?;
        let mut numbers = numbers.into_iter().map(|reply| number(bytes(reply)?));
        numbers.try_fold(0, |greatest, number| Ok(number?.max(greatest)))
    }

    fn acquire_command(&self, token: &str, floor: u64) -> Cmd {
        let keys = ["store", KEY, "shared"].map(|name| self.names.common_key(name));
        let mut command = functions::call(functions::ACQUIRE_LEASE, &keys);
        command.arg(expected_marker::value(&self.names)).arg(token).arg(self.milliseconds());
        command.arg(&self.instance).arg(floor);
        command
    }

    async fn begin_in_every_shard(&self, lease: u64) -> Result<(), StoreError> {
        let begin = |shard| {
            let keys = ["store", NUMBER].map(|name| self.names.shard_key(shard, name));
            let mut command = functions::call(functions::BEGIN_IMPORT, &keys);
            command.arg(expected_marker::value(&self.names)).arg(lease);
            command
        };
        let statuses = self.servers.write_all(begin).await.map_err(CallError::into_read_error)?;
        statuses.into_iter().try_for_each(|status| check_status(status, StoreError::Unavailable))
    }

    /// Renews the lease; does nothing if this instance holds none.
    ///
    /// # Errors
    /// `ImportLeaseLost` if it expired.
    pub async fn renew(&self) -> Result<(), StoreError> {
        let Some(lease) = self.held() else { return Ok(()) };
        let mut command = of_holder(functions::RENEW_LEASE, &self.names, &lease.token);
        command.arg(self.milliseconds());
        call_on_lease(&self.servers, command).await
    }

    /// Renews the lease in time, until it is lost; returns why.
    pub async fn keep(&self) -> StoreError {
        loop {
            sleep(self.servers.settings().import_lease / RENEWALS).await;
            match self.renew().await {
                Ok(()) => {}
                Err(StoreError::ImportLeaseLost) => return StoreError::ImportLeaseLost,
                // It is renewed again, and lost if it expires meanwhile.
                Err(error) => tracing::warn!(%error, "the import lease was not renewed"),
            }
        }
    }

    /// Releases the lease, unless it is lost; if Redis does not answer, as soon as it does.
    pub async fn release(&self) {
        let Some(HeldLease { token, .. }) = self.held_mut().take() else { return };
        if release(&self.servers, &self.names, &token).await.is_err() {
            self.release_when_answered(token);
        }
    }

    /// Releases the lease of this token, if it is held, as soon as Redis answers; or it expires.
    fn release_when_answered(&self, token: String) {
        let (servers, names) = (Arc::clone(&self.servers), self.names.clone());
        tokio::spawn(async move {
            let expires = Instant::now() + servers.settings().import_lease;
            while let Err(error) = release(&servers, &names, &token).await {
                if Instant::now() >= expires {
                    tracing::warn!(%error, "the import lease was not released; it expires");
                    return;
                }
                sleep(RELEASE_PAUSE).await;
            }
        });
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.servers.settings().import_lease.as_millis()).unwrap_or(u64::MAX)
    }

    fn held_mut(&self) -> std::sync::MutexGuard<'_, Option<HeldLease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Releases the lease of this token, unless it is lost.
async fn release(servers: &Servers, names: &RedisKeys, token: &str) -> Result<(), StoreError> {
    match call_on_lease(servers, of_holder(functions::RELEASE_LEASE, names, token)).await {
        Err(StoreError::ImportLeaseLost) => Ok(()),
        released => released,
    }
}

/// The call of a function of the holder of the lease of this token.
fn of_holder(function: &str, names: &RedisKeys, token: &str) -> Cmd {
    let keys = ["store", KEY].map(|name| names.common_key(name));
    let mut command = functions::call(function, &keys);
    command.arg(expected_marker::value(names)).arg(token);
    command
}

async fn call_on_lease(servers: &Servers, command: Cmd) -> Result<(), StoreError> {
    let status = servers.write(common_shard(), command).await.map_err(CallError::into_read_error)?;
    check_status(status, StoreError::Unavailable)
}
