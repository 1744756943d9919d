//! Reference records of all persons in the order of keys, for copies of the store.
//!
//! Redis does not order its keys, and an index of persons would cost about a hundred bytes a person. So the first page of
//! a walk scans every key of every server, and holds the keys of persons, 17 bytes each, until a later walk has scanned them. So
//! does the first page of all, whatever its key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attempts::deadline_in;
use super::call_error::{AttemptError, CallError};
use super::keys::{self, RedisKeys};
use super::marker;
use super::reply::{bytes, hget, unexpected_reply};
use super::scan::{self, Scan};
use super::servers::Servers;
use crate::journal::record;
use crate::store::keys::StoreKey;
use crate::store::shard::Shard;
use crate::store::{KeyedPerson, StoreError};

/// The number of keys that Redis examines for a page of the scan.
const KEYS_A_PAGE: usize = 10_000;

type PersonKey = (StoreKey, Shard);

/// The walks over the persons.
#[derive(Default)]
pub struct PersonScan(Mutex<Walks>);

#[derive(Default)]
struct Walks {
    /// How many began.
    begun: u64,
    /// Of those that scanned all persons, the one that began last.
    last: Option<Walk>,
}

struct Walk {
    /// How many had begun when it began, with it.
    number: u64,
    /// In the order of keys.
    persons: Arc<Vec<PersonKey>>,
}

impl PersonScan {
    /// Up to `limit` records of persons after a key; without a key, a new walk starts.
    ///
    /// # Errors
    /// If a server does not reply.
    pub async fn next_page(
        &self,
        servers: &Servers,
        names: &RedisKeys,
        after: Option<StoreKey>,
        limit: usize,
    ) -> Result<Vec<KeyedPerson>, StoreError> {
        let known = match self.last_walk().filter(|_| after.is_some()) {
            Some(known) => known,
            None => {
                let number = self.begin_walk();
                let persons = Arc::new(scan_persons(servers, names).await?);
                self.keep(Walk { number, persons: Arc::clone(&persons) });
                persons
            }
        };
        let mut rest = &known[known.partition_point(|(key, _)| after.is_some_and(|after| *key <= after))..];
        let mut page = Vec::new();
        // A person with a state but no record is skipped, so a page takes further keys until it is full.
        while page.len() < limit && !rest.is_empty() {
            let (next, further) = rest.split_at(rest.len().min(limit - page.len()));
            page.extend(read_person_records(servers, names, next).await?);
            rest = further;
        }
        Ok(page)
    }

    fn last_walk(&self) -> Option<Arc<Vec<PersonKey>>> {
        self.walks().last.as_ref().map(|last| Arc::clone(&last.persons))
    }

    /// The number of a walk that begins now.
    fn begin_walk(&self) -> u64 {
        let mut walks = self.walks();
        walks.begun += 1;
        walks.begun
    }

    /// Keeps a walk, unless one is kept that began later: it may have found persons who came after this one passed.
    fn keep(&self, walk: Walk) {
        let mut walks = self.walks();
        if walks.last.as_ref().is_none_or(|last| last.number < walk.number) {
            walks.last = Some(walk);
        }
    }

    fn walks(&self) -> MutexGuard<'_, Walks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of those persons that have one, in the order of keys.
async fn read_person_records(
    servers: &Servers,
    names: &RedisKeys,
    known: &[PersonKey],
) -> Result<Vec<KeyedPerson>, StoreError> {
    let mut by_shard = known.to_vec();
    by_shard.sort_unstable_by_key(|(key, shard)| (*shard, *key));
    let mut records = Vec::with_capacity(known.len());
    for in_shard in by_shard.chunk_by(|one, other| one.1 == other.1) {
        let reads = in_shard.iter().map(|(key, shard)| hget(&names.keyed_person(*shard, key), "p")).collect();
        let replies = servers.read_many(in_shard[0].1, reads).await.map_err(CallError::into_read_error)?;
        for ((key, _), reply) in in_shard.iter().zip(replies) {
            if let Some(row) = bytes(reply)? {
                records.push((*key, record::decode(&row).map_err(StoreError::from)));
            }
        }
    }
    records.sort_unstable_by_key(|(key, _)| *key);
    Ok(records)
}

/// Scans every server for the keys of persons.
async fn scan_persons(servers: &Servers, names: &RedisKeys) -> Result<Vec<PersonKey>, StoreError> {
    let pattern = format!("{}:{{??}}:p{}", scan::escaped(names.prefix()), "?".repeat(size_of::<StoreKey>()));
    let (mut found, key) = (Vec::new(), names.common_key("touched"));
    for server in servers.all() {
        let mut scan = Scan::new(&pattern, &key, KEYS_A_PAGE);
        let failed = |error: AttemptError| CallError::NotExecuted(error.to_string()).into_read_error();
        while let Some(keys) = scan.next_page(&server, deadline_in(servers.settings().timeout)).await.map_err(failed)? {
            let persons =
                keys.iter().map(|key| keys::person_of(key).ok_or_else(|| unexpected_reply("the key of a person")));
            found.extend(persons.collect::<Result<Vec<_>, _>>()?);
        }
    }
    // A server that lost its data returned no keys.
    marker::verify_all(servers, names).await?;
    found.sort_unstable_by_key(|(key, _)| *key);
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_is_overtaken_by_a_later_one_does_not_replace_it() {
        let scan = PersonScan::default();
        let walk = |number, persons: &[PersonKey]| Walk { number, persons: Arc::new(persons.to_vec()) };
        let kept = || scan.last_walk().map(|persons| persons.to_vec());
        let came_later = ([7; 16], Shard::ADMINISTRATION);
        let (earlier, later) = (scan.begin_walk(), scan.begin_walk());
        assert_eq!(kept(), None);
        scan.keep(walk(later, &[came_later]));
        scan.keep(walk(earlier, &[]));
        assert_eq!(kept(), Some(vec![came_later]));
        scan.keep(walk(scan.begin_walk(), &[]));
        assert_eq!(kept(), Some(Vec::new()));
    }
}
