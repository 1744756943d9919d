//! Reference records of all persons, in the order of keys: for a copy of the store, and for nothing else.
//!
//! Redis keeps keys in no order, and one of its own for persons would cost each of them some hundred bytes. So a walk
//! that begins looks at every key of every server once and holds those of persons, 17 bytes each, until the next
//! begins.

use std::sync::{Arc, Mutex, PoisonError};

use redis::pipe;

use super::failure::{Failed, Failure};
use super::keys::{self, RedisKeys};
use super::link::within;
use super::reply::{bytes, unreadable};
use super::scan::{self, Scan};
use super::servers::Servers;
use crate::store::keys::StoreKey;
use crate::store::shard::Shard;
use crate::store::{KeyedPerson, StoreError, record};

/// The number of keys that Redis examines for a page of the scan.
const KEYS_A_PAGE: usize = 10_000;

type Known = (StoreKey, Shard);

/// The persons of the walk that began last, in the order of keys.
#[derive(Default)]
pub struct Persons(Mutex<Arc<Vec<Known>>>);

impl Persons {
    /// The records of persons behind a key; with none a walk begins.
    ///
    /// # Errors
    /// If a server does not answer.
    pub async fn records(
        &self,
        servers: &Servers,
        names: &RedisKeys,
        behind: Option<StoreKey>,
        most: usize,
    ) -> Result<Vec<KeyedPerson>, StoreError> {
        if behind.is_none() {
            let found = Arc::new(found(servers, names).await?);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
        let known = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rest = &known[known.partition_point(|(key, _)| behind.is_some_and(|behind| *key <= behind))..];
        let mut page = Vec::new();
        // A person with a state and no record is passed over; so a page ends where it is full.
        while page.len() < most && !rest.is_empty() {
            let (some, further) = rest.split_at(rest.len().min(most - page.len()));
            page.extend(records_of(servers, names, some).await?);
            rest = further;
        }
        Ok(page)
    }
}

/// The records of these persons, as far as there are any, in their order.
async fn records_of(servers: &Servers, names: &RedisKeys, known: &[Known]) -> Result<Vec<KeyedPerson>, StoreError> {
    let mut by_shard = known.to_vec();
    by_shard.sort_unstable_by_key(|(key, shard)| (*shard, *key));
    let mut records = Vec::with_capacity(known.len());
    for of_shard in by_shard.chunk_by(|one, other| one.1 == other.1) {
        let mut reads = pipe();
        for (key, shard) in of_shard {
            reads.cmd("HGET").arg(names.keyed_person(*shard, key)).arg("p");
        }
        let answers = servers.read_many(of_shard[0].1, reads).await.map_err(Failed::of_read)?;
        for ((key, _), answer) in of_shard.iter().zip(answers) {
            if let Some(row) = bytes(answer)? {
                records.push((*key, record::decode(&row).map(|(person, _)| person)));
            }
        }
    }
    records.sort_unstable_by_key(|(key, _)| *key);
    Ok(records)
}

/// Every person that a server has a key of.
async fn found(servers: &Servers, names: &RedisKeys) -> Result<Vec<Known>, StoreError> {
    let pattern = format!("{}:{{??}}:p{}", scan::escaped(names.prefix()), "?".repeat(size_of::<StoreKey>()));
    let (mut found, key) = (Vec::new(), names.common("touched"));
    for link in servers.all() {
        let mut scan = Scan::new(&pattern, &key, KEYS_A_PAGE);
        let failed = |failure: Failure| Failed::Undone(failure.to_string()).of_read();
        while let Some(keys) = scan.next_page(&link, within(servers.settings().patience)).await.map_err(failed)? {
            let persons = keys.iter().map(|key| keys::person_of(key).ok_or_else(|| unreadable("the key of a person")));
            found.extend(persons.collect::<Result<Vec<_>, _>>()?);
        }
    }
    found.sort_unstable_by_key(|(key, _)| *key);
    found.dedup();
    Ok(found)
}
