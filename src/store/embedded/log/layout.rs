//! The sizes and numbers of the log's format.

use super::super::disk::DiskFile;

/// Frames begin at multiples of this, in bytes.
pub const PAGE: u64 = 4096;

/// What a disk writes whole or not at all, in bytes.
pub const SECTOR: usize = 512;

/// The length of the head of a frame in bytes.
pub const FRAME_HEAD: usize = 64;

/// The trailer of a frame. No byte is zero, and its last byte does not become zero by one flipped bit.
pub const TRAILER: [u8; 8] = *b"\xd7FRAMEND";

/// The length of the head of a record in bytes.
pub const RECORD_HEAD: usize = 20;

/// Records begin at multiples of this from the first, in bytes.
pub const RECORD_ALIGNMENT: usize = 8;

/// The first 8 bytes of a segment.
pub const SEGMENT_MAGIC: [u8; 8] = *b"onestopL";

/// The first 4 bytes of a frame.
pub const FRAME_MAGIC: [u8; 4] = *b"FRM1";

/// The format that this release writes and reads.
pub const FORMAT: u32 = 1;

/// How many segments are made before they are needed.
pub const SPARE_SEGMENTS: u64 = 2;

/// The sizes of a log, which never change once it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSizes {
    /// The length of a segment in bytes, a multiple of 4 KiB.
    pub segment: u64,
    /// The maximum length of a frame in bytes, a multiple of 4 KiB; a segment holds at least one of them.
    pub frame: u32,
}

impl LogSizes {
    /// The sizes of a store: segments of 64 MiB, frames of up to 8 MiB.
    pub const STORE: LogSizes = LogSizes { segment: 64 << 20, frame: 8 << 20 };

    /// The segment with this byte of the log, and the byte in it.
    pub fn place(self, lsn: u64) -> (u64, u64) {
        (lsn / self.segment, lsn % self.segment)
    }

    /// The position in the log of a byte of a segment.
    pub fn lsn(self, segment: u64, byte: u64) -> u64 {
        segment.saturating_mul(self.segment).saturating_add(byte)
    }

    /// The maximum length of the body of a frame in bytes.
    pub(in super::super) fn body(self) -> usize {
        self.frame as usize - FRAME_HEAD - TRAILER.len()
    }
}

/// The length on the disk of a frame with a body of this length.
pub fn frame_length(body: usize) -> u64 {
    ((FRAME_HEAD + body + TRAILER.len()) as u64).next_multiple_of(PAGE)
}

/// The little-endian number in 4 bytes from this byte on; 0 if there are fewer.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The little-endian number in 8 bytes from this byte on; 0 if there are fewer.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// The number of sectors of these bytes that are all zero; the last may be shorter.
pub fn zero_sectors(bytes: &[u8]) -> u32 {
    bytes.chunks(SECTOR).filter(|sector| is_zero(sector)).count() as u32
}

/// Whether all bytes are zero.
pub fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// Fills the buffer as far as the file reaches, and the rest with zeros.
pub fn read_padded(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    let left = file.length()?.saturating_sub(offset).min(buffer.len() as u64) as usize;
    let (there, beyond) = buffer.split_at_mut(left);
    beyond.fill(0);
    file.read_at(there, offset)
}
