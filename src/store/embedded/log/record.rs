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
        let rows_end = u32::try_from(RECORD_HEAD.checked_add(rows.len())?).ok()?;
        let length = rows_end.checked_add(u32::try_from(entries.len()).ok()?)?;
        let padded = (length as usize).checked_next_multiple_of(RECORD_ALIGNMENT)?;
        let mut bytes = Vec::with_capacity(padded);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&rows_end.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&rows_checksum(&bytes, rows).to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(entries).to_le_bytes());
        bytes.extend_from_slice(rows);
        bytes.extend_from_slice(entries);
        bytes.resize(padded, 0);
        Some(EncodedRecord { bytes, length })
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

impl PartBytes {
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
