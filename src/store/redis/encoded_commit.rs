//! Commits as the commit function takes them, and its call with several of them.

use redis::{Cmd, cmd};

use super::keys::RedisKeys;
use super::{expected_marker, functions};
use crate::store::shard::Shard;

/// The keys of a shard that the function takes once for all its commits there.
const SHARD_KEYS: [&str; 7] = ["store", "persons", "journal", "entries", "clock", "day", CLOSED];

/// The name of the key of the last closed month of a shard.
pub const CLOSED: &str = "closed";

/// The keys and the arguments of a commit.
pub struct EncodedCommit {
    shard: Shard,
    keys: ByteStrings,
    arguments: ByteStrings,
}

/// Byte strings, one after the other.
#[derive(Default)]
struct ByteStrings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ByteStrings {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }
}

impl EncodedCommit {
    /// A commit in this shard, without keys and arguments yet.
    pub fn new(shard: Shard) -> EncodedCommit {
        EncodedCommit { shard, keys: ByteStrings::default(), arguments: ByteStrings::default() }
    }

    /// Appends a key.
    pub fn key(&mut self, key: &[u8]) {
        self.keys.push(key);
    }

    /// Appends an argument.
    pub fn argument(&mut self, argument: impl AsRef<[u8]>) {
        self.arguments.push(argument.as_ref());
    }

    /// Appends a number as an argument, in decimal.
    pub fn number(&mut self, number: impl std::fmt::Display) {
        self.argument(number.to_string());
    }

    /// The shard of the commit.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The bytes of its keys and arguments.
    pub fn size(&self) -> usize {
        self.keys.bytes.len() + self.arguments.bytes.len()
    }
}

/// The call of the commit function with these commits, those of a shard one after the other.
pub fn commit_call(names: &RedisKeys, commits: &[&EncodedCommit]) -> Cmd {
    let shards: Vec<_> = commits.chunk_by(|one, other| one.shard == other.shard).collect();
    let of_commits: usize = commits.iter().map(|commit| commit.keys.ends.len()).sum();
    let mut command = cmd("FCALL");
    command.arg(functions::COMMIT).arg(shards.len() * SHARD_KEYS.len() + of_commits);
    for in_shard in &shards {
        for name in SHARD_KEYS {
            command.arg(names.shard_key(in_shard[0].shard, name));
        }
        for key in in_shard.iter().flat_map(|commit| commit.keys.iter()) {
            command.arg(key);
        }
    }
    command.arg(expected_marker::value(names)).arg(shards.len());
    for in_shard in shards {
        command.arg(&[in_shard[0].shard.number()][..]).arg(in_shard.len());
        for commit in in_shard {
            command.arg(commit.keys.ends.len()).arg(commit.arguments.ends.len());
            for argument in commit.arguments.iter() {
                command.arg(argument);
            }
        }
    }
    command
}
