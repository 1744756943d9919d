//! Entries that left this Redis for an archive: which years, which archive, and how each leaves.
//!
//! The note comes before the first leaves, so that no instance is opened without the archive from then on. In place of
//! a record stays one byte: an instance that was opened before says that the store is not available, never that
//! there is no such settlement; and the id stays taken.

use redis::{Value, cmd};

use super::failure::Failed;
use super::keys::{RedisKeys, common};
use super::reply::{bytes, strings, unreadable};
use super::servers::Servers;
use super::{OpenError, RedisStore, commit, functions, marker};
use crate::domain::ids::{EntryId, PersonId};
use crate::store::archived::{Fate, Moved};
use crate::store::shard::Shard;
use crate::store::{StoreError, record};

/// Where the note stands in the hash `shared`.
const FIELD: &str = "archive";

/// What stands for a record that is in the archive: what begins so, and leads to no shard.
const ARCHIVED: &[u8] = &[commit::ELSEWHERE];

/// That the archive at hand, if there is one, is the one that the store wants.
///
/// # Errors
/// If it is not, or the note cannot be read.
pub async fn check(servers: &Servers, names: &RedisKeys) -> Result<(), OpenError> {
    let noted = noted(servers, names).await.map_err(|error| OpenError::Failed(error.to_string()))?;
    match (noted, servers.settings().archive) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(OpenError::NoArchive),
        (Some(moved), None) => Err(OpenError::Archived(moved.before)),
        (Some(moved), Some(at_hand)) if at_hand.holds(&moved.archive) => Ok(()),
        (Some(moved), Some(_)) => Err(OpenError::AnotherArchive(moved.before)),
    }
}

async fn noted(servers: &Servers, names: &RedisKeys) -> Result<Option<Moved>, StoreError> {
    let mut command = cmd("HGET");
    command.arg(names.common("shared")).arg(FIELD);
    let row = bytes(servers.read(common(), command).await.map_err(Failed::of_read)?)?;
    row.map(|row| record::decode(&row).map(|(moved, _)| moved)).transpose()
}

impl RedisStore {
    /// Notes that entries of these years may be in this archive; durable when it returns. From then on the store is
    /// opened with that archive alone. What was moved before stays moved.
    ///
    /// # Errors
    /// As the trait says of a commit.
    pub async fn note_moved(&self, moved: Moved) -> Result<(), StoreError> {
        let (servers, names) = (&self.servers, &self.names);
        let before = noted(servers, names).await?.map_or(moved.before, |noted| noted.before.max(moved.before));
        let mut command = cmd("HSET");
        command.arg(names.common("shared")).arg(FIELD).arg(record::encode(&Moved { before, ..moved })?.0);
        servers.write(common(), command).await.map(drop).map_err(Failed::of_write)
    }

    /// Leaves entries of a person to the archive, each only if it is byte for byte the record there; tells of each what
    /// became of it.
    ///
    /// # Errors
    /// As the trait says of a commit; some of them may have been left.
    pub async fn leave(&self, person_id: &PersonId, entries: &[(EntryId, Vec<u8>)]) -> Result<Vec<Fate>, StoreError> {
        let shard = Shard::of(person_id);
        let mut keys = vec![self.names.of_shard(shard, "store")];
        keys.extend(entries.iter().map(|(id, _)| self.names.entry(shard, *id)));
        let mut command = functions::call(functions::LEAVE, &keys);
        command.arg(marker::of(&self.names)).arg(ARCHIVED);
        for (_, record) in entries {
            command.arg(record);
        }
        let answer = self.servers.write(shard, command).await.map_err(Failed::of_write)?;
        let mut told = strings(answer)?.into_iter().flatten();
        let verdict = told.next().ok_or_else(|| unreadable("what became of entries"))?;
        commit::verdict(Value::BulkString(verdict), StoreError::Unknown)?;
        told.map(|fate| self::fate(&fate)).collect()
    }
}

fn fate(told: &[u8]) -> Result<Fate, StoreError> {
    match told {
        b"moved" => Ok(Fate::Moved),
        b"moved before" => Ok(Fate::MovedBefore),
        b"differs" => Ok(Fate::Differs),
        _ => Err(unreadable("what became of an entry")),
    }
}

/// The record of an entry that was read, if it is there.
///
/// # Errors
/// `Archived` if it is in the archive.
pub fn unless_archived(id: EntryId, found: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
    match found {
        Some(found) if found == ARCHIVED => Err(StoreError::Archived(id)),
        found => Ok(found),
    }
}
