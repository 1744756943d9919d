//! Records, the form of all stored values: a format number, a checksum, and an encoded message.
//!
//! A record is self-contained: it can be decoded without the policy or the tables that it was made from. Fields are added to
//! the messages without another format; a record of another format is not decoded.

use prost::Message;

use super::form::{Malformed, StoredForm};
use crate::domain::ids::Digest;

/// The format of the records.
pub const FORMAT: u8 = 5;

/// The length of the header: the format, then the first bytes of the digest of the body.
const HEADER: usize = 1 + CHECK;

/// The length of the checksum.
const CHECK: usize = 8;

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

/// The record of a value.
pub fn encode(value: &impl StoredForm) -> Vec<u8> {
    encode_message(&value.to_message()).0
}

/// The value of a record.
///
/// # Errors
/// If it is damaged, or of an unknown format.
pub fn decode<T: StoredForm>(record: &[u8]) -> Result<T, RecordError> {
    let (message, _) = decode_message(record)?;
    Ok(T::from_message(message)?)
}

/// The record of a message, and the digest of its body, which the next entry of a chain carries.
pub fn encode_message(message: &impl Message) -> (Vec<u8>, Digest) {
    let mut record = Vec::with_capacity(HEADER + message.encoded_len());
    record.resize(HEADER, 0);
    message.encode_raw(&mut record);
    let digest = Digest::blake3(&record[HEADER..]);
    record[0] = FORMAT;
    record[1..HEADER].copy_from_slice(&digest.0[..CHECK]);
    (record, digest)
}

/// The message of a record, and the digest of its body.
///
/// # Errors
/// If the record is damaged, or of an unknown format.
pub fn decode_message<M: Message + Default>(record: &[u8]) -> Result<(M, Digest), RecordError> {
    let (header, body) = record.split_at_checked(HEADER).ok_or(RecordError::TooShort)?;
    if header[0] != FORMAT {
        return Err(RecordError::UnknownFormat(header[0]));
    }
    let digest = Digest::blake3(body);
    if header[1..] != digest.0[..CHECK] {
        return Err(RecordError::Checksum);
    }
    let message = M::decode(body).map_err(|_| RecordError::NoMessage)?;
    Ok((message, digest))
}

/// The message of a record, without verifying its checksum: for a message that is verified later.
///
/// # Errors
/// If the record is too short, of an unknown format, or no message.
pub(super) fn decode_unverified<M: Message + Default>(record: &[u8]) -> Result<M, RecordError> {
    let (header, body) = record.split_at_checked(HEADER).ok_or(RecordError::TooShort)?;
    if header[0] != FORMAT {
        return Err(RecordError::UnknownFormat(header[0]));
    }
    M::decode(body).map_err(|_| RecordError::NoMessage)
}

/// The number in the first field of a record, without verifying its checksum: for a comparison with a record that was read
/// and verified before.
///
/// # Errors
/// If the record is too short, of an unknown format, or begins with another field.
pub fn first_number(record: &[u8]) -> Result<u64, RecordError> {
    let (header, mut body) = record.split_at_checked(HEADER).ok_or(RecordError::TooShort)?;
    if header[0] != FORMAT {
        return Err(RecordError::UnknownFormat(header[0]));
    }
    let mut number = || prost::encoding::decode_varint(&mut body).map_err(|_| RecordError::NoMessage);
    if number()? == u64::from(FIRST_NUMBER) { number() } else { Err(RecordError::NoMessage) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::journal::{Days, PersonState};

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
    fn the_version_of_a_state_is_read_without_the_rest() {
        let state = PersonState { version: 300, head_id: vec![1; 16], ..PersonState::default() };
        assert_eq!(first_number(&encode_message(&state).0), Ok(300));
        let other = PersonState { head_id: vec![1; 16], ..PersonState::default() };
        assert_eq!(first_number(&encode_message(&other).0), Err(RecordError::NoMessage));
        assert_eq!(first_number(&[FORMAT]), Err(RecordError::TooShort));
    }
}
