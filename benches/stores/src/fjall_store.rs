//! fjall: a log-structured merge tree with one journal for all keyspaces.
//!
//! A batch with `durability(Some(SyncData))` is synced before it is applied to the memtables, so nobody sees
//! it earlier. (Without, and with `Database::persist` afterwards, it is visible before it is durable.) But a
//! snapshot opened at any time may see a batch arrive row by row, as `views` shows; so readers share one
//! that the only writer took between two batches.

use crate::store::{Ack, Error, Held, Key, Person, Result, Seen, Settle, Store, version};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable, Snapshot};
use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::RwLock;

const MIB: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
pub enum Variant {
    /// Five keyspaces, everything as it comes.
    Default,
    /// Journals limited to the least allowed, memtables by each keyspace's share of the bytes.
    Small,
    /// `Small`, and entries stored apart from their keys.
    Blob,
    /// One keyspace for all rows, a byte of kind before each key; entries apart from their keys.
    One,
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "" => Self::Default,
            "/small" => Self::Small,
            "/blob" => Self::Blob,
            "/one" => Self::One,
            other => return Err(format!("no variant of fjall is called {other}").into()),
        })
    }
}

/// A keyspace, or a part of a shared one.
struct Rows {
    keyspace: Keyspace,
    kind: Option<u8>,
}

impl Rows {
    fn key(&self, key: &Key) -> Vec<u8> {
        self.kind.iter().chain(key).copied().collect()
    }

    fn count(&self, view: &Snapshot) -> u64 {
        match self.kind {
            Some(kind) => view.prefix(&self.keyspace, [kind]).count() as u64,
            None => view.iter(&self.keyspace).count() as u64,
        }
    }
}

pub struct FjallStore {
    db: Database,
    reference: Rows,
    state: Rows,
    entries: Rows,
    requests: Rows,
    claims: Rows,
    published: RwLock<Snapshot>,
}

impl FjallStore {
    pub fn open(path: &Path, variant: Variant) -> Result<Self> {
        let mut builder = Database::builder(path).cache_size(256 * MIB);
        if variant != Variant::Default {
            builder = builder.max_journaling_size(64 * MIB);
        }
        let db = builder.open()?;
        let separate = matches!(variant, Variant::Blob | Variant::One);
        // `memtable` in MiB: 32 for entries and in proportion to its bytes a settle for the rest, so that
        // all keyspaces flush about as often and none holds an old journal back.
        let rows = |name: &str, kind: u8, memtable: u64| -> Result<Rows> {
            let options = || {
                let options = KeyspaceCreateOptions::default();
                match variant {
                    Variant::Default => options,
                    Variant::One => options.max_memtable_size(32 * MIB),
                    _ => options.max_memtable_size(memtable * MIB),
                }
            };
            let separated = || match separate && (variant == Variant::One || name == "entries") {
                true => options().with_kv_separation(Some(KvSeparationOptions::default())),
                false => options(),
            };
            let (name, kind) = match variant {
                Variant::One => ("all", Some(kind)),
                _ => (name, None),
            };
            Ok(Rows { keyspace: db.keyspace(name, separated)?, kind })
        };
        Ok(Self {
            reference: rows("reference", b'p', 16)?,
            state: rows("state", b's', 6)?,
            entries: rows("entries", b'e', 32)?,
            requests: rows("requests", b'r', 1)?,
            claims: rows("claims", b'c', 1)?,
            published: RwLock::new(db.snapshot()),
            db,
        })
    }

    fn view(&self) -> Snapshot {
        self.published.read().unwrap().clone()
    }

    /// Only the writer calls this, after a commit and before the next.
    fn publish(&self) {
        let view = self.db.snapshot();
        *self.published.write().unwrap() = view;
    }
}

impl Store for FjallStore {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        for chunk in persons.chunks(1_000) {
            let mut batch = self.db.batch();
            for person in chunk {
                let Rows { keyspace, .. } = &self.reference;
                batch.insert(keyspace, self.reference.key(&person.key), &person.reference[..]);
                batch.insert(&self.state.keyspace, self.state.key(&person.key), &person.state[..]);
            }
            batch.commit()?;
        }
        self.db.persist(PersistMode::SyncAll)?;
        self.publish();
        Ok(())
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let view = self.view();
        let reference = view.get(&self.reference.keyspace, self.reference.key(person))?;
        reference.ok_or("no such person")?;
        let state = view.get(&self.state.keyspace, self.state.key(person))?;
        Ok(Seen {
            version: version(&state.ok_or("no such person")?),
            request_known: view.contains_key(&self.requests.keyspace, self.requests.key(request))?,
            claim_known: view.contains_key(&self.claims.keyspace, self.claims.key(claim))?,
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let mut batch = self.db.batch();
        let mut verdicts = Vec::with_capacity(group.len());
        let mut written: HashMap<Key, u64> = HashMap::new();
        for settle in group {
            let state_key = self.state.key(&settle.person);
            let current = match written.get(&settle.person) {
                Some(version) => *version,
                None => {
                    let row = self.state.keyspace.get(&state_key)?;
                    version(&row.ok_or("no such person")?)
                }
            };
            let fits = current == settle.expected;
            verdicts.push(fits);
            if fits {
                written.insert(settle.person, version(&settle.state_row));
                let entry = self.entries.key(&settle.entry);
                batch.insert(&self.entries.keyspace, entry, &settle.entry_row[..]);
                batch.insert(&self.state.keyspace, state_key, &settle.state_row[..]);
                let request = self.requests.key(&settle.request);
                batch.insert(&self.requests.keyspace, request, &settle.request_row[..]);
                let claim = self.claims.key(&settle.claim);
                batch.insert(&self.claims.keyspace, claim, &settle.claim_row[..]);
            }
        }
        batch.durability(Some(PersistMode::SyncData)).commit()?;
        self.publish();
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let view = self.view();
        let holds = |rows: &Rows, key| view.contains_key(&rows.keyspace, rows.key(key));
        let state = view.get(&self.state.keyspace, self.state.key(&ack.person))?;
        Ok(Held {
            entry: holds(&self.entries, &ack.entry)?,
            request: holds(&self.requests, &ack.request)?,
            claim: holds(&self.claims, &ack.claim)?,
            version: state.map_or(0, |row| version(&row)),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let view = self.view();
        Ok([&self.entries, &self.requests, &self.claims].map(|rows| rows.count(&view)))
    }
}
