//! Reference tables, imports and policies on Redis: persons in their hashes, everything else in the common shard.

use redis::{Cmd, Value, cmd, pipe};

use super::failure::Failed;
use super::keys::{RedisKeys, common};
use super::reply::{bytes, strings, unreadable};
use super::servers::Servers;
use crate::domain::ids::{Digest, PersonId};
use crate::reference::person::PersonRecord;
use crate::store::imports::{self, Import, ImportEvent, Part};
use crate::store::shard::Shard;
use crate::store::{ReferenceRead, ReferenceWrite, StoreError, record};

/// Parts that are read at once.
const PARTS_AT_ONCE: usize = 32;

/// The reference records of these persons.
///
/// # Errors
/// If a server does not answer.
pub async fn persons(
    servers: &Servers,
    names: &RedisKeys,
    ids: &[PersonId],
) -> Result<Vec<Option<PersonRecord>>, StoreError> {
    let mut records = vec![None; ids.len()];
    for (shard, of_shard) in by_shard(ids) {
        let mut reads = pipe();
        for at in &of_shard {
            reads.cmd("HGET").arg(names.person(&ids[*at])).arg("p");
        }
        let answers = servers.read_many(shard, reads).await.map_err(Failed::of_read)?;
        for (at, answer) in of_shard.into_iter().zip(answers) {
            records[at] = bytes(answer)?.map(|row| record::decode(&row).map(|(person, _)| person)).transpose()?;
        }
    }
    Ok(records)
}

/// Writes a part of an import: the persons of each shard together, hospitals and catalogue as one row.
///
/// # Errors
/// Some persons may have been written, each whole.
pub async fn put(
    servers: &Servers,
    names: &RedisKeys,
    (import, part): (u64, u32),
    write: ReferenceWrite,
) -> Result<(), StoreError> {
    let ids: Vec<PersonId> = write.persons.iter().map(|(id, _)| id.clone()).collect();
    for (shard, of_shard) in by_shard(&ids) {
        let mut writes = pipe();
        for at in of_shard {
            let row = record::encode(&write.persons[at].1)?.0;
            writes.cmd("HSET").arg(names.person(&ids[at])).arg("p").arg(row);
        }
        servers.write_many(shard, writes).await.map_err(Failed::of_write)?;
    }
    if write.hospitals.is_empty() && write.catalogue.is_empty() {
        return Ok(());
    }
    let mut command = cmd("HSET");
    command.arg(names.parts(import)).arg(&part.to_be_bytes()[..]).arg(record::encode(&Part::from(write))?.0);
    write_common(servers, command).await
}

/// Where these persons are in the list, by their shards.
fn by_shard(ids: &[PersonId]) -> Vec<(Shard, Vec<usize>)> {
    let mut shards: Vec<(Shard, usize)> = ids.iter().enumerate().map(|(at, id)| (Shard::of(id), at)).collect();
    shards.sort();
    let groups = shards.chunk_by(|one, other| one.0 == other.0);
    groups.map(|group| (group[0].0, group.iter().map(|(_, at)| *at).collect())).collect()
}

/// Notes how an import goes. That it ended also moves the version of the tables, so that every instance reads them
/// anew.
///
/// # Errors
/// As the trait says.
pub async fn note(servers: &Servers, names: &RedisKeys, number: u64, note: ImportEvent) -> Result<(), StoreError> {
    let mut writes = pipe();
    writes.atomic().cmd("ZADD").arg(names.common("imports")).arg(number).arg(number);
    let (which, row, ended) = match note {
        ImportEvent::Start(begun) => ("begun", record::encode(&begun)?.0, false),
        ImportEvent::End(ended) => ("ended", record::encode(&ended)?.0, true),
    };
    writes.cmd("HSET").arg(names.common("noted")).arg(format!("{number} {which}")).arg(row);
    if ended {
        writes.cmd("HSET").arg(names.common("shared")).arg("tables").arg(number);
    }
    servers.write_many(common(), writes).await.map(drop).map_err(Failed::of_write)
}

/// The last imports before a number, newest first.
///
/// # Errors
/// As the trait says.
pub async fn imports(
    servers: &Servers,
    names: &RedisKeys,
    before: u64,
    most: usize,
) -> Result<Vec<Import>, StoreError> {
    let mut command = cmd("ZREVRANGEBYSCORE");
    command.arg(names.common("imports")).arg(format!("({before}")).arg("-inf").arg("LIMIT").arg(0).arg(limit(most));
    let numbers = strings(read_common(servers, command).await?)?;
    let number = |text: Vec<u8>| std::str::from_utf8(&text).ok().and_then(|text| text.parse::<u64>().ok());
    let numbers: Option<Vec<u64>> = numbers.into_iter().map(|text| text.and_then(number)).collect();
    let numbers = numbers.ok_or_else(|| unreadable("the number of an import"))?;
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = cmd("HMGET");
    command.arg(names.common("noted"));
    for number in &numbers {
        command.arg(format!("{number} begun")).arg(format!("{number} ended"));
    }
    let notes = strings(read_common(servers, command).await?)?;
    numbers.into_iter().zip(notes.chunks(2)).map(|(number, notes)| import(number, notes)).collect()
}

fn import(number: u64, notes: &[Option<Vec<u8>>]) -> Result<Import, StoreError> {
    let [begun, ended] = notes else { return Err(unreadable("the notes of an import")) };
    let begun = begun.as_ref().ok_or_else(|| unreadable("how an import began"))?;
    let ended = ended.as_ref().map(|row| record::decode(row).map(|(ended, _)| ended)).transpose()?;
    Ok(Import { number, begun: record::decode(begun)?.0, ended })
}

/// As many as a `LIMIT` can say.
fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Hospitals and catalogue by all imports that ended.
///
/// # Errors
/// As the trait says.
pub async fn reference(servers: &Servers, names: &RedisKeys) -> Result<ReferenceRead, StoreError> {
    let mut parts = Vec::new();
    let imports = imports(servers, names, u64::MAX, usize::MAX).await?;
    for import in imports.into_iter().rev().filter(|import| import.ended.is_some()) {
        parts.extend(parts_of(servers, names.parts(import.number)).await?);
    }
    Ok(imports::read(ReferenceRead::default(), parts))
}

/// The parts of an import, in their order.
async fn parts_of(servers: &Servers, key: Vec<u8>) -> Result<Vec<Part>, StoreError> {
    let mut command = cmd("HKEYS");
    command.arg(&key);
    let mut fields = strings(read_common(servers, command).await?)?;
    fields.sort();
    let mut parts = Vec::with_capacity(fields.len());
    for fields in fields.chunks(PARTS_AT_ONCE) {
        let mut command = cmd("HMGET");
        command.arg(&key);
        for field in fields.iter().flatten() {
            command.arg(field);
        }
        for row in strings(read_common(servers, command).await?)?.into_iter().flatten() {
            parts.push(record::decode(&row)?.0);
        }
    }
    Ok(parts)
}

/// Keeps the canonical text of a policy.
///
/// # Errors
/// As the trait says.
pub async fn put_policy(servers: &Servers, names: &RedisKeys, digest: Digest, text: String) -> Result<(), StoreError> {
    let mut command = cmd("HSET");
    command.arg(names.common("policies")).arg(&digest.0[..]).arg(record::encode(&text)?.0);
    write_common(servers, command).await
}

/// The canonical text of a policy.
///
/// # Errors
/// As the trait says.
pub async fn policy(servers: &Servers, names: &RedisKeys, digest: Digest) -> Result<Option<String>, StoreError> {
    let mut command = cmd("HGET");
    command.arg(names.common("policies")).arg(&digest.0[..]);
    let row = bytes(read_common(servers, command).await?)?;
    row.map(|row| record::decode(&row).map(|(text, _)| text)).transpose()
}

/// The digests of all policies, in their order.
///
/// # Errors
/// As the trait says.
pub async fn policies(servers: &Servers, names: &RedisKeys) -> Result<Vec<Digest>, StoreError> {
    let mut command = cmd("HKEYS");
    command.arg(names.common("policies"));
    let fields = strings(read_common(servers, command).await?)?;
    let digest = |field: Vec<u8>| field.try_into().map(Digest).map_err(|_| unreadable("the digest of a policy"));
    let mut digests: Vec<Digest> = fields.into_iter().flatten().map(digest).collect::<Result<_, _>>()?;
    digests.sort_unstable();
    Ok(digests)
}

async fn read_common(servers: &Servers, command: Cmd) -> Result<Value, StoreError> {
    servers.read(common(), command).await.map_err(Failed::of_read)
}

async fn write_common(servers: &Servers, command: Cmd) -> Result<(), StoreError> {
    servers.write(common(), command).await.map(drop).map_err(Failed::of_write)
}
