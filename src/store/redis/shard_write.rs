//! A write of several rows of a shard that has the marker of the store, and whose lease holds if it is of an import: all of
//! them, or none.

use redis::Value;

use super::call_error::CallError;
use super::keys::RedisKeys;
use super::reply::unexpected_reply;
use super::servers::Servers;
use super::{commit, expected_marker, functions};
use crate::store::StoreError;
use crate::store::shard::Shard;

/// The commands of a write.
pub struct ShardWrite {
    shard: Shard,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl ShardWrite {
    /// A write in this shard, without commands yet.
    pub fn new(names: &RedisKeys, shard: Shard) -> ShardWrite {
        let (store, marker) = (names.shard_key(shard, "store"), expected_marker::value(names));
        ShardWrite { shard, keys: vec![store.clone(), store], arguments: vec![marker.clone(), marker] }
    }

    /// The same of an import: its lease is lost unless this key of the shard has this value.
    pub fn under_lease(mut self, (key, value): (Vec<u8>, Vec<u8>)) -> ShardWrite {
        (self.keys[1], self.arguments[1]) = (key, value);
        self
    }

    /// Adds a command on a key of the shard.
    pub fn add(&mut self, command: &str, key: Vec<u8>, arguments: &[&[u8]]) {
        self.keys.push(key);
        self.arguments.push(command.as_bytes().to_vec());
        self.arguments.push(arguments.len().to_string().into_bytes());
        self.arguments.extend(arguments.iter().map(|argument| argument.to_vec()));
    }

    /// Executes the commands; returns their replies, or why none was executed.
    ///
    /// # Errors
    /// [`CallError`] says whether they may have been executed.
    pub async fn run(self, servers: &Servers) -> Result<Result<Vec<Value>, StoreError>, CallError> {
        let mut command = functions::call(functions::WRITE, &self.keys);
        for argument in self.arguments {
            command.arg(argument);
        }
        Ok(replies_after_status(servers.write(self.shard, command).await?))
    }
}

fn replies_after_status(reply: Value) -> Result<Vec<Value>, StoreError> {
    let Value::Array(mut replies) = reply else { return Err(unexpected_reply("a write")) };
    if replies.is_empty() {
        return Err(unexpected_reply("a write"));
    }
    commit::check_status(replies.remove(0), StoreError::Unknown)?;
    Ok(replies)
}
