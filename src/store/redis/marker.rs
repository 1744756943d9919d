//! The mark in every shard that says whose store this is. A Redis that lost its data has lost it too, so that no
//! commit takes an empty shard for one in which nobody was ever settled; and an instance with another secret, which would
//! find nothing by name, is refused.

use std::sync::Arc;

use redis::{Cmd, cmd};

use super::OpenError;
use super::failure::Failed;
use super::keys::{RedisKeys, common};
use super::reply::bytes;
use super::servers::Servers;
use crate::store::shard::Shard;

/// The format of a store on Redis that this release writes.
const FORMAT: u32 = 1;

/// Stands in the common shard while the others are marked for the first time.
const BEGUN: &[u8] = b"begun";

/// What a missing mark means.
pub const LOST: &str = "this Redis does not hold the store: its data is another's, or was lost";

/// The mark of this store: the format, and a keyed hash of a constant, which the secret alone gives.
pub fn of(names: &RedisKeys) -> Vec<u8> {
    let check = blake3::keyed_hash(&names.secret().0, b"the mark of a store");
    let hex = check.to_hex();
    format!("onestop-store {FORMAT} {}", &hex.as_str()[..32]).into_bytes()
}

/// Finds the marks of the store, or marks a Redis that holds nothing under its prefix.
///
/// # Errors
/// If it holds another store, or a part of this one.
pub async fn find_or_make(servers: &Arc<Servers>, names: &RedisKeys) -> Result<(), OpenError> {
    let mark = of(names);
    let found = read(servers, names).await?;
    let at_home = &found[common().number() as usize];
    let others: Vec<_> = found.iter().enumerate().filter(|(at, _)| *at != common().number() as usize).collect();
    match at_home {
        Some(known) if *known == mark && others.iter().all(|(_, other)| other.as_deref() == Some(&mark)) => {
            return Ok(());
        }
        Some(known) if known == BEGUN => {}
        None if others.iter().all(|(_, other)| other.is_none()) => {}
        Some(known) if *known != mark => return Err(OpenError::AnotherStore(told(known))),
        _ => return Err(OpenError::Incomplete),
    }
    set(servers, names, common(), BEGUN).await?;
    for shard in Shard::all().filter(|shard| *shard != common()) {
        set(servers, names, shard, &mark).await?;
    }
    set(servers, names, common(), &mark).await
}

/// Whether a shard has the mark of this store.
///
/// # Errors
/// If its server does not answer.
pub async fn stands(servers: &Servers, names: &RedisKeys, shard: Shard) -> Result<bool, OpenError> {
    let found = servers.read(shard, get(names, shard)).await.map_err(failed)?;
    let found = bytes(found).map_err(|error| OpenError::Failed(error.to_string()))?;
    Ok(found.as_deref() == Some(&of(names)))
}

/// Whether anything is marked under the prefix.
///
/// # Errors
/// If a server does not answer.
pub async fn is_there(servers: &Arc<Servers>, names: &RedisKeys) -> Result<bool, OpenError> {
    Ok(read(servers, names).await?.iter().any(Option::is_some))
}

async fn read(servers: &Arc<Servers>, names: &RedisKeys) -> Result<Vec<Option<Vec<u8>>>, OpenError> {
    let found = servers.read_all(|shard| get(names, shard)).await.map_err(failed)?;
    let found = found.into_iter().map(|value| bytes(value).map_err(|error| OpenError::Failed(error.to_string())));
    found.collect()
}

fn get(names: &RedisKeys, shard: Shard) -> Cmd {
    let mut command = cmd("GET");
    command.arg(names.of_shard(shard, "store"));
    command
}

async fn set(servers: &Servers, names: &RedisKeys, shard: Shard, mark: &[u8]) -> Result<(), OpenError> {
    let mut command = cmd("SET");
    command.arg(names.of_shard(shard, "store")).arg(mark);
    servers.write(shard, command).await.map(drop).map_err(failed)
}

fn failed(failed: Failed) -> OpenError {
    match failed {
        Failed::Undone(told) | Failed::Unknown(told) => OpenError::Failed(told),
    }
}

fn told(mark: &[u8]) -> String {
    String::from_utf8_lossy(mark).into_owned()
}
