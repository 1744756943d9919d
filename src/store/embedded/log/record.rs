//! Records: the index rows of one commit and its entries, each with a checksum.

use std::ops::Range;

use super::error::RecordFault;
use super::layout::{RECORD_ALIGNMENT, RECORD_HEAD, u32_at};

/// A record as written, encoded and checksummed by the caller.
pub struct EncodedRecord {
    /// The record, then zeros up to a multiple of 8 bytes.
    bytes: Vec<u8>,
    length: u32,
}

impl EncodedRecord {
    /// A record of these index rows, and of so many entries; `None` if it has 4 GiB or more.
    pub fn new(rows: &[u8], count: u32, entries: &[u8]) -> Option<EncodedRecord> {
        let mut record = OpenRecord::default();
        record.rows().extend_from_slice(rows);
        record.finish(count, entries.len(), |bytes| bytes.extend_from_slice(entries))
    }

    /// The record as a reader sees it.
    pub fn record(&self) -> Record<'_> {
        Record { bytes: &self.bytes[..self.length as usize], rows_end: u32_at(&self.bytes, 4) as usize }
    }

    /// The bytes, a multiple of 8.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of entries.
    pub fn entry_count(&self) -> u32 {
        u32_at(&self.bytes, 8)
    }

    /// The length without the zeros at the end, in bytes.
    pub fn length(&self) -> u32 {
        self.length
    }
}

/// A record to which rows are added, in the memory that its bytes stay in.
pub struct OpenRecord(Vec<u8>);

impl Default for OpenRecord {
    fn default() -> OpenRecord {
        OpenRecord(vec![0; RECORD_HEAD])
    }
}

impl OpenRecord {
    /// An empty record, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> OpenRecord {
        let mut record = Vec::with_capacity(bytes);
        record.resize(RECORD_HEAD, 0);
        OpenRecord(record)
    }

    /// The bytes behind which index rows are appended.
    pub fn rows(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The record with so many entries, which are appended in so many bytes; `None` if it has 4 GiB or more.
    pub fn finish(self, count: u32, length: usize, append: impl FnOnce(&mut Vec<u8>)) -> Option<EncodedRecord> {
        let OpenRecord(mut bytes) = self;
        let rows_end = bytes.len();
        bytes.reserve_exact(length.checked_add(RECORD_ALIGNMENT)?);
        append(&mut bytes);
        let length = u32::try_from(bytes.len()).ok()?;
        for (at, number) in [(0, length), (4, rows_end as u32), (8, count)] {
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        let rows = rows_checksum(&bytes[..12], &bytes[RECORD_HEAD..rows_end]);
        let entries = crc32c::crc32c(&bytes[rows_end..]);
        bytes[12..16].copy_from_slice(&rows.to_le_bytes());
        bytes[16..RECORD_HEAD].copy_from_slice(&entries.to_le_bytes());
        bytes.resize(bytes.len().checked_next_multiple_of(RECORD_ALIGNMENT)?, 0);
        Some(EncodedRecord { bytes, length })
    }
}

/// The checksum of the index rows, with the three numbers before it.
fn rows_checksum(numbers: &[u8], rows: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(numbers), rows)
}

/// A record in a frame whose checksum was verified.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    bytes: &'a [u8],
    rows_end: usize,
}

impl<'a> Record<'a> {
    /// The bounds of the record that begins here; `None` if they do not fit.
    fn bounds(bytes: &'a [u8]) -> Option<Record<'a>> {
        let (length, rows_end) = (u32_at(bytes, 0) as usize, u32_at(bytes, 4) as usize);
        let fits = bytes.len() >= RECORD_HEAD && (RECORD_HEAD..=length).contains(&rows_end);
        Some(Record { bytes: bytes.get(..length).filter(|_| fits)?, rows_end })
    }

    /// The record of exactly these bytes; `None` if they are not as long as it says.
    pub fn whole(bytes: &'a [u8]) -> Option<Record<'a>> {
        Record::bounds(bytes).filter(|record| record.bytes.len() == bytes.len())
    }

    /// Verifies the checksum of a part.
    ///
    /// # Errors
    /// If it differs.
    pub fn check_part(&self, part: RecordPart) -> Result<(), RecordFault> {
        let (at, found, fault) = match part {
            RecordPart::Rows => (12, rows_checksum(&self.bytes[..12], self.rows()), RecordFault::RowsChecksum),
            RecordPart::Entries => (16, crc32c::crc32c(self.entries()), RecordFault::EntriesChecksum),
        };
        if u32_at(self.bytes, at) == found { Ok(()) } else { Err(fault) }
    }

    /// Whether this part has its checksum.
    pub fn has_checksum(&self, part: RecordPart) -> bool {
        self.check_part(part).is_ok()
    }

    /// Why it is not the record that was written, if it is not.
    pub fn fault(&self) -> Option<RecordFault> {
        self.check_part(RecordPart::Rows).and_then(|()| self.check_part(RecordPart::Entries)).err()
    }

    /// The index rows.
    pub fn rows(&self) -> &'a [u8] {
        &self.bytes[RECORD_HEAD..self.rows_end]
    }

    /// The entries.
    pub fn entries(&self) -> &'a [u8] {
        &self.bytes[self.rows_end..]
    }

    /// The number of entries.
    pub fn entry_count(&self) -> u32 {
        u32_at(self.bytes, 8)
    }

    /// The length in bytes.
    pub fn length(&self) -> u32 {
        self.bytes.len() as u32
    }

    fn padded_length(&self) -> usize {
        self.bytes.len().next_multiple_of(RECORD_ALIGNMENT)
    }
}

/// The records of a body, each with the byte where it begins; ends at the first that does not fit.
pub fn records(body: &[u8]) -> impl Iterator<Item = (usize, Record<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at;
        let record = Record::bounds(body.get(begin..)?)?;
        at += record.padded_length();
        Some((begin, record))
    })
}

/// The numbers of records that make up this body exactly, and of their entries; `None` if there is a rest.
pub fn counts(body: &[u8]) -> Option<(u32, u32)> {
    let (mut count, mut entries, mut end) = (0, 0u32, 0);
    for (begin, record) in records(body) {
        (count, end) = (count + 1, begin + record.padded_length());
        entries = entries.checked_add(record.entry_count())?;
    }
    (end == body.len()).then_some((count, entries))
}

/// A part of a record, with a checksum of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordPart {
    /// The index rows.
    Rows,
    /// The entries.
    Entries,
}

/// A part of a record that was read from the log; its checksum was verified.
pub struct PartBytes {
    bytes: Vec<u8>,
    range: Range<usize>,
}

/// The byte behind the last row of the record that begins here and is this long, if its first bytes say so.
pub(super) fn rows_end(bytes: &[u8], length: u32) -> Option<usize> {
    let (found, end) = (u32_at(bytes, 0), u32_at(bytes, 4));
    (found == length && (RECORD_HEAD as u32..=length).contains(&end)).then_some(end as usize)
}

impl PartBytes {
    /// Checks the rows in the bytes of a record of this length, from its first to its last row at least.
    pub(super) fn check_rows(bytes: Vec<u8>, length: u32) -> Result<PartBytes, RecordFault> {
        let end = rows_end(&bytes, length).filter(|end| *end <= bytes.len()).ok_or(RecordFault::Head)?;
        if u32_at(&bytes, 12) == rows_checksum(&bytes[..12], &bytes[RECORD_HEAD..end]) {
            Ok(PartBytes { bytes, range: RECORD_HEAD..end })
        } else {
            Err(RecordFault::RowsChecksum)
        }
    }

    /// Checks this part of the bytes of exactly one record.
    pub fn check(bytes: Vec<u8>, part: RecordPart) -> Result<PartBytes, RecordFault> {
        let record = Record::whole(&bytes).ok_or(RecordFault::Head)?;
        record.check_part(part)?;
        let range = match part {
            RecordPart::Rows => RECORD_HEAD..record.rows_end,
            RecordPart::Entries => record.rows_end..bytes.len(),
        };
        Ok(PartBytes { bytes, range })
    }

    /// The bytes of the part.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}
