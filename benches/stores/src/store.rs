//! The job of every candidate: look up, commit a group, and show its content after a crash.

use std::path::Path;

pub type Key = [u8; 16];
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

/// A person as preloaded: a reference row that never changes and a state row that every settle overwrites.
pub struct Person {
    pub key: Key,
    pub reference: Vec<u8>,
    pub state: Vec<u8>,
}

/// The values that a caller reads before it decides.
pub struct Seen {
    pub version: u64,
    pub request_known: bool,
    pub claim_known: bool,
}

/// One commit: four rows, valid only while the person is still at `expected`.
pub struct Settle {
    pub person: Key,
    pub entry: Key,
    pub request: Key,
    pub claim: Key,
    pub expected: u64,
    pub entry_row: Vec<u8>,
    pub state_row: Vec<u8>,
    pub request_row: [u8; 24],
    pub claim_row: [u8; 48],
}

/// Identifies an acknowledged settle, to look for it after a crash.
pub struct Ack {
    pub person: Key,
    pub entry: Key,
    pub request: Key,
    pub claim: Key,
    pub version: u64,
}

/// The rows that a store holds of an acknowledged settle.
pub struct Held {
    pub entry: bool,
    pub request: bool,
    pub claim: bool,
    pub version: u64,
}

impl Held {
    pub fn covers(&self, ack: &Ack) -> bool {
        self.entry && self.request && self.claim && self.version >= ack.version
    }
}

pub trait Store: Send + Sync {
    fn preload(&self, persons: &[Person]) -> Result<()>;

    /// The four reads of a settle, on one consistent view of what is durable.
    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen>;

    /// Checks each settle's expected version, writes those that pass as one atomic unit, syncs once.
    /// Nothing of it may be visible to `look_up` before the sync is done.
    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>>;

    fn held(&self, ack: &Ack) -> Result<Held>;

    /// Rows of entries, requests and claims: equal unless a commit was torn.
    fn counts(&self) -> Result<[u64; 3]>;
}

/// The state row begins with the person's version.
pub fn version(state_row: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&state_row[..8]);
    u64::from_le_bytes(bytes)
}

/// Every candidate, by name. `/` separates a variant.
pub const CANDIDATES: [&str; 10] =
    ["log", "fjall", "fjall/small", "fjall/blob", "fjall/one", "redb", "redb/quick", "redb/person", "lmdb", "sqlite"];

pub fn open(name: &str, path: &Path) -> Result<Box<dyn Store>> {
    use crate::{fjall_store, lmdb_store, log_store, redb_store, sqlite_store};
    std::fs::create_dir_all(path)?;
    Ok(match name {
        "log" => Box::new(log_store::LogStore::open(path)?),
        "lmdb" => Box::new(lmdb_store::LmdbStore::open(path)?),
        "sqlite" => Box::new(sqlite_store::SqliteStore::open(path)?),
        "redb" => Box::new(redb_store::Tables::open(path, false)?),
        "redb/quick" => Box::new(redb_store::Tables::open(path, true)?),
        "redb/person" => Box::new(redb_store::ByPerson::open(path)?),
        other => match other.strip_prefix("fjall") {
            Some(variant) => Box::new(fjall_store::FjallStore::open(path, variant.parse()?)?),
            None => return Err(format!("no candidate is called {other}").into()),
        },
    })
}
