//! A short text kept in place, whose comparison seldom reads more than its first eight bytes.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// The number of bytes that are compared as one number.
const FIRST: usize = size_of::<u64>();

/// A text with its first bytes as a number. Texts of up to 23 bytes are kept in place, so that copying one counts no
/// references.
#[derive(Clone, Default)]
pub struct ShortText {
    /// The first bytes, then zeros, as a number with the order of the texts.
    first: u64,
    text: SmolStr,
}

impl ShortText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, as it is kept.
    pub fn as_smol_str(&self) -> &SmolStr {
        &self.text
    }

    /// Whether texts with the same first bytes are equal.
    fn is_rest_equal(&self, other: &ShortText) -> bool {
        let len = self.text.len();
        len == other.text.len() && (len <= FIRST || self.text == other.text)
    }
}

impl<T: Into<SmolStr>> From<T> for ShortText {
    fn from(text: T) -> Self {
        let text = text.into();
        let mut first = [0; FIRST];
        text.bytes().take(FIRST).zip(&mut first).for_each(|(byte, at)| *at = byte);
        ShortText { first: u64::from_be_bytes(first), text }
    }
}

impl PartialEq for ShortText {
    #[inline(always)]
    fn eq(&self, other: &ShortText) -> bool {
        self.first == other.first && self.is_rest_equal(other)
    }
}

impl Eq for ShortText {}

impl PartialOrd for ShortText {
    fn partial_cmp(&self, other: &ShortText) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShortText {
    fn cmp(&self, other: &ShortText) -> Ordering {
        self.first.cmp(&other.first).then_with(|| self.text.cmp(&other.text))
    }
}

impl Deref for ShortText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl Hash for ShortText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.first.hash(state);
        self.text.len().hash(state);
        if self.text.len() > FIRST {
            self.text.hash(state);
        }
    }
}

impl Serialize for ShortText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ShortText, D::Error> {
        SmolStr::deserialize(deserializer).map(ShortText::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_equal_exactly_if_their_bytes_are() {
        let texts = ["", "a", "a\0", "eligible", "eligible\0", "eligible_a", "eligible_b", "over_limit", "大病"];
        for one in texts {
            for other in texts {
                let (left, right) = (ShortText::from(one), ShortText::from(other));
                assert_eq!(left == right, one == other, "{one:?} and {other:?}");
                assert_eq!(left.cmp(&right), one.cmp(other), "{one:?} and {other:?}");
            }
        }
    }
}
