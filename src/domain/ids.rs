//! Identifiers, each a type of its own so that two cannot be swapped.
//!
//! Their `Debug` shows nothing: an id of a person, a claim or a request may stand in no log line. Who
//! needs the text says so with `as_str`.

use std::fmt;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::fault::FaultReason;

/// The greatest `id_bytes` that a server can be configured with, and so the most bytes of a stored id.
pub const MAX_ID_BYTES: usize = 256;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id of this text.
            ///
            /// # Errors
            /// Why the text is no id.
            pub fn parse(text: impl Into<Arc<str>>, limit: usize) -> Result<$name, TextError> {
                let text = text.into();
                check_id(&text, limit).map(|()| $name(text))
            }

            /// The id in a stored record or in a table file of this program. The configured limit may have been another
            /// when it was stored, so the greatest limit holds.
            ///
            /// # Errors
            /// As [`Self::parse`]: what was stored is damaged.
            pub(crate) fn from_stored(text: impl Into<Arc<str>>) -> Result<$name, TextError> {
                $name::parse(text, MAX_ID_BYTES)
            }

            /// The text itself; it must not reach a log, a metric, a trace or a key.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(stored: D) -> Result<Self, D::Error> {
                $name::from_stored(Arc::<str>::deserialize(stored)?).map_err(D::Error::custom)
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// The insurance.
    pub insurance: Arc<str>,
    /// The benefit year.
    pub year: i32,
}

/// The number of a journal entry, time-ordered; a settlement's id is that of its entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn blake3(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a kind and a value in the compact encoding of the records.
    ///
    /// # Errors
    /// If the value cannot be serialized: without its bytes, different values would have the same digest.
    pub fn blake3_of_value(kind: &'static str, value: &impl Serialize) -> Result<Digest, DigestError> {
        let bytes = postcard::to_stdvec(value).map_err(|error| DigestError { kind, error })?;
        Ok(Digest::blake3_of_parts(kind, &[&bytes]))
    }

    /// The digest of a kind and a text: that of [`Digest::blake3_of_value`], which cannot fail for a text.
    pub fn blake3_of_text(kind: &'static str, text: &str) -> Digest {
        let (mut prefix, mut rest) = (Vec::with_capacity(2), text.len());
        while rest >= 0x80 {
            prefix.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        prefix.push(rest as u8);
        Digest::blake3_of_parts(kind, &[&prefix, text.as_bytes()])
    }

    fn blake3_of_parts(kind: &str, parts: &[&[u8]]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        for part in parts {
            hasher.update(part);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

/// A value that has no digest, because it cannot be serialized.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content of \"{kind}\" cannot be serialized: {error}")]
pub struct DigestError {
    kind: &'static str,
    error: postcard::Error,
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
    use serde::ser::{Error, Serializer};

    use super::*;

    struct Unserializable;

    impl Serialize for Unserializable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("refused"))
        }
    }

    #[test]
    fn a_value_that_cannot_be_serialized_has_no_digest() {
        let error = Digest::blake3_of_value("test", &Unserializable).expect_err("no digest");
        assert!(error.to_string().starts_with("the content of \"test\" cannot be serialized"), "{error}");
        assert!(Digest::blake3_of_value("test", &("half", Unserializable)).is_err());
    }

    #[test]
    fn the_digest_of_a_text_is_that_of_the_text_as_a_value() {
        for length in [0, 1, 127, 128, 300, 20_000] {
            let text = "a".repeat(length);
            assert_eq!(
                Ok(Digest::blake3_of_text("test", &text)),
                Digest::blake3_of_value("test", &text),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_stored_record_with_a_text_that_is_no_id_is_damaged() {
        let stored = |text: &str| postcard::from_bytes::<PersonId>(&postcard::to_stdvec(text).expect("bytes"));
        assert_eq!(stored("P1").map(|id| id.as_str().to_owned()), Ok("P1".to_owned()));
        assert!(stored(&"P".repeat(MAX_ID_BYTES)).is_ok());
        assert!(stored(&"P".repeat(MAX_ID_BYTES + 1)).is_err());
        assert!(stored("").is_err());
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
