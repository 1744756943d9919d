//! Records, the form of all stored values: a format number, a checksum, and an encoded message.
//!
//! A record is self-contained: it can be decoded without the policy or the tables that it was made from. Fields are added to
//! the messages without another format; a record of another format is not decoded.
//!
//! The record of an entry has the first bytes of the digest that the next entry of its chain carries. A row is derived and is
//! replaced by the next; its checksum finds damage, which takes no cryptographic hash.

use prost::Message;
use xxhash_rust::xxh3::xxh3_64;

use super::form::{Malformed, StoredForm};
use super::message_writer::MessageWriter;
use crate::domain::ids::Digest;

/// The format of the record of an entry: its checksum is the first bytes of the BLAKE3 digest of the body.
const ENTRY: u8 = 5;

/// The format of a row: its checksum is the XXH3 hash of the body, 64 bits, little-endian.
const ROW: u8 = 6;

/// The length of the header: the format, then the checksum of the body.
const HEADER: usize = 1 + CHECK;

/// The length of the checksum.
const CHECK: usize = 8;

/// The bytes of a row, as most have.
const ROW_BYTES: usize = 128;

/// The key of a first field that is a number, in the encoding of messages.
const FIRST_NUMBER: u32 = 1 << 3;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// They are fewer than a header has.
    #[error("it is too short")]
    TooShort,
    /// The format is unknown.
    #[error("its format {0} is unknown")]
    UnknownFormat(u8),
    /// The body is not what was written.
    #[error("its checksum differs")]
    Checksum,
    /// The body is no message.
    #[error("it cannot be decoded")]
    NoMessage,
    /// The message is of no value.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// The row of a value.
pub fn encode(value: &impl StoredForm) -> Vec<u8> {
    let mut row = Vec::with_capacity(ROW_BYTES);
    append(&mut row, value);
    row
}

/// Appends the row of a value to these bytes.
pub fn append(bytes: &mut Vec<u8>, value: &impl StoredForm) {
    let start = bytes.len();
    bytes.extend_from_slice(&[ROW; HEADER]);
    let mut writer = MessageWriter::after(std::mem::take(bytes));
    value.write(&mut writer);
    *bytes = writer.into_bytes();
    let row = &mut bytes[start..];
    let check = xxh3_64(&row[HEADER..]);
    row[1..HEADER].copy_from_slice(&check.to_le_bytes());
}

/// The value of a row.
///
/// # Errors
/// If it is damaged, or of an unknown format.
pub fn decode<T: StoredForm>(record: &[u8]) -> Result<T, RecordError> {
    let (check, body) = split(record, ROW)?;
    if *check != xxh3_64(body).to_le_bytes() {
        return Err(RecordError::Checksum);
    }
    let message = T::Message::decode(body).map_err(|_| RecordError::NoMessage)?;
    Ok(T::from_message(message)?)
}

/// A header that is to be filled in, and the message.
fn with_room_for_header(message: &impl Message) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER + message.encoded_len());
    record.resize(HEADER, 0);
    message.encode_raw(&mut record);
    record
}

/// The checksum and the body of a record of this format.
fn split(record: &[u8], format: u8) -> Result<(&[u8; CHECK], &[u8]), RecordError> {
    let (found, rest) = record.split_first().ok_or(RecordError::TooShort)?;
    let (check, body) = rest.split_first_chunk().ok_or(RecordError::TooShort)?;
    if *found == format { Ok((check, body)) } else { Err(RecordError::UnknownFormat(*found)) }
}

/// The record of the message of an entry, and the digest of its body, which the next entry of a chain carries.
pub fn encode_message(message: &impl Message) -> (Vec<u8>, Digest) {
    let mut record = with_room_for_header(message);
    let digest = Digest::blake3(&record[HEADER..]);
    record[0] = ENTRY;
    record[1..HEADER].copy_from_slice(&digest.0[..CHECK]);
    (record, digest)
}

/// The message of an entry's record, and the digest of its body.
///
/// # Errors
/// If the record is damaged, or of an unknown format.
pub fn decode_message<M: Message + Default>(record: &[u8]) -> Result<(M, Digest), RecordError> {
    let (body, digest) = verified(record)?;
    let message = M::decode(body).map_err(|_| RecordError::NoMessage)?;
    Ok((message, digest))
}

/// The digest of the body of an entry's record.
///
/// # Errors
/// If the record is damaged, or of an unknown format.
fn verified(record: &[u8]) -> Result<(&[u8], Digest), RecordError> {
    let (check, body) = split(record, ENTRY)?;
    let digest = Digest::blake3(body);
    if check[..] == digest.0[..CHECK] { Ok((body, digest)) } else { Err(RecordError::Checksum) }
}

/// The message of an entry's record, without verifying its checksum: for a message that is verified later.
///
/// # Errors
/// If the record is too short, of an unknown format, or no message.
pub(super) fn decode_unverified<M: Message + Default>(record: &[u8]) -> Result<M, RecordError> {
    let (_, body) = split(record, ENTRY)?;
    M::decode(body).map_err(|_| RecordError::NoMessage)
}

/// The number in the first field of a row, without verifying its checksum: for a comparison with a record that was read
/// and verified before.
///
/// # Errors
/// If the record is too short, of an unknown format, or begins with another field.
pub fn first_number(record: &[u8]) -> Result<u64, RecordError> {
    let (_, mut body) = split(record, ROW)?;
    let mut number = || prost::encoding::decode_varint(&mut body).map_err(|_| RecordError::NoMessage);
    if number()? == u64::from(FIRST_NUMBER) { number() } else { Err(RecordError::NoMessage) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::journal::Days;

    /// A value with its version in the first field, as the state of a person has it.
    #[derive(Debug, PartialEq)]
    struct Versioned(u32);

    impl StoredForm for Versioned {
        type Message = Days;

        fn write(&self, message: &mut MessageWriter) {
            message.append(&Days { from: self.0, until: 9 });
        }

        fn from_message(message: Days) -> Result<Versioned, Malformed> {
            Ok(Versioned(message.from))
        }
    }

    #[test]
    fn a_changed_byte_is_detected_anywhere() {
        let (record, _) = encode_message(&Days { from: 20170101, until: 20180101 });
        assert_eq!(decode_message(&record).map(|(days, _)| days), Ok(Days { from: 20170101, until: 20180101 }));
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            assert!(decode_message::<Days>(&changed).is_err(), "byte {at}");
        }
        assert_eq!(decode_message::<Days>(&record[..record.len() - 1]), Err(RecordError::Checksum));
        assert_eq!(decode_message::<Days>(&[]), Err(RecordError::TooShort));
    }

    #[test]
    fn a_changed_byte_of_a_row_is_detected_anywhere() {
        let row = encode(&Versioned(7));
        assert_eq!(decode(&row), Ok(Versioned(7)));
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 1;
            assert!(decode::<Versioned>(&changed).is_err(), "byte {at}");
        }
        assert_eq!(decode::<Versioned>(&row[..row.len() - 1]), Err(RecordError::Checksum));
        assert_eq!(decode::<Versioned>(&[ROW; HEADER - 1]), Err(RecordError::TooShort));
        let (entry, _) = encode_message(&Days { from: 7, until: 9 });
        assert_eq!(decode::<Versioned>(&entry), Err(RecordError::UnknownFormat(ENTRY)));
    }

    #[test]
    fn the_version_of_a_state_is_read_without_the_rest() {
        assert_eq!(first_number(&encode(&Versioned(300))), Ok(300));
        assert_eq!(first_number(&encode(&Versioned(0))), Err(RecordError::NoMessage), "begins with another field");
        assert_eq!(first_number(&[ROW]), Err(RecordError::TooShort));
    }
}
