//! Decoding of replies.

use redis::{Cmd, Value, cmd};

use super::call_error::CallError;
use crate::store::StoreError;
use crate::store::shard::Shard;

/// The length of the version before the record of a state.
pub const VERSION: usize = 8;

/// The command that reads a field of a hash.
pub fn hget(key: &[u8], field: &str) -> Cmd {
    let mut command = cmd("HGET");
    command.arg(key).arg(field);
    command
}

/// The bytes of a reply; `None` for a nil reply.
///
/// # Errors
/// If it is of another type.
pub fn bytes(value: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        _ => Err(unexpected_reply("a string")),
    }
}

/// The elements of an array reply.
///
/// # Errors
/// If it is of another type.
pub fn list(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(parts) => Ok(parts),
        _ => Err(unexpected_reply("a list")),
    }
}

/// The elements of an array reply as bytes.
///
/// # Errors
/// If it is of another type.
pub fn strings(value: Value) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    list(value)?.into_iter().map(bytes).collect()
}

/// A decimal number; 0 if there is none.
///
/// # Errors
/// If it is something else.
pub fn number(text: Option<Vec<u8>>) -> Result<u64, StoreError> {
    let Some(text) = text else { return Ok(0) };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| unexpected_reply("a number"))
}

/// The error of a reply that is not what was requested.
pub fn unexpected_reply(wanted: &str) -> StoreError {
    StoreError::Damaged(format!("Redis replies with something else than {wanted}"))
}

/// The elements of a reply.
pub fn replies_of(replies: Value) -> Vec<Value> {
    match replies {
        Value::Array(parts) => parts,
        other => vec![other],
    }
}

/// The reply to the only command.
///
/// # Errors
/// If there is none.
pub fn only_reply(mut replies: Vec<Value>) -> Result<Value, CallError> {
    replies.pop().ok_or_else(|| CallError::NotExecuted("Redis returned no reply".to_owned()))
}

/// The replies of each shard, in the order of its reads.
pub struct RepliesByShard(Vec<(Shard, std::vec::IntoIter<Value>)>);

impl RepliesByShard {
    /// The replies of these shards, which are in ascending order.
    pub fn new(shards: Vec<Shard>, replies: Vec<Vec<Value>>) -> RepliesByShard {
        RepliesByShard(shards.into_iter().zip(replies.into_iter().map(Vec::into_iter)).collect())
    }

    /// The next reply of a shard.
    pub fn next(&mut self, shard: Shard) -> Value {
        let at = self.0.binary_search_by_key(&shard, |(shard, _)| *shard);
        at.ok().and_then(|at| self.0[at].1.next()).unwrap_or(Value::Nil)
    }
}

/// These shards once, in ascending order.
pub fn distinct(mut shards: Vec<Shard>) -> Vec<Shard> {
    shards.sort_unstable();
    shards.dedup();
    shards
}
