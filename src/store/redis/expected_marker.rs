//! The marker that every shard of the store has: its value, and the check that a reply comes from a shard that has it.

use std::sync::Arc;

use redis::{Cmd, Pipeline, Value, cmd};

use super::call_error::AttemptError;
use super::keys::RedisKeys;
use super::reply::replies_of;
use crate::store::shard::Shard;

/// The format of a store on Redis that this release writes.
const FORMAT: u32 = 8;

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

/// What is read in a shard: the replies to commands, then the strings under keys.
#[derive(Default)]
pub struct ShardReads {
    /// The commands.
    pub commands: Vec<Cmd>,
    /// The keys of strings, which are read together with the marker.
    pub keys: Vec<Vec<u8>>,
}

impl From<Vec<Cmd>> for ShardReads {
    fn from(commands: Vec<Cmd>) -> ShardReads {
        ShardReads { commands, keys: Vec::new() }
    }
}

/// Reads of shards, followed by one command that reads the strings and the marker of each shard: one for all shards, or on a
/// server with slots one for each.
pub struct MarkedReads {
    commands: Pipeline,
    /// The number of commands and of strings of each shard.
    counts: Vec<(usize, usize)>,
    has_slots: bool,
    marker: ExpectedMarker,
}

impl MarkedReads {
    /// These reads of shards.
    pub fn new(
        names: &RedisKeys,
        (marker, has_slots): (&ExpectedMarker, bool),
        shards: impl IntoIterator<Item = (Shard, ShardReads)>,
    ) -> MarkedReads {
        let (mut commands, mut counts, mut strings) = (Pipeline::new(), Vec::new(), cmd("MGET"));
        for (shard, reads) in shards {
            counts.push((reads.commands.len(), reads.keys.len()));
            for command in reads.commands {
                commands.add_command(command);
            }
            strings.arg(reads.keys).arg(names.shard_key(shard, "store"));
            if has_slots {
                commands.add_command(std::mem::replace(&mut strings, cmd("MGET")));
            }
        }
        if !has_slots && !counts.is_empty() {
            commands.add_command(strings);
        }
        MarkedReads { commands, counts, has_slots, marker: marker.clone() }
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
    pub fn verify(&self, mut replies: Vec<Value>) -> Result<Value, AttemptError> {
        let mut strings =
            (!self.has_slots).then(|| replies.pop().map(replies_of)).flatten().unwrap_or_default().into_iter();
        let mut replies = replies.into_iter();
        let of_shard = |(commands, keys): &(usize, usize)| {
            let mut reads: Vec<Value> = replies.by_ref().take(*commands).collect();
            if self.has_slots {
                strings = replies.next().map(replies_of).unwrap_or_default().into_iter();
            }
            reads.extend(strings.by_ref().take(*keys));
            match strings.next() {
                Some(Value::BulkString(found)) if *found == *self.marker.0 => Ok(Value::Array(reads)),
                _ => Err(AttemptError::Refused(LOST.to_owned())),
            }
        };
        self.counts.iter().map(of_shard).collect::<Result<_, _>>().map(Value::Array)
    }
}
