//! Removing a store: every key under its prefix, on every server.

use redis::cmd;
use tokio::time::Instant;

use super::failure::{Failed, Failure};
use super::keys::{RedisKeys, common};
use super::link::{Access, Link, Question, within};
use super::scan::{self, Scan};
use super::servers::Servers;
use crate::store::StoreError;

/// The number of keys that Redis examines for a page of the scan.
const KEYS_A_PAGE: usize = 1_000;

/// Removes all keys of the store, and no other.
///
/// # Errors
/// If a server does not do it.
pub async fn everything(servers: &Servers, names: &RedisKeys) -> Result<(), StoreError> {
    let pattern = format!("{}:{{*", scan::escaped(names.prefix()));
    let key = names.of_shard(common(), "touched");
    for link in servers.all() {
        let patience = servers.settings().patience;
        let removed = of_server(&link, (pattern.as_str(), key.as_slice()), || within(patience)).await;
        removed.map_err(|failure| Failed::Undone(failure.to_string()).of_read())?;
    }
    Ok(())
}

async fn of_server(link: &Link, (pattern, key): (&str, &[u8]), deadline: impl Fn() -> Instant) -> Result<(), Failure> {
    let mut scan = Scan::new(pattern, key, KEYS_A_PAGE);
    while let Some(keys) = scan.next_page(link, deadline()).await? {
        // Of one slot each: a Cluster takes no others at once.
        for found in keys {
            let mut unlink = cmd("UNLINK");
            unlink.arg(found);
            link.send(&Question::One(unlink).into(), (Access::Write, key), deadline()).await?;
        }
    }
    Ok(())
}
