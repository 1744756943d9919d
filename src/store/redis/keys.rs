//! The names of keys: a prefix, the shard as the hash tag, and the kind of key. A key contains no id of a person, a
//! request or a claim, only keyed hashes of them.
//!
//! | key, after `PREFIX:{NN}:` | type | value |
//! | --- | --- | --- |
//! | `store` | string | the marker of the store: format, and a check value of the secret |
//! | `p` person | hash | `p` reference record; `s` version and state; `r` request: entry id; `c` claim: its row |
//! | `persons` | sorted set | the keys of all persons with a state |
//! | `e` entry id | string | the entry's record; or a redirect to its shard, if the id names another; or a placeholder for an archived record |
//! | `b` claim | string | the person that the claim is bound to |
//! | `l` hospital | sorted set | the positions of its settlements of this shard's persons |
//! | `clock` | string | the last number assigned to a position or an entry in this shard |
//! | `journal` | stream | the change feed: the entries of the shard by number, which are the order of commits |
//! | `entries` | string | the number of entries in the shard |
//! | `administration` | string | version and state of the chain of the administration; in shard 0 |
//! | `closed` | string | the last month that is closed for this shard's persons, yyyymm |
//! | `closing` | string | the number of the closing that wrote `closed` |
//! | `lease` | string | the number of the newest import lease under which persons of this shard are written |
//! | `imports`, `noted`, `parts` number | sorted set, hashes | the log of imports, hospitals and catalogue; in shard 0 |
//! | `policies` | hash | canonical texts of policies; in shard 0 |
//! | `shared` | hash | version of the tables, digest of the announced book, archived years, number of the newest import lease, number of the newest closing and the month of one that has not ended; in shard 0 |
//! | `import-lease` | string | the token of the instance that imports, with a time to live; in shard 0 |
//!
//! All keys of a person are in the person's shard, so in one hash slot of a Cluster, and one function writes them
//! atomically. A binding is in the shard that its own key gives.

use crate::domain::ids::{EntryId, HospitalId, PersonId};
use crate::store::keys::{Secret, StoreKey};
use crate::store::shard::Shard;

/// The number of the shard for data without a person: reference tables, policies.
const COMMON: Shard = Shard::ADMINISTRATION;

/// The key names of one store.
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

    /// The secret that the keys are hashed with.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The prefix of every key.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A key that every shard has once.
    pub fn shard_key(&self, shard: Shard, name: &str) -> Vec<u8> {
        self.key(shard, name, &[])
    }

    /// A key of the common shard.
    pub fn common_key(&self, name: &str) -> Vec<u8> {
        self.shard_key(common_shard(), name)
    }

    /// The key of a person's hash.
    pub fn person(&self, id: &PersonId) -> Vec<u8> {
        self.keyed_person(Shard::of_person(id), &self.secret.person(id))
    }

    /// The key of a person's hash, by store key and shard.
    pub fn keyed_person(&self, shard: Shard, key: &StoreKey) -> Vec<u8> {
        self.key(shard, "p", key)
    }

    /// The key of an entry's record, or of the redirect to it.
    pub fn entry(&self, shard: Shard, id: EntryId) -> Vec<u8> {
        self.key(shard, "e", &id.0)
    }

    /// The key of a claim's binding, and its shard.
    pub fn binding(&self, claim: &StoreKey) -> (Shard, Vec<u8>) {
        let shard = Shard::from_byte(claim[0]);
        (shard, self.key(shard, "b", claim))
    }

    /// The key of a hospital's list in this shard.
    pub fn hospital_list_key(&self, shard: Shard, id: &HospitalId) -> Vec<u8> {
        self.key(shard, "l", &self.secret.hospital(id))
    }

    /// The key of an import's parts.
    pub fn parts(&self, import: u64) -> Vec<u8> {
        self.key(common_shard(), "parts", &import.to_be_bytes())
    }

    fn key(&self, shard: Shard, name: &str, rest: &[u8]) -> Vec<u8> {
        let mut key = format!("{}:{{{:02}}}:{name}", self.prefix, shard.number()).into_bytes();
        key.extend_from_slice(rest);
        key
    }
}

/// Decodes the key of a person's hash: `…:{NN}:p` and 16 bytes.
pub fn person_of(name: &[u8]) -> Option<(StoreKey, Shard)> {
    let (before, key) = name.split_last_chunk::<16>()?;
    let tag = before.strip_suffix(b"}:p")?.last_chunk::<2>()?;
    let number: u8 = std::str::from_utf8(tag).ok()?.parse().ok()?;
    Some((*key, Shard::from_byte(number)))
}

/// The shard for data without a person.
pub fn common_shard() -> Shard {
    COMMON
}

/// The hash slot of a shard on a Cluster: CRC-16 (XMODEM) of its tag.
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
