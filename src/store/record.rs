//! Records, the form of all stored values: a format number, a checksum, and the value in postcard's wire format.
//!
//! A record is self-contained: it can be decoded without the policy or the tables that it was made from. When a stored
//! type changes, the format number is incremented; a record of another format is not decoded.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::domain::ids::Digest;

/// The format of the records.
pub const FORMAT: u8 = 5;

/// The length of the header: the format, then the first bytes of the digest of the body.
const HEADER: usize = 1 + CHECK;

/// The length of the checksum.
const CHECK: usize = 8;

/// The initial capacity of a record; most are smaller.
const CAPACITY: usize = 4096;

/// Encodes a value as a record; returns the digest of its body too, which the next entry of a chain carries.
///
/// # Errors
/// If the value cannot be serialized.
pub fn encode(value: &impl Serialize) -> Result<(Vec<u8>, Digest), StoreError> {
    let failed = |error: postcard::Error| StoreError::Unavailable(format!("a record cannot be encoded: {error}"));
    let mut header = Vec::with_capacity(CAPACITY);
    header.resize(HEADER, 0);
    let mut record = postcard::to_extend(value, header).map_err(failed)?;
    let digest = Digest::blake3(&record[HEADER..]);
    record[0] = FORMAT;
    record[1..HEADER].copy_from_slice(&digest.0[..CHECK]);
    Ok((record, digest))
}

/// Decodes a record; returns the digest of its body too.
///
/// # Errors
/// If the record is shorter than its header, of an unknown format, or damaged.
pub fn decode<T: DeserializeOwned>(record: &[u8]) -> Result<(T, Digest), StoreError> {
    let (body, digest) = verify(record)?;
    Ok((decode_body(body)?, digest))
}

/// Verifies the checksum of a record; returns its body, and the digest of the body.
fn verify(record: &[u8]) -> Result<(&[u8], Digest), StoreError> {
    let damaged = |what: &str| StoreError::Damaged(what.to_owned());
    let (header, body) = record.split_at_checked(HEADER).ok_or_else(|| damaged("it is too short"))?;
    if header[0] != FORMAT {
        return Err(damaged(&format!("its format {} is unknown", header[0])));
    }
    let digest = Digest::blake3(body);
    if header[1..] == digest.0[..CHECK] { Ok((body, digest)) } else { Err(damaged("its checksum differs")) }
}

/// Decodes a verified body.
fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(what.to_owned());
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| damaged("it cannot be decoded"))?;
    if rest.is_empty() { Ok(value) } else { Err(damaged("it has extra bytes")) }
}

/// Decodes only the first field of a record, without verifying its checksum: for a comparison with a record that was
/// read and verified before.
///
/// # Errors
/// If the record is too short or of an unknown format.
pub fn first_field<T: DeserializeOwned>(record: &[u8]) -> Result<T, StoreError> {
    let damaged = || StoreError::Damaged("it is too short".to_owned());
    let body = record.get(HEADER..).filter(|_| record[0] == FORMAT).ok_or_else(damaged)?;
    postcard::take_from_bytes(body).map(|(field, _)| field).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_detected_anywhere() {
        let (record, _) = encode(&("a value", 17u64)).expect("a record");
        assert_eq!(decode::<(String, u64)>(&record).map(|(value, _)| value), Ok(("a value".to_owned(), 17)));
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            assert!(decode::<(String, u64)>(&changed).is_err(), "byte {at}");
        }
        assert!(decode::<(String, u64)>(&record[..record.len() - 1]).is_err());
        assert!(decode::<(String, u64)>(&[]).is_err());
    }
}
