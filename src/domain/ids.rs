//! Identifiers, each a type of its own so that two cannot be swapped.
//!
//! Their `Debug` shows nothing: an id of a person, a claim or a request may stand in no log line. Who
//! needs the text says so with `as_str`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text itself; it must not reach a log, a metric, a trace or a key.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(text.into())
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
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a kind and a value in the compact encoding of the records.
    pub fn of_value(kind: &str, value: &impl Serialize) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_bytes());
        hasher.update(&[0]);
        // Nothing that is hashed here can refuse to be serialised; if it ever did, the digest without a
        // value would still equal that of no value.
        if let Ok(bytes) = postcard::to_stdvec(value) {
            hasher.update(&bytes);
        }
        Digest(*hasher.finalize().as_bytes())
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
