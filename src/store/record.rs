//! The form of stored bytes: a format number, a checksum, and the value in postcard's wire format.
//!
//! A record is self-contained: it can be read without the policy or the tables it was made from.
//! When a stored type changes, the format number rises, and [`super::codec`] keeps the types of the old one to
//! read what was written then; `tests/fixtures` holds a record of each format.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::domain::ids::Digest;

/// The format that is written.
pub const FORMAT: u8 = 3;

/// The formats that are read.
const KNOWN: std::ops::RangeInclusive<u8> = 1..=FORMAT;

/// Format, then the first bytes of the digest of what follows.
const HEADER: usize = 1 + CHECK;

/// The bytes of a checksum.
const CHECK: usize = 8;

/// Most records are smaller than this.
const USUAL: usize = 4096;

/// A value as stored, and the digest of its bytes, which the next entry of a chain carries.
pub fn encode(value: &impl Serialize) -> Result<(Vec<u8>, Digest), StoreError> {
    let unwritable = |error: postcard::Error| StoreError::Unavailable(format!("a record cannot be written: {error}"));
    let mut header = Vec::with_capacity(USUAL);
    header.resize(HEADER, 0);
    let mut record = postcard::to_extend(value, header).map_err(unwritable)?;
    let digest = Digest::of(&record[HEADER..]);
    record[0] = FORMAT;
    record[1..HEADER].copy_from_slice(&digest.0[..CHECK]);
    Ok((record, digest))
}

/// The value of a record whose form is the same in every format, and the digest of its bytes.
///
/// # Errors
/// If the record is shorter than its header, of a format that is not known, or not what was written.
pub fn decode<T: DeserializeOwned>(record: &[u8]) -> Result<(T, Digest), StoreError> {
    let (_, body, digest) = checked(record)?;
    Ok((value(body)?, digest))
}

/// The format and the body of a record that is what was written, and the digest of the body.
pub(super) fn checked(record: &[u8]) -> Result<(u8, &[u8], Digest), StoreError> {
    let damaged = |what: &str| StoreError::Damaged(what.to_owned());
    let (header, body) = record.split_at_checked(HEADER).ok_or_else(|| damaged("it is cut short"))?;
    if !KNOWN.contains(&header[0]) {
        return Err(damaged(&format!("its format {} is not known", header[0])));
    }
    let digest = Digest::of(body);
    if header[1..] == digest.0[..CHECK] { Ok((header[0], body, digest)) } else { Err(damaged("its checksum differs")) }
}

/// The value of a body that was checked.
pub(super) fn value<T: DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(what.to_owned());
    let (value, rest) = postcard::take_from_bytes(body).map_err(|_| damaged("it cannot be read"))?;
    if rest.is_empty() { Ok(value) } else { Err(damaged("it has bytes to spare")) }
}

/// The first field of a record's value, without a look at the rest: for a comparison that a reader of the
/// whole record has gone before.
///
/// # Errors
/// If the record is too short or of a format that is not known.
pub fn first_field<T: DeserializeOwned>(record: &[u8]) -> Result<T, StoreError> {
    let damaged = || StoreError::Damaged("it is cut short".to_owned());
    let body = record.get(HEADER..).filter(|_| KNOWN.contains(&record[0])).ok_or_else(damaged)?;
    postcard::take_from_bytes(body).map(|(field, _)| field).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_anywhere_is_found() {
        let (record, _) = encode(&("a value", 17u64)).expect("a record");
        assert_eq!(decode::<(String, u64)>(&record).map(|(value, _)| value), Ok(("a value".to_owned(), 17)));
        for at in 0..record.len() {
            let mut changed = record.clone();
            changed[at] ^= 1;
            let read = decode::<(String, u64)>(&changed);
            // What has the same form in every format reads the same under the number of another.
            assert!(if at == 0 { read.is_ok() == KNOWN.contains(&changed[0]) } else { read.is_err() }, "byte {at}");
        }
        assert!(decode::<(String, u64)>(&record[..record.len() - 1]).is_err());
        assert!(decode::<(String, u64)>(&[]).is_err());
    }
}
