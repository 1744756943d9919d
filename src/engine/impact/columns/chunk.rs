//! A file of columns: a head that says where the block of each part of the persons is, then the blocks.

use prost::Message;

use crate::domain::ids::EntryId;
use crate::journal::recorded::RecordedEntry;
use crate::store::derived_files::{CODE, Code, DerivedFileError, PartsFile};
use crate::store::keys::StoreKey;

use super::block::BlockMessage;
use super::block_builder::BlockBuilder;
use super::{PARTS, part_of};

/// The bytes of a place in the head: the length of the block, and its code.
const PLACE: usize = 4 + CODE;

/// Where the blocks of a file are, one after the other.
pub(super) struct ChunkHead(Vec<(u64, usize, Code)>);

impl ChunkHead {
    /// The length of a head.
    pub const BYTES: usize = PARTS * PLACE;

    /// The head of these bytes, whose code was compared.
    pub fn from_bytes(bytes: &[u8]) -> Option<ChunkHead> {
        let (mut places, mut start) = (Vec::with_capacity(PARTS), Self::BYTES as u64);
        for place in bytes.chunks_exact(PLACE) {
            let (length, code) = place.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length);
            places.push((start, length as usize, code.try_into().ok()?));
            start += u64::from(length);
        }
        Some(ChunkHead(places))
    }

    /// A block; none if it is damaged.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self, file: &PartsFile, part: usize) -> Result<Option<BlockMessage>, DerivedFileError> {
        let Some((start, length, code)) = self.0.get(part) else { return Ok(None) };
        let bytes = file.part(*start, *length, code)?;
        Ok(bytes.and_then(|bytes| BlockMessage::decode(&*bytes).ok()))
    }
}

/// A file that rows are appended to.
pub(super) struct ChunkBuilder(Vec<BlockBuilder>);

impl Default for ChunkBuilder {
    fn default() -> Self {
        ChunkBuilder(std::iter::repeat_with(BlockBuilder::default).take(PARTS).collect())
    }
}

impl ChunkBuilder {
    /// Goes on after the rows of a block.
    pub fn continue_block(&mut self, part: usize, block: BlockMessage) {
        if let Some(builder) = self.0.get_mut(part) {
            *builder = BlockBuilder::after(block);
        }
    }

    /// Appends what was recorded of the person with this key.
    pub fn push(&mut self, person: StoreKey, id: EntryId, entry: &RecordedEntry) {
        if let Some(builder) = self.0.get_mut(part_of(&person)) {
            builder.push(person, id, entry);
        }
    }

    /// The code of the head, and the bytes of the file.
    pub fn finish(self, code: impl Fn(&[u8]) -> Code) -> (Code, Vec<u8>) {
        let blocks: Vec<Vec<u8>> = self.0.into_iter().map(|block| block.finish().encode_to_vec()).collect();
        let mut head = Vec::with_capacity(ChunkHead::BYTES);
        for block in &blocks {
            // A block of a file of some hundred thousand rows has a few megabytes at the most.
            head.extend((block.len() as u32).to_le_bytes());
            head.extend(code(block));
        }
        let of_head = code(&head);
        (of_head, [head, blocks.concat()].concat())
    }
}
