//! Identifiers, each a type of its own so that two cannot be swapped. One of up to 23 bytes is kept in place.
//!
//! Their `Debug` shows nothing: an id of a person, a claim or a request may stand in no log line. Who
//! needs the text says so with `as_str`.

use std::fmt;
use std::sync::Arc;

use smol_str::SmolStr;

use super::fault::FaultReason;

/// The greatest `id_bytes` that a server can be configured with, and so the most bytes of a stored id.
pub const MAX_ID_BYTES: usize = 256;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The id of this text.
            ///
            /// # Errors
            /// Why the text is no id.
            pub fn parse(text: impl Into<SmolStr>, limit: usize) -> Result<$name, TextError> {
                let text = text.into();
                check_id(&text, limit).map(|()| $name(text))
            }

            /// The id in a stored record or in a table file of this program. The configured limit may have been another
            /// when it was stored, so the greatest limit holds.
            ///
            /// # Errors
            /// As [`Self::parse`]: what was stored is damaged.
            pub(crate) fn from_stored(text: impl Into<SmolStr>) -> Result<$name, TextError> {
                $name::parse(text, MAX_ID_BYTES)
            }

            /// The text itself; it must not reach a log, a metric, a trace or a key.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}

id! {
    /// The hospital's own number of a claim (就诊ID); unique for the hospital.
    ClaimId,
    /// The idempotency key of a settle, a reverse or a fence, within (hospital, person).
    RequestId,
    /// A designated medical institution (定点医疗机构).
    HospitalId,
    /// An insured person (参保人).
    PersonId,
    /// A drug, service or material of the catalogue (目录编码).
    ItemCode,
    /// The code of a diagnosis (诊断编码).
    Diagnosis,
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is empty.
    #[error("is missing")]
    Missing,
    /// It has too many bytes.
    #[error("has {bytes} bytes; the limit is {limit}")]
    TooLong {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It begins or ends with white space.
    #[error("has white space at an end")]
    WhiteSpace,
    /// It has a control character.
    #[error("has a control character")]
    ControlCharacter,
}

impl TextError {
    /// The fault of a field that holds such a text.
    pub fn reason(self) -> FaultReason {
        match self {
            TextError::Missing => FaultReason::Missing,
            TextError::TooLong { .. } => FaultReason::TooLong,
            TextError::WhiteSpace => FaultReason::WhiteSpace,
            TextError::ControlCharacter => FaultReason::ControlCharacter,
        }
    }
}

/// Checks that a text can be an id or a code: 1 to `limit` bytes without control characters and without white space at
/// either end.
///
/// # Errors
/// If it cannot.
pub fn check_id(text: &str, limit: usize) -> Result<(), TextError> {
    check_length(text, limit)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        return Err(TextError::WhiteSpace);
    }
    if text.contains(char::is_control) { Err(TextError::ControlCharacter) } else { Ok(()) }
}

/// Checks that a text is not empty and has at most so many bytes.
///
/// # Errors
/// If it is not.
pub fn check_length(text: &str, limit: usize) -> Result<(), TextError> {
    match text.len() {
        0 => Err(TextError::Missing),
        bytes if bytes > limit => Err(TextError::TooLong { bytes, limit }),
        _ => Ok(()),
    }
}

/// Gives types a `Debug` that shows that there is one and nothing of it: a bill stands in no log.
macro_rules! silent_debug {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )*};
}
pub(crate) use silent_debug;

/// Which account of a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The insurance.
    pub insurance: Arc<str>,
    /// The benefit year.
    pub year: i32,
}

/// The number of a journal entry, time-ordered; a settlement's id is that of its entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub [u8; 16]);

impl EntryId {
    /// The id that this text writes, if it writes one.
    pub fn parse(text: &str) -> Option<EntryId> {
        uuid::Uuid::try_parse(text).ok().map(|id| EntryId(id.into_bytes()))
    }
}

/// The hyphenated form of a UUID.
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A 256-bit BLAKE3 digest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn blake3(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }
}

/// The digest of a canonical form: a kind that names its version, a zero byte, then fields in order, each with its length.
#[derive(Clone)]
pub struct CanonicalDigest(blake3::Hasher);

impl CanonicalDigest {
    /// The digest of a form of this kind, without fields yet.
    pub fn new(kind: &str) -> CanonicalDigest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes()).update(&[0]);
        CanonicalDigest(hasher)
    }

    /// Adds a field.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> CanonicalDigest {
        self.0.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> CanonicalDigest {
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: u64) -> CanonicalDigest {
        self.bytes(&number.to_le_bytes())
    }

    /// The digest, after a last field without its length.
    pub fn rest(mut self, bytes: &[u8]) -> Digest {
        self.0.update(bytes);
        self.finish()
    }

    /// The digest.
    pub fn finish(self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_divided_differently_have_different_digests() {
        let digest = |one: &str, other: &str| CanonicalDigest::new("test/1").text(one).text(other).finish();
        assert_ne!(digest("ab", "c"), digest("a", "bc"));
        assert_ne!(digest("ab", ""), CanonicalDigest::new("test/1").text("ab").finish());
        assert_ne!(digest("ab", "c"), CanonicalDigest::new("test/2").text("ab").text("c").finish());
        assert_eq!(CanonicalDigest::new("test/1").rest(b"ab"), Digest::blake3(b"test/1\0ab"));
    }

    #[test]
    fn a_stored_text_that_is_no_id_is_refused() {
        assert_eq!(PersonId::from_stored("P1").map(|id| id.as_str().to_owned()), Ok("P1".to_owned()));
        assert!(PersonId::from_stored("P".repeat(MAX_ID_BYTES)).is_ok());
        assert!(PersonId::from_stored("P".repeat(MAX_ID_BYTES + 1)).is_err());
        assert!(PersonId::from_stored("").is_err());
    }

    #[test]
    fn an_id_is_neither_empty_nor_above_the_limit_and_has_no_white_space_at_an_end_and_no_control_character() {
        assert_eq!(PersonId::parse("", 4), Err(TextError::Missing));
        assert_eq!(PersonId::parse("P0001", 4), Err(TextError::TooLong { bytes: 5, limit: 4 }));
        for text in [" P", "P ", " ", "\u{3000}P", "P\u{a0}", "\tP", "P\n"] {
            assert_eq!(PersonId::parse(text, 64), Err(TextError::WhiteSpace), "{text:?}");
        }
        for text in ["P\u{7}1", "P\n1", "P\u{1b}[2J1", "P\u{85}1", "P\u{7f}"] {
            assert_eq!(PersonId::parse(text, 64), Err(TextError::ControlCharacter), "{text:?}");
        }
        for text in ["P 1", "住院号　1", "P-1/2"] {
            assert!(PersonId::parse(text, 64).is_ok(), "{text:?}");
        }
        assert_eq!(PersonId::parse("P001", 4).map(|id| id.as_str().to_owned()), Ok("P001".to_owned()));
    }
}
