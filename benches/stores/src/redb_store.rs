//! redb: a copy-on-write B-tree in one file.

use crate::store::{Ack, Held, Key, Person, Result, Seen, Settle, Store, version};
use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};
use std::path::Path;

const CACHE: usize = 256 << 20;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
const REFERENCE: Table = TableDefinition::new("reference");
const STATE: Table = TableDefinition::new("state");
const ENTRIES: Table = TableDefinition::new("entries");
const REQUESTS: Table = TableDefinition::new("requests");
const CLAIMS: Table = TableDefinition::new("claims");
const PERSONS: Table = TableDefinition::new("persons");

fn open_with(path: &Path, tables: &[Table]) -> Result<Database> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    let db = builder.create(path.join("redb"))?;
    let write = db.begin_write()?;
    for table in tables {
        write.open_table(*table)?;
    }
    write.commit()?;
    Ok(db)
}

fn begin(db: &Database, quick_repair: bool) -> Result<WriteTransaction> {
    let mut write = db.begin_write()?;
    write.set_durability(Durability::Immediate)?;
    write.set_quick_repair(quick_repair);
    Ok(write)
}

/// One table for each kind of row.
pub struct Tables {
    db: Database,
    quick_repair: bool,
}

impl Tables {
    pub fn open(path: &Path, quick_repair: bool) -> Result<Self> {
        let db = open_with(path, &[REFERENCE, STATE, ENTRIES, REQUESTS, CLAIMS])?;
        Ok(Self { db, quick_repair })
    }
}

impl Store for Tables {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        let write = begin(&self.db, self.quick_repair)?;
        {
            let mut reference = write.open_table(REFERENCE)?;
            let mut state = write.open_table(STATE)?;
            for person in persons {
                reference.insert(&person.key[..], &person.reference[..])?;
                state.insert(&person.key[..], &person.state[..])?;
            }
        }
        Ok(write.commit()?)
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let read = self.db.begin_read()?;
        let reference = read.open_table(REFERENCE)?.get(&person[..])?;
        reference.ok_or("no such person")?;
        let state = read.open_table(STATE)?.get(&person[..])?;
        Ok(Seen {
            version: version(state.ok_or("no such person")?.value()),
            request_known: read.open_table(REQUESTS)?.get(&request[..])?.is_some(),
            claim_known: read.open_table(CLAIMS)?.get(&claim[..])?.is_some(),
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let write = begin(&self.db, self.quick_repair)?;
        let mut verdicts = Vec::with_capacity(group.len());
        {
            let mut state = write.open_table(STATE)?;
            let mut entries = write.open_table(ENTRIES)?;
            let mut requests = write.open_table(REQUESTS)?;
            let mut claims = write.open_table(CLAIMS)?;
            for settle in group {
                let current = version(state.get(&settle.person[..])?.ok_or("no such person")?.value());
                let fits = current == settle.expected;
                verdicts.push(fits);
                if fits {
                    entries.insert(&settle.entry[..], &settle.entry_row[..])?;
                    state.insert(&settle.person[..], &settle.state_row[..])?;
                    requests.insert(&settle.request[..], &settle.request_row[..])?;
                    claims.insert(&settle.claim[..], &settle.claim_row[..])?;
                }
            }
        }
        write.commit()?;
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let read = self.db.begin_read()?;
        let state = read.open_table(STATE)?.get(&ack.person[..])?;
        Ok(Held {
            entry: read.open_table(ENTRIES)?.get(&ack.entry[..])?.is_some(),
            request: read.open_table(REQUESTS)?.get(&ack.request[..])?.is_some(),
            claim: read.open_table(CLAIMS)?.get(&ack.claim[..])?.is_some(),
            version: state.map_or(0, |row| version(row.value())),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let read = self.db.begin_read()?;
        Ok([read.open_table(ENTRIES)?.len()?, read.open_table(REQUESTS)?.len()?, read.open_table(CLAIMS)?.len()?])
    }
}

/// All rows of a person are neighbors; only the binding of a claim is elsewhere.
pub struct ByPerson {
    db: Database,
}

fn under(person: &Key, kind: u8, rest: &[u8]) -> Vec<u8> {
    [&person[..], &[kind], rest].concat()
}

impl ByPerson {
    pub fn open(path: &Path) -> Result<Self> {
        let db = open_with(path, &[PERSONS, CLAIMS])?;
        Ok(Self { db })
    }
}

impl Store for ByPerson {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        let write = begin(&self.db, false)?;
        {
            let mut table = write.open_table(PERSONS)?;
            for person in persons {
                let (reference, state) = (under(&person.key, b'p', &[]), under(&person.key, b's', &[]));
                table.insert(&reference[..], &person.reference[..])?;
                table.insert(&state[..], &person.state[..])?;
            }
        }
        Ok(write.commit()?)
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let read = self.db.begin_read()?;
        let table = read.open_table(PERSONS)?;
        let reference = table.get(&under(person, b'p', &[])[..])?;
        reference.ok_or("no such person")?;
        let state = table.get(&under(person, b's', &[])[..])?;
        let request = table.get(&under(person, b'r', request)[..])?;
        Ok(Seen {
            version: version(state.ok_or("no such person")?.value()),
            request_known: request.is_some(),
            claim_known: read.open_table(CLAIMS)?.get(&claim[..])?.is_some(),
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let write = begin(&self.db, false)?;
        let mut verdicts = Vec::with_capacity(group.len());
        {
            let mut table = write.open_table(PERSONS)?;
            let mut claims = write.open_table(CLAIMS)?;
            for settle in group {
                let state = under(&settle.person, b's', &[]);
                let current = version(table.get(&state[..])?.ok_or("no such person")?.value());
                let fits = current == settle.expected;
                verdicts.push(fits);
                if fits {
                    let entry = under(&settle.person, b'e', &settle.entry);
                    let request = under(&settle.person, b'r', &settle.request);
                    table.insert(&entry[..], &settle.entry_row[..])?;
                    table.insert(&state[..], &settle.state_row[..])?;
                    table.insert(&request[..], &settle.request_row[..])?;
                    claims.insert(&settle.claim[..], &settle.claim_row[..])?;
                }
            }
        }
        write.commit()?;
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let read = self.db.begin_read()?;
        let table = read.open_table(PERSONS)?;
        let holds = |kind, key: &Key| -> Result<bool> { Ok(table.get(&under(&ack.person, kind, key)[..])?.is_some()) };
        let state = table.get(&under(&ack.person, b's', &[])[..])?;
        Ok(Held {
            entry: holds(b'e', &ack.entry)?,
            request: holds(b'r', &ack.request)?,
            claim: read.open_table(CLAIMS)?.get(&ack.claim[..])?.is_some(),
            version: state.map_or(0, |row| version(row.value())),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let read = self.db.begin_read()?;
        let (mut entries, mut requests) = (0, 0);
        for row in read.open_table(PERSONS)?.iter()? {
            match row?.0.value()[16] {
                b'e' => entries += 1,
                b'r' => requests += 1,
                _ => {}
            }
        }
        Ok([entries, requests, read.open_table(CLAIMS)?.len()?])
    }
}
