//! What the columns cover: their files, and the entries of each.

use prost::Message;

use crate::domain::ids::{Digest, EntryId};
use crate::store::derived_files::{Code, LastEntry};
use crate::store::rows::CommitPosition;

/// The files of the columns, in the order of commits: together they cover the journal from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub chunks: Vec<CoveredChunk>,
}

/// A file, and what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CoveredChunk {
    /// The entries.
    pub entries: u64,
    /// Those of persons among them.
    pub person_entries: u64,
    /// The last entry.
    pub last: LastEntry,
    /// The code of the head of the file.
    pub code: Code,
}

#[derive(Clone, PartialEq, Message)]
struct ManifestMessage {
    #[prost(message, repeated, tag = "1")]
    chunks: Vec<ChunkMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkMessage {
    #[prost(uint64, tag = "1")]
    entries: u64,
    #[prost(uint64, tag = "2")]
    person_entries: u64,
    #[prost(uint64, tag = "3")]
    before_last: u64,
    #[prost(uint64, tag = "4")]
    last: u64,
    #[prost(bytes = "vec", tag = "5")]
    last_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    last_digest: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    code: Vec<u8>,
}

impl Manifest {
    /// The manifest of these bytes, whose code was compared; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Manifest> {
        let chunk = |message: ChunkMessage| {
            let last = LastEntry {
                before: CommitPosition(message.before_last),
                position: CommitPosition(message.last),
                id: EntryId(message.last_id.try_into().ok()?),
                digest: Digest(message.last_digest.try_into().ok()?),
            };
            let ChunkMessage { entries, person_entries, code, .. } = message;
            Some(CoveredChunk { entries, person_entries, last, code: code.try_into().ok()? })
        };
        let message = ManifestMessage::decode(bytes).ok()?;
        Some(Manifest { chunks: message.chunks.into_iter().map(chunk).collect::<Option<_>>()? })
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let chunk = |chunk: &CoveredChunk| ChunkMessage {
            entries: chunk.entries,
            person_entries: chunk.person_entries,
            before_last: chunk.last.before.0,
            last: chunk.last.position.0,
            last_id: chunk.last.id.0.to_vec(),
            last_digest: chunk.last.digest.0.to_vec(),
            code: chunk.code.to_vec(),
        };
        ManifestMessage { chunks: self.chunks.iter().map(chunk).collect() }.encode_to_vec()
    }

    /// The last entry that is covered.
    pub fn last(&self) -> Option<LastEntry> {
        self.chunks.last().map(|chunk| chunk.last)
    }

    /// The position that the files before this one cover.
    pub fn covered_before(&self, number: usize) -> CommitPosition {
        let before = number.checked_sub(1).and_then(|before| self.chunks.get(before));
        before.map_or(CommitPosition::FIRST, |chunk| chunk.last.position)
    }

    /// The position that all files cover.
    pub fn covered(&self) -> CommitPosition {
        self.covered_before(self.chunks.len())
    }
}
