//! The marker that every shard of the store has: its value, and the check that a reply comes from a shard that has it.

use std::sync::Arc;

use redis::{Cmd, Value, cmd};

use super::call_error::AttemptError;
use super::keys::RedisKeys;
use crate::store::shard::Shard;

/// The format of a store on Redis that this release writes.
const FORMAT: u32 = 5;

/// The reason of a missing marker.
pub const LOST: &str = "this Redis does not hold the store: its data is of another store, or was lost";

/// The marker of this store: the format, and a keyed hash of a constant, which depends on the secret.
pub fn value(names: &RedisKeys) -> Vec<u8> {
    let check = blake3::keyed_hash(&names.secret().0, b"the mark of a store");
    let hex = check.to_hex();
    format!("onestop-store {FORMAT} {}", &hex.as_str()[..32]).into_bytes()
}

/// The command that reads the marker of a shard.
pub fn get(names: &RedisKeys, shard: Shard) -> Cmd {
    let mut command = cmd("GET");
    command.arg(names.shard_key(shard, "store"));
    command
}

/// The marker that a shard must have, so that its emptiness is not taken for an answer.
#[derive(Clone)]
pub struct ExpectedMarker(pub Arc<[u8]>);

impl ExpectedMarker {
    /// The replies to the reads, if every shard has the marker. The marker is read after the data, so data that was lost
    /// before it was read is not answered as absent.
    ///
    /// # Errors
    /// If a shard does not have it.
    pub fn verify(&self, replies: Vec<Value>) -> Result<Value, AttemptError> {
        let (mut reads, mut replies) = (Vec::with_capacity(replies.len() / 2), replies.into_iter());
        while let (Some(read), Some(marker)) = (replies.next(), replies.next()) {
            if !matches!(&marker, Value::BulkString(found) if **found == *self.0) {
                return Err(AttemptError::Refused(LOST.to_owned()));
            }
            reads.push(read);
        }
        Ok(Value::Array(reads))
    }
}
