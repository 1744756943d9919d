//! The marker that every shard of the store has: its value, and the check that a reply comes from a shard that has it.

use std::sync::Arc;

use redis::{Cmd, Pipeline, Value, cmd};

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

/// The marker that every shard must have, so that its emptiness is not taken for an answer.
#[derive(Clone)]
pub struct ExpectedMarker(pub Arc<[u8]>);

/// Reads of shards, those of each followed by a read of its marker.
pub struct MarkedReads {
    commands: Pipeline,
    /// The number of reads of each shard.
    counts: Vec<usize>,
    marker: ExpectedMarker,
}

impl MarkedReads {
    /// These reads of shards.
    pub fn new(
        names: &RedisKeys,
        marker: &ExpectedMarker,
        shards: impl IntoIterator<Item = (Shard, impl IntoIterator<Item = Cmd>)>,
    ) -> MarkedReads {
        let (mut commands, mut counts) = (Pipeline::new(), Vec::new());
        for (shard, reads) in shards {
            let before = commands.len();
            for read in reads {
                commands.add_command(read);
            }
            counts.push(commands.len() - before);
            commands.add_command(get(names, shard));
        }
        MarkedReads { commands, counts, marker: marker.clone() }
    }

    /// The commands to send.
    pub fn commands(&self) -> &Pipeline {
        &self.commands
    }

    /// The replies to the reads, a list for each shard, if every shard has the marker. The marker is read after the data, so
    /// data that was lost before it was read is not answered as absent.
    ///
    /// # Errors
    /// If a shard does not have it.
    pub fn verify(&self, replies: Vec<Value>) -> Result<Value, AttemptError> {
        let mut replies = replies.into_iter();
        let of_shard = |count: &usize| {
            let reads = replies.by_ref().take(*count).collect();
            match replies.next() {
                Some(Value::BulkString(found)) if *found == *self.marker.0 => Ok(Value::Array(reads)),
                _ => Err(AttemptError::Refused(LOST.to_owned())),
            }
        };
        self.counts.iter().map(of_shard).collect::<Result<_, _>>().map(Value::Array)
    }
}
