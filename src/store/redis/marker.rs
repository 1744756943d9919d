//! The marker in every shard that identifies the store. A Redis that lost its data has lost the marker too, so that no
//! commit takes an empty shard for one in which nobody was ever settled. An instance with another secret, which would
//! find nothing by name, is refused.

use std::sync::Arc;

use redis::cmd;

use super::call_error::CallError;
use super::expected_marker::{get, value};
use super::keys::{RedisKeys, common_shard};
use super::open_error::OpenError;
use super::reply::bytes;
use super::servers::Servers;
use crate::store::StoreError;
use crate::store::shard::Shard;

/// The value in the common shard while the other shards are marked for the first time.
const MARKING: &[u8] = b"begun";

/// Verifies the markers of the store, or marks a Redis that holds nothing under its prefix.
///
/// # Errors
/// If it holds another store, or a part of this one.
pub async fn verify_or_create(servers: &Arc<Servers>, names: &RedisKeys) -> Result<(), OpenError> {
    let marker = value(names);
    let found = read(servers, names).await?;
    let common = common_shard().number() as usize;
    let others: Vec<_> = found.iter().enumerate().filter(|(at, _)| *at != common).collect();
    match &found[common] {
        Some(known) if *known == marker && others.iter().all(|(_, other)| other.as_deref() == Some(&marker)) => {
            return Ok(());
        }
        Some(known) if known == MARKING => {}
        None if others.iter().all(|(_, other)| other.is_none()) => {}
        Some(known) if *known != marker => {
            return Err(OpenError::AnotherStore(String::from_utf8_lossy(known).into_owned()));
        }
        _ => return Err(OpenError::Incomplete),
    }
    set(servers, names, common_shard(), MARKING).await?;
    for shard in Shard::all().filter(|shard| *shard != common_shard()) {
        set(servers, names, shard, &marker).await?;
    }
    set(servers, names, common_shard(), &marker).await
}

/// Whether a shard has the marker of this store.
///
/// # Errors
/// If its server does not answer.
pub async fn is_present(servers: &Servers, names: &RedisKeys, shard: Shard) -> Result<bool, StoreError> {
    let found = servers.read_unverified(shard, get(names, shard)).await.map_err(CallError::into_read_error)?;
    Ok(bytes(found)?.as_deref() == Some(&value(names)))
}

/// Verifies that every shard has the marker of this store.
///
/// # Errors
/// If one lost its data, or its server does not answer.
pub async fn verify_all(servers: &Servers, names: &RedisKeys) -> Result<(), StoreError> {
    servers.read_all(|shard| get(names, shard)).await.map(drop).map_err(CallError::into_read_error)
}

/// Whether any shard under the prefix has a marker.
///
/// # Errors
/// If a server does not answer.
pub async fn exists(servers: &Arc<Servers>, names: &RedisKeys) -> Result<bool, OpenError> {
    Ok(read(servers, names).await?.iter().any(Option::is_some))
}

async fn read(servers: &Arc<Servers>, names: &RedisKeys) -> Result<Vec<Option<Vec<u8>>>, OpenError> {
    let found = servers.read_all_unverified(|shard| get(names, shard)).await?;
    found.into_iter().map(|value| Ok(bytes(value)?)).collect()
}

async fn set(servers: &Servers, names: &RedisKeys, shard: Shard, marker: &[u8]) -> Result<(), OpenError> {
    let mut command = cmd("SET");
    command.arg(names.shard_key(shard, "store")).arg(marker);
    servers.write(shard, command).await?;
    Ok(())
}
