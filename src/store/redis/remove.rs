//! Removal of a store: every key under its prefix, on every server.

use redis::cmd;
use tokio::time::Instant;

use super::attempts::deadline_in;
use super::call_error::{AttemptError, CallError};
use super::keys::{RedisKeys, common_shard};
use super::request::{Access, Request};
use super::scan::{self, Scan};
use super::server::Server;
use super::servers::Servers;
use crate::store::StoreError;

/// The number of keys that Redis examines for a page of the scan.
const KEYS_A_PAGE: usize = 1_000;

/// Removes all keys of the store and no others.
///
/// # Errors
/// If a server does not answer.
pub async fn remove_all_keys(servers: &Servers, names: &RedisKeys) -> Result<(), StoreError> {
    let pattern = format!("{}:{{*", scan::escaped(names.prefix()));
    let key = names.shard_key(common_shard(), "touched");
    for server in servers.all() {
        let timeout = servers.settings().timeout;
        let removed = remove_from(&server, (pattern.as_str(), key.as_slice()), || deadline_in(timeout)).await;
        removed.map_err(|error| CallError::NotExecuted(error.to_string()).into_read_error())?;
    }
    Ok(())
}

async fn remove_from(
    server: &Server,
    (pattern, key): (&str, &[u8]),
    deadline: impl Fn() -> Instant,
) -> Result<(), AttemptError> {
    let mut scan = Scan::new(pattern, key, KEYS_A_PAGE);
    while let Some(keys) = scan.next_page(server, deadline()).await? {
        // One by one, since a Cluster refuses a command with keys of several slots.
        for found in keys {
            let mut unlink = cmd("UNLINK");
            unlink.arg(found);
            server.send(&Request::Command(unlink).into(), (Access::Write, key), deadline()).await?;
        }
    }
    Ok(())
}
