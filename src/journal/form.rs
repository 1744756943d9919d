//! Stored forms: a protobuf message behind each stored value, and what the conversions have in common.

use prost::Message;

use super::message_writer::MessageWriter;
use crate::domain::day::{Day, Interval};
use crate::domain::facts::Region;
use crate::domain::ids::{Digest, EntryId, TextError};
use crate::domain::month::Month;
use crate::domain::rate::Rate;
use crate::pb::journal::Days;

/// A value with a stored form.
pub trait StoredForm: Sized {
    /// The message that is stored.
    type Message: Message + Default;

    /// Writes the message of this value.
    fn write(&self, message: &mut MessageWriter);

    /// The value of a message.
    ///
    /// # Errors
    /// If the message is of no value.
    fn from_message(message: Self::Message) -> Result<Self, Malformed>;
}

/// A stored message with a field that its type does not hold: it was damaged before it was stored, or is of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its field {0} cannot be read")]
pub struct Malformed(pub &'static str);

/// The id in a field.
///
/// # Errors
/// If it is none.
pub fn entry_id(field: &'static str, bytes: &[u8]) -> Result<EntryId, Malformed> {
    bytes.try_into().map(EntryId).map_err(|_| Malformed(field))
}

/// The id in a field that may be empty.
///
/// # Errors
/// If it is neither empty nor an id.
pub fn optional_entry_id(field: &'static str, bytes: &[u8]) -> Result<Option<EntryId>, Malformed> {
    if bytes.is_empty() { Ok(None) } else { entry_id(field, bytes).map(Some) }
}

/// The ids in a field.
///
/// # Errors
/// If one is none.
pub fn entry_ids<B: AsRef<[u8]>>(field: &'static str, ids: &[B]) -> Result<Vec<EntryId>, Malformed> {
    ids.iter().map(|bytes| entry_id(field, bytes.as_ref())).collect()
}

/// The bytes of an id; none if there is none.
pub fn id_bytes(id: Option<EntryId>) -> Vec<u8> {
    id.map(|EntryId(bytes)| bytes.to_vec()).unwrap_or_default()
}

/// The bytes of an id, without copying them; none if there is none.
pub fn bytes_of(id: &Option<EntryId>) -> &[u8] {
    id.as_ref().map_or(&[], |EntryId(bytes)| bytes)
}

/// The digest in a field.
///
/// # Errors
/// If it is none.
pub fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, Malformed> {
    bytes.try_into().map(Digest).map_err(|_| Malformed(field))
}

/// The digest in a field that may be empty.
///
/// # Errors
/// If it is neither empty nor a digest.
pub fn optional_digest(field: &'static str, bytes: &[u8]) -> Result<Option<Digest>, Malformed> {
    if bytes.is_empty() { Ok(None) } else { digest(field, bytes).map(Some) }
}

/// The day in a field.
///
/// # Errors
/// If it is none.
pub fn day(field: &'static str, number: u32) -> Result<Day, Malformed> {
    Day::from_number(number).ok_or(Malformed(field))
}

/// The month with a number.
///
/// # Errors
/// If it is none.
pub fn month(field: &'static str, number: u32) -> Result<Month, Malformed> {
    Month::from_number(number).ok_or(Malformed(field))
}

/// The days of a row; an absent message is open at both ends.
///
/// # Errors
/// If an end is no day.
pub fn interval(days: Option<Days>) -> Result<Interval, Malformed> {
    let Days { from, until } = days.unwrap_or_default();
    let end = |number| if number == 0 { Ok(None) } else { day("days", number).map(Some) };
    Ok(Interval { from: end(from)?, until: end(until)? })
}

/// The message of the days of a row.
pub fn days(days: Interval) -> Option<Days> {
    let number = |day: Option<Day>| day.map_or(0, Day::number);
    Some(Days { from: number(days.from), until: number(days.until) })
}

/// The region in a field.
///
/// # Errors
/// If it is none.
pub fn region(field: &'static str, code: &str) -> Result<Region, Malformed> {
    Region::parse(code).ok_or(Malformed(field))
}

/// The rate in a field.
///
/// # Errors
/// If it is none.
pub fn rate(field: &'static str, text: &str) -> Result<Rate, Malformed> {
    Rate::from_stored(text).ok_or(Malformed(field))
}

/// The id or code in a field; `parse` is that of its type.
///
/// # Errors
/// If it is none.
pub fn id<S, T>(field: &'static str, text: S, parse: fn(S) -> Result<T, TextError>) -> Result<T, Malformed> {
    parse(text).map_err(|_| Malformed(field))
}

/// The message in a field.
///
/// # Errors
/// If it is absent.
pub fn present<T>(field: &'static str, message: Option<T>) -> Result<T, Malformed> {
    message.ok_or(Malformed(field))
}

/// The encoded message in a field.
///
/// # Errors
/// If it cannot be decoded.
pub fn nested<T: Message + Default>(field: &'static str, bytes: &[u8]) -> Result<T, Malformed> {
    T::decode(bytes).map_err(|_| Malformed(field))
}
