//! Keys of rows: keyed hashes, so that a key contains no id.
//!
//! The secret belongs to the store (of an embedded store, the file `secret` in its directory). Without the secret, the
//! keys do not reveal whether a person is among them.

use smallvec::SmallVec;

use crate::domain::ids::{ClaimId, HospitalId, PersonId, RequestId};

/// The key of a row of a person, a request or a claim.
pub type StoreKey = [u8; 16];

/// The bytes of a kind with its parts, as most have.
const USUAL_BYTES: usize = 192;

/// The secret that keys are hashed with.
#[derive(Clone)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// The key of a person.
    pub fn person(&self, person: &PersonId) -> StoreKey {
        self.key(b"person", &[person.as_str()])
    }

    /// The key of a request of a hospital, or of the administration, for a person.
    pub fn request(&self, hospital: Option<&HospitalId>, person: &PersonId, request: &RequestId) -> StoreKey {
        // No hospital has an empty id.
        let hospital = hospital.map_or("", HospitalId::as_str);
        self.key(b"request", &[hospital, person.as_str(), request.as_str()])
    }

    /// The key of a hospital's claim.
    pub fn claim(&self, hospital: &HospitalId, claim: &ClaimId) -> StoreKey {
        self.key(b"claim", &[hospital.as_str(), claim.as_str()])
    }

    /// The key of a hospital.
    pub fn hospital(&self, hospital: &HospitalId) -> StoreKey {
        self.key(b"hospital", &[hospital.as_str()])
    }

    /// A key for a purpose other than the keys of rows, such as tokens. It reveals neither the secret nor the key of
    /// another purpose, and is the same on every instance over the same store.
    pub fn derived(&self, purpose: &'static str) -> DerivedKey {
        DerivedKey(blake3::derive_key(purpose, &self.0))
    }

    /// Hashes each part with its length, so that different lists of parts give different keys.
    fn key(&self, kind: &[u8], parts: &[&str]) -> StoreKey {
        let mut message = SmallVec::<[u8; USUAL_BYTES]>::from_slice(kind);
        for part in parts {
            message.extend_from_slice(&(part.len() as u64).to_le_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        let mut key = StoreKey::default();
        key.copy_from_slice(&blake3::keyed_hash(&self.0, &message).as_bytes()[..16]);
        key
    }
}

/// A key that is derived from the secret of a store for one purpose.
#[derive(Clone)]
pub struct DerivedKey(pub [u8; 32]);

impl std::fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DerivedKey(redacted)")
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
