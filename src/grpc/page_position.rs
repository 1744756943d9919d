//! The positions at which pages of lists begin, as the bytes that a page token seals.

use crate::domain::day::Day;
use crate::domain::ids::EntryId;
use crate::store::rows::ListPosition;

/// A position in a list.
pub trait PagePosition: Sized {
    /// The bytes of the position.
    fn to_bytes(&self) -> Vec<u8>;

    /// The position of these bytes; `None` if they are of none.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl PagePosition for EntryId {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(EntryId)
    }
}

impl PagePosition for u64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(u64::from_be_bytes)
    }
}

/// The byte before a text: without it no position is meant.
const TEXT: u8 = b't';

impl PagePosition for String {
    fn to_bytes(&self) -> Vec<u8> {
        [&[TEXT], self.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes.strip_prefix(&[TEXT])?).ok().map(str::to_owned)
    }
}

impl PagePosition for ListPosition {
    fn to_bytes(&self) -> Vec<u8> {
        [&self.day.number().to_be_bytes()[..], &self.number.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (day, number) = bytes.split_first_chunk()?;
        let day = Day::from_number(u32::from_be_bytes(*day))?;
        Some(ListPosition { day, number: u64::from_bytes(number)? })
    }
}
