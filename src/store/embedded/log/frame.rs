//! Frames: one group of records each, written by one `pwrite` and made durable by one `fdatasync`.

use super::error::FrameFault;
use super::layout::{FRAME_HEAD, FRAME_MAGIC, LogSizes, TRAILER, frame_length, u32_at, u64_at, zero_sectors};
use super::record::{self, Record};
use crate::store::embedded::index::{LogEnd, LogPosition};

/// The kind of a frame; its number is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Records.
    Data = 1,
    /// Empty: the frame before was durable when this was written.
    Seal = 2,
    /// Empty, the last frame of its segment: durable before anything is written to the next.
    Roll = 3,
}

impl FrameKind {
    fn from_number(number: u8) -> Option<FrameKind> {
        [FrameKind::Data, FrameKind::Seal, FrameKind::Roll].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The kind is the last byte of a head, and never zero.
pub const KIND: usize = FRAME_HEAD - 1;

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The position of the frame in the log.
    pub lsn: u64,
    /// The log was durable below this position when the frame was written.
    pub durable: u64,
    /// The number of entries in the log before this frame.
    pub sequence: u64,
    /// The length of the body in bytes.
    pub length: u32,
    /// The number of records in the body.
    pub count: u32,
    /// The CRC-32C of the body.
    pub body: u32,
    /// The checksum of the head before.
    pub chain: u32,
    /// The number of sectors from the first byte of the frame to the last of its trailer that are all zero.
    pub zero_sectors: u32,
    /// The kind.
    pub kind: FrameKind,
    /// The number of entries in the body.
    pub entries: u32,
    /// The number of the newest day of commits up to this frame with it; 0 if there is none.
    pub newest_day: u32,
}

impl FrameHead {
    /// The head in bytes, with its checksum.
    pub fn encode(&self, salt: u64) -> [u8; FRAME_HEAD] {
        let mut head = [0; FRAME_HEAD];
        head[..4].copy_from_slice(&FRAME_MAGIC);
        for (at, number) in [(8, self.lsn), (16, self.durable), (24, self.sequence)] {
            head[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let small = [(32, self.length), (36, self.count), (40, self.body), (44, self.chain), (48, self.zero_sectors)];
        for (at, number) in small {
            head[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        head[52..56].copy_from_slice(&self.entries.to_le_bytes());
        head[56..60].copy_from_slice(&self.newest_day.to_le_bytes());
        head[KIND] = self.kind as u8;
        let check = checksum(salt, &head);
        head[4..8].copy_from_slice(&check.to_le_bytes());
        head
    }

    /// Decodes the head of a frame at this position of the log, if it is one.
    pub fn decode(bytes: &[u8], salt: u64, lsn: u64, sizes: LogSizes) -> Result<FrameHead, FrameFault> {
        let head = bytes.get(..FRAME_HEAD).ok_or(FrameFault::HeadCut)?;
        if head[..4] != FRAME_MAGIC {
            return Err(FrameFault::Magic);
        }
        if u32_at(head, 4) != checksum(salt, head) {
            return Err(FrameFault::HeadChecksum);
        }
        let kind = FrameKind::from_number(head[KIND]).ok_or(FrameFault::Head)?;
        let head = FrameHead {
            lsn: u64_at(head, 8),
            durable: u64_at(head, 16),
            sequence: u64_at(head, 24),
            length: u32_at(head, 32),
            count: u32_at(head, 36),
            body: u32_at(head, 40),
            chain: u32_at(head, 44),
            zero_sectors: u32_at(head, 48),
            kind,
            entries: u32_at(head, 52),
            newest_day: u32_at(head, 56),
        };
        let fits = head.lsn == lsn && head.length as usize <= sizes.body();
        if fits { Ok(head) } else { Err(FrameFault::Head) }
    }

    /// The number of entries in the log after this frame.
    pub fn sequence_after(&self) -> u64 {
        self.sequence.saturating_add(u64::from(self.entries))
    }

    /// The length of the frame on the disk in bytes.
    pub fn frame_length(&self) -> u64 {
        frame_length(self.length as usize)
    }

    /// Whether it was written behind this end of the log.
    pub(super) fn follows(&self, before: LogEnd) -> bool {
        self.chain == before.chain && self.sequence == before.sequence
    }

    /// The number of bytes from the first of the head to the last of the trailer.
    pub fn used(&self) -> usize {
        FRAME_HEAD + self.length as usize + TRAILER.len()
    }
}

/// The checksum of a head: of the salt, then of all that follows the checksum.
fn checksum(salt: u64, head: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &head[8..])
}

/// The checksum in the bytes of a head, which the next head carries.
pub fn chain_of(head: &[u8]) -> u32 {
    u32_at(head, 4)
}

/// A frame that was read and checked.
pub struct Frame {
    head: FrameHead,
    /// Head, body and trailer.
    bytes: Vec<u8>,
}

impl Frame {
    /// Checks the bytes of a frame, from its head to its trailer, against the end of the log before it.
    pub fn check(head: FrameHead, bytes: Vec<u8>, before: LogEnd) -> Result<Frame, FrameFault> {
        let frame = Frame { head, bytes };
        match frame.fault(before) {
            None => Ok(frame),
            Some(fault) => Err(fault),
        }
    }

    /// The bytes of a frame, which [`Frame::fault`] checks.
    pub(super) fn unchecked(head: FrameHead, bytes: Vec<u8>) -> Frame {
        Frame { head, bytes }
    }

    /// Why it is not the frame that must be behind this end of the log, if it is not.
    pub(super) fn fault(&self, before: LogEnd) -> Option<FrameFault> {
        let Frame { head, bytes } = self;
        if !head.follows(before) {
            return Some(FrameFault::Chain);
        }
        if !bytes.ends_with(&TRAILER) {
            return Some(FrameFault::Trailer);
        }
        if crc32c::crc32c(self.body()) != head.body {
            return Some(FrameFault::BodyChecksum);
        }
        let is_whole =
            record::counts(self.body()) == Some((head.count, head.entries)) && zero_sectors(bytes) == head.zero_sectors;
        (!is_whole).then_some(FrameFault::Records)
    }

    /// Whether its records add up, and one of them does not have its checksums.
    pub(super) fn has_damaged_record(&self) -> bool {
        let adds_up = record::counts(self.body()) == Some((self.head.count, self.head.entries));
        adds_up && self.records().any(|(_, record)| record.fault().is_some())
    }

    /// Head, body and trailer; on the disk, zeros up to a page follow.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The head.
    pub fn head(&self) -> &FrameHead {
        &self.head
    }

    /// The end of the log after this frame. The end after a ROLL is in the next segment.
    pub fn end(&self, sizes: LogSizes) -> LogEnd {
        end_after(&self.head, &self.bytes, sizes)
    }

    /// The records with their positions, in the order of commits.
    pub fn records(&self) -> impl Iterator<Item = (LogPosition, Record<'_>)> {
        let first = self.head.lsn + FRAME_HEAD as u64;
        record::records(self.body())
            .map(move |(at, record)| (LogPosition { lsn: first + at as u64, length: record.length() }, record))
    }

    fn body(&self) -> &[u8] {
        self.bytes.get(FRAME_HEAD..self.bytes.len().saturating_sub(TRAILER.len())).unwrap_or_default()
    }
}

/// The end of the log after the frame with this head, whose bytes these are.
pub(super) fn end_after(head: &FrameHead, bytes: &[u8], sizes: LogSizes) -> LogEnd {
    LogEnd { lsn: lsn_after(head, sizes), chain: chain_of(bytes), sequence: head.sequence_after() }
}

/// Where the frame after this one begins.
pub fn lsn_after(head: &FrameHead, sizes: LogSizes) -> u64 {
    use super::layout::PAGE;
    match head.kind {
        FrameKind::Roll => sizes.lsn(sizes.place(head.lsn).0 + 1, PAGE),
        FrameKind::Data | FrameKind::Seal => head.lsn + head.frame_length(),
    }
}
