//! The names of keys: a prefix, the shard as the hash tag, and what the key is. No id of a person, a request or a
//! claim stands in one: what names them is a keyed hash.
//!
//! | key, behind `PREFIX:{NN}:` | type | holds |
//! | --- | --- | --- |
//! | `store` | string | whose store this is: format, and a check value of the secret |
//! | `p` person | hash | `p` reference record; `s` version and state; `r` request: entry id; `c` claim: its row |
//! | `persons` | sorted set | the keys of all persons with a state |
//! | `e` entry id | string | the entry's record; or the shard where it lies, for an id that names another; or that it is in the archive |
//! | `b` claim | string | the person that the claim is bound to |
//! | `l` hospital | sorted set | the places of its settlements of this shard's persons |
//! | `clock` | string | the number of the last place given in this shard |
//! | `journal` | stream | the change feed, which may be trimmed |
//! | `entries` | string | how many entries the shard has |
//! | `imports`, `noted`, `parts` number | sorted set, hashes | the log of imports, hospitals and catalogue; in shard 0 |
//! | `policies` | hash | canonical texts of policies; in shard 0 |
//! | `shared` | hash | version of the tables, digest of the book; which years are in which archive; in shard 0 |
//!
//! Everything about a person lies in their shard, so in one hash slot of a Cluster, and one function writes it all at
//! once. A binding lies in the shard that its own key names.

use crate::domain::ids::{EntryId, HospitalId, PersonId};
use crate::store::keys::{Secret, StoreKey};
use crate::store::shard::Shard;

/// The shard of what belongs to no person: reference tables, policies.
pub const COMMON: u8 = 0;

/// The names of one store.
#[derive(Clone)]
pub struct RedisKeys {
    prefix: String,
    secret: Secret,
}

impl RedisKeys {
    /// The names of the store with this prefix and secret.
    pub fn new(prefix: String, secret: Secret) -> RedisKeys {
        RedisKeys { prefix, secret }
    }

    /// What the keys are hashed with.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What every key begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A key of which a shard has one.
    pub fn of_shard(&self, shard: Shard, name: &str) -> Vec<u8> {
        self.key(shard, name, &[])
    }

    /// A key of the common shard.
    pub fn common(&self, name: &str) -> Vec<u8> {
        self.of_shard(common(), name)
    }

    /// The hash of a person.
    pub fn person(&self, id: &PersonId) -> Vec<u8> {
        self.keyed_person(Shard::of(id), &self.secret.person(id))
    }

    /// The same by the person's key and shard.
    pub fn keyed_person(&self, shard: Shard, key: &StoreKey) -> Vec<u8> {
        self.key(shard, "p", key)
    }

    /// Where the record of an entry lies, or what leads to it.
    pub fn entry(&self, shard: Shard, id: EntryId) -> Vec<u8> {
        self.key(shard, "e", &id.0)
    }

    /// The binding of a claim, and the shard in which it lies.
    pub fn binding(&self, claim: &StoreKey) -> (Shard, Vec<u8>) {
        let shard = Shard::of_byte(claim[0]);
        (shard, self.key(shard, "b", claim))
    }

    /// The places of a hospital's settlements in this shard.
    pub fn listed(&self, shard: Shard, id: &HospitalId) -> Vec<u8> {
        self.key(shard, "l", &self.secret.hospital(id))
    }

    /// The parts of an import.
    pub fn parts(&self, import: u64) -> Vec<u8> {
        self.key(common(), "parts", &import.to_be_bytes())
    }

    fn key(&self, shard: Shard, name: &str, rest: &[u8]) -> Vec<u8> {
        let mut key = format!("{}:{{{:02}}}:{name}", self.prefix, shard.number()).into_bytes();
        key.extend_from_slice(rest);
        key
    }
}

/// The person whose hash this key names: `…:{NN}:p` and 16 bytes.
pub fn person_of(name: &[u8]) -> Option<(StoreKey, Shard)> {
    let (before, key) = name.split_last_chunk::<16>()?;
    let tag = before.strip_suffix(b"}:p")?.last_chunk::<2>()?;
    let number: u8 = std::str::from_utf8(tag).ok()?.parse().ok()?;
    Some((*key, Shard::of_byte(number)))
}

/// The shard of what belongs to no person.
pub fn common() -> Shard {
    Shard::of_byte(COMMON)
}

/// The hash slot of a shard's keys on a Cluster: CRC-16 (XMODEM) of the tag.
pub fn slot(shard: Shard) -> u16 {
    let tag = format!("{:02}", shard.number());
    let crc = tag.bytes().fold(0u16, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % 16_384
}

/// The field of a request in its person's hash.
pub fn request_field(key: &StoreKey) -> Vec<u8> {
    [b"r", &key[..]].concat()
}

/// The field of a claim in its person's hash.
pub fn claim_field(key: &StoreKey) -> Vec<u8> {
    [b"c", &key[..]].concat()
}
