//! LMDB by heed: a copy-on-write B-tree in a memory map. Opening it is an unsafe call, the only one here.
#![allow(unsafe_code)]

use crate::store::{Ack, Held, Key, Person, Result, Seen, Settle, Store, version};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions};
use std::path::Path;

const MAP: usize = 32 << 30;

type Table = Database<'static, Bytes, Bytes>;

pub struct LmdbStore {
    env: Env,
    reference: Table,
    state: Table,
    entries: Table,
    requests: Table,
    claims: Table,
}

impl LmdbStore {
    pub fn open(path: &Path) -> Result<Self> {
        // SAFETY: the file is this process's own: it lies in a directory made for the run.
        let env = unsafe { EnvOpenOptions::new().map_size(MAP).max_dbs(5).open(path)? };
        let write = env.write_txn()?;
        let opened = env.create_databases_and_commit(write, |opener, write| {
            let mut table = |name| opener.create_database::<Bytes, Bytes>(write, Some(name));
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit((
                table("reference")?,
                table("state")?,
                table("entries")?,
                table("requests")?,
                table("claims")?,
            )))
        })?;
        let (reference, state, entries, requests, claims) = opened.unwrap_commit();
        Ok(Self { env, reference, state, entries, requests, claims })
    }
}

impl Store for LmdbStore {
    fn preload(&self, persons: &[Person]) -> Result<()> {
        let mut write = self.env.write_txn()?;
        for person in persons {
            self.reference.put(&mut write, &person.key, &person.reference)?;
            self.state.put(&mut write, &person.key, &person.state)?;
        }
        Ok(write.commit()?)
    }

    fn look_up(&self, person: &Key, request: &Key, claim: &Key) -> Result<Seen> {
        let read = self.env.read_txn()?;
        let reference = self.reference.get(&read, person)?;
        reference.ok_or("no such person")?;
        let state = self.state.get(&read, person)?;
        Ok(Seen {
            version: version(state.ok_or("no such person")?),
            request_known: self.requests.get(&read, request)?.is_some(),
            claim_known: self.claims.get(&read, claim)?.is_some(),
        })
    }

    fn commit(&self, group: &[Settle]) -> Result<Vec<bool>> {
        let mut write = self.env.write_txn()?;
        let mut verdicts = Vec::with_capacity(group.len());
        for settle in group {
            let state = self.state.get(&write, &settle.person)?;
            let fits = version(state.ok_or("no such person")?) == settle.expected;
            verdicts.push(fits);
            if fits {
                self.entries.put(&mut write, &settle.entry, &settle.entry_row)?;
                self.state.put(&mut write, &settle.person, &settle.state_row)?;
                self.requests.put(&mut write, &settle.request, &settle.request_row)?;
                self.claims.put(&mut write, &settle.claim, &settle.claim_row)?;
            }
        }
        write.commit()?;
        Ok(verdicts)
    }

    fn held(&self, ack: &Ack) -> Result<Held> {
        let read = self.env.read_txn()?;
        let state = self.state.get(&read, &ack.person)?;
        Ok(Held {
            entry: self.entries.get(&read, &ack.entry)?.is_some(),
            request: self.requests.get(&read, &ack.request)?.is_some(),
            claim: self.claims.get(&read, &ack.claim)?.is_some(),
            version: state.map_or(0, version),
        })
    }

    fn counts(&self) -> Result<[u64; 3]> {
        let read = self.env.read_txn()?;
        Ok([self.entries.len(&read)?, self.requests.len(&read)?, self.claims.len(&read)?])
    }
}
