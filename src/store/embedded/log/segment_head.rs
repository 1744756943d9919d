//! The first page of a segment.

use super::error::LogDamage;
use super::layout::{FORMAT, LogSizes, PAGE, SEGMENT_MAGIC, u32_at, u64_at};

/// The bytes of the page that are used; the rest is zero.
const USED: usize = 72;

/// Where the checksum of the bytes before it is.
const CHECK: usize = 68;

/// What identifies a store; every file of it carries it.
pub type StoreIdentity = [u8; 16];

/// The head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    /// The store.
    pub identity: StoreIdentity,
    /// The number of the segment, from 0.
    pub number: u64,
    /// The sizes of the log.
    pub sizes: LogSizes,
    /// A random number that the checksums of the frames begin with, so that bytes of another file are no frame here.
    pub salt: u64,
}

impl SegmentHead {
    /// The page.
    pub fn encode(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(PAGE as usize);
        page.extend_from_slice(&SEGMENT_MAGIC);
        page.extend_from_slice(&FORMAT.to_le_bytes());
        page.extend_from_slice(&self.sizes.frame.to_le_bytes());
        page.extend_from_slice(&self.identity);
        page.extend_from_slice(&self.number.to_le_bytes());
        page.extend_from_slice(&self.sizes.segment.to_le_bytes());
        page.extend_from_slice(&self.salt.to_le_bytes());
        page.resize(CHECK, 0);
        let check = crc32c::crc32c(&page);
        page.extend_from_slice(&check.to_le_bytes());
        page.resize(PAGE as usize, 0);
        page
    }

    /// Decodes and checks the page of this segment.
    pub fn decode(page: &[u8], expected: Expected) -> Result<SegmentHead, (u64, LogDamage)> {
        if page.get(..8) != Some(&SEGMENT_MAGIC) {
            return Err((0, LogDamage::SegmentMagic));
        }
        let format = u32_at(page, 8);
        let check = u32_at(page, CHECK);
        if crc32c::crc32c(&page[..CHECK]) != check {
            return Err((0, LogDamage::SegmentChecksum));
        }
        if format != FORMAT {
            return Err((8, LogDamage::Format { found: format, known: FORMAT }));
        }
        let mut identity = StoreIdentity::default();
        identity.copy_from_slice(&page[16..32]);
        let sizes = LogSizes { frame: u32_at(page, 12), segment: u64_at(page, 40) };
        let head = SegmentHead { identity, number: u64_at(page, 32), sizes, salt: u64_at(page, 48) };
        head.check(page, expected).map(|()| head)
    }

    fn check(&self, page: &[u8], expected: Expected) -> Result<(), (u64, LogDamage)> {
        if self.identity != expected.identity {
            return Err((16, LogDamage::OtherStore));
        }
        if self.number != expected.number {
            return Err((32, LogDamage::OtherSegment { found: self.number }));
        }
        if self.sizes != expected.sizes {
            return Err((40, LogDamage::OtherSizes));
        }
        let used = page[USED..].iter().position(|byte| *byte != 0);
        used.map_or(Ok(()), |at| Err(((USED + at) as u64, LogDamage::Padding)))
    }

    /// The number that the first frame of a log carries in place of the checksum of a head before it.
    pub fn chain(&self) -> u32 {
        u32_at(&self.encode(), CHECK)
    }
}

/// What the head of a segment must say.
#[derive(Clone, Copy)]
pub struct Expected {
    /// The store.
    pub identity: StoreIdentity,
    /// The number of the segment.
    pub number: u64,
    /// The sizes of the log.
    pub sizes: LogSizes,
}
