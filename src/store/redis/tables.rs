//! Reference tables, imports and policies on Redis: persons in their hashes, the rest in the common shard.

use futures_util::future::try_join_all;
use redis::{Cmd, Value, cmd};

use super::call_error::CallError;
use super::import_lease::HeldLease;
use super::keys::{RedisKeys, common_shard};
use super::reply::{bytes, hget, strings, unexpected_reply};
use super::servers::Servers;
use super::shard_write::ShardWrite;
use crate::domain::ids::{Digest, PersonId};
use crate::journal::record;
use crate::reference::person::PersonRecord;
use crate::store::import_parts::{Part, apply_parts};
use crate::store::imports::{Import, ImportEvent};
use crate::store::rows::PolicyText;
use crate::store::shard::Shard;
use crate::store::{ReferenceRead, ReferenceWrite, StoreError};

/// The number of parts in one read.
const PARTS_AT_ONCE: usize = 32;

/// The reference records of these persons.
///
/// # Errors
/// If a server does not reply.
pub async fn persons(
    servers: &Servers,
    names: &RedisKeys,
    ids: &[PersonId],
) -> Result<Vec<Option<PersonRecord>>, StoreError> {
    let mut records = vec![None; ids.len()];
    for (shard, in_shard) in by_shard(ids) {
        let reads = in_shard.iter().map(|at| hget(&names.person(&ids[*at]), "p")).collect();
        let replies = servers.read_many(shard, reads).await.map_err(CallError::into_read_error)?;
        for (at, reply) in in_shard.into_iter().zip(replies) {
            records[at] = bytes(reply)?.map(|row| record::decode(&row)).transpose()?;
        }
    }
    Ok(records)
}

/// Writes a part of an import: the persons of each shard together, hospitals and catalogue as one row. Refused once the
/// lease is lost, if there is one.
///
/// # Errors
/// Some persons may have been written, each whole.
pub async fn write(
    servers: &Servers,
    names: &RedisKeys,
    (import, part): (u64, u32),
    write: ReferenceWrite,
    lease: Option<&HeldLease>,
) -> Result<(), StoreError> {
    let shards = by_shard(write.persons.iter().map(|person| &person.person_id));
    let writes = shards.into_iter().map(|(shard, in_shard)| {
        let mut writes = ShardWrite::new(names, shard);
        if let Some(lease) = lease {
            writes = writes.under_lease(lease.in_shard(names, shard));
        }
        for person in in_shard.into_iter().map(|at| &write.persons[at]) {
            writes.add("HSET", names.keyed_person(shard, &person.key), &[b"p", &person.record]);
        }
        async { writes.run(servers).await.map_err(CallError::into_write_error)?.map(drop) }
    });
    try_join_all(writes).await?;
    if write.hospitals.is_empty() && write.catalogue.is_empty() {
        return Ok(());
    }
    let row = record::encode(&Part::from(write));
    let mut write = common_write(names, lease);
    write.add("HSET", names.parts(import), &[&part.to_be_bytes(), &row]);
    write.run(servers).await.map_err(CallError::into_write_error)?.map(drop)
}

/// A write in the common shard, under the lease of an import.
fn common_write(names: &RedisKeys, lease: Option<&HeldLease>) -> ShardWrite {
    let write = ShardWrite::new(names, common_shard());
    match lease {
        Some(lease) => write.under_lease(lease.in_common_shard(names)),
        None => write,
    }
}

/// The indices of these persons, grouped by shard.
fn by_shard<'a>(ids: impl IntoIterator<Item = &'a PersonId>) -> Vec<(Shard, Vec<usize>)> {
    let mut shards: Vec<(Shard, usize)> =
        ids.into_iter().enumerate().map(|(at, id)| (Shard::of_person(id), at)).collect();
    shards.sort();
    let groups = shards.chunk_by(|one, other| one.0 == other.0);
    groups.map(|group| (group[0].0, group.iter().map(|(_, at)| *at).collect())).collect()
}

/// Logs the start or the end of an import. An end also changes the version of the tables, so that every instance reads
/// them again. Refused once the lease is lost, if there is one.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn log_import(
    servers: &Servers,
    names: &RedisKeys,
    number: u64,
    event: ImportEvent,
    lease: Option<&HeldLease>,
) -> Result<(), StoreError> {
    let mut writes = common_write(names, lease);
    let text = number.to_string();
    writes.add("ZADD", names.common_key("imports"), &[text.as_bytes(), text.as_bytes()]);
    let (kind, row, ended) = match event {
        ImportEvent::Start(start) => ("begun", record::encode(&start), false),
        ImportEvent::End(end) => ("ended", record::encode(&end), true),
    };
    writes.add("HSET", names.common_key("noted"), &[format!("{number} {kind}").as_bytes(), &row]);
    if ended {
        writes.add("HSET", names.common_key("shared"), &[b"tables", text.as_bytes()]);
    }
    writes.run(servers).await.map_err(CallError::into_write_error)?.map(drop)
}

/// Up to `limit` imports before a number, newest first.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn imports(
    servers: &Servers,
    names: &RedisKeys,
    before: u64,
    limit: usize,
) -> Result<Vec<Import>, StoreError> {
    let mut command = cmd("ZREVRANGEBYSCORE");
    command
        .arg(names.common_key("imports"))
        .arg(format!("({before}"))
        .arg("-inf")
        .arg("LIMIT")
        .arg(0)
        .arg(limit_argument(limit));
    let numbers = strings(read_common(servers, command).await?)?;
    let number = |text: Vec<u8>| std::str::from_utf8(&text).ok().and_then(|text| text.parse::<u64>().ok());
    let numbers: Option<Vec<u64>> = numbers.into_iter().map(|text| text.and_then(number)).collect();
    let numbers = numbers.ok_or_else(|| unexpected_reply("the number of an import"))?;
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = cmd("HMGET");
    command.arg(names.common_key("noted"));
    for number in &numbers {
        command.arg(format!("{number} begun")).arg(format!("{number} ended"));
    }
    let notes = strings(read_common(servers, command).await?)?;
    numbers.into_iter().zip(notes.chunks(2)).map(|(number, notes)| decode_import(number, notes)).collect()
}

fn decode_import(number: u64, notes: &[Option<Vec<u8>>]) -> Result<Import, StoreError> {
    let [start, end] = notes else { return Err(unexpected_reply("the log of an import")) };
    let start = start.as_ref().ok_or_else(|| unexpected_reply("the start of an import"))?;
    let end = end.as_ref().map(|row| record::decode(row)).transpose()?;
    Ok(Import { number, start: record::decode(start)?, end })
}

/// The argument of `LIMIT`.
fn limit_argument(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Hospitals and catalogue as of all completed imports.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn read_hospitals_and_catalogue(servers: &Servers, names: &RedisKeys) -> Result<ReferenceRead, StoreError> {
    let mut parts = Vec::new();
    let imports = imports(servers, names, u64::MAX, usize::MAX).await?;
    for import in imports.into_iter().rev().filter(|import| import.end.is_some()) {
        parts.extend(read_import_parts(servers, names.parts(import.number)).await?);
    }
    Ok(apply_parts(parts))
}

/// The parts of an import, in their order.
async fn read_import_parts(servers: &Servers, import_key: Vec<u8>) -> Result<Vec<Part>, StoreError> {
    let mut command = cmd("HKEYS");
    command.arg(&import_key);
    let mut fields = strings(read_common(servers, command).await?)?;
    fields.sort();
    let mut parts = Vec::with_capacity(fields.len());
    for fields in fields.chunks(PARTS_AT_ONCE) {
        let mut command = cmd("HMGET");
        command.arg(&import_key);
        for field in fields.iter().flatten() {
            command.arg(field);
        }
        for row in strings(read_common(servers, command).await?)?.into_iter().flatten() {
            parts.push(record::decode(&row)?);
        }
    }
    Ok(parts)
}

/// Keeps the canonical text of a policy.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn put_policy(servers: &Servers, names: &RedisKeys, digest: Digest, text: String) -> Result<(), StoreError> {
    let row = record::encode(&PolicyText(text));
    let mut write = ShardWrite::new(names, common_shard());
    write.add("HSET", names.common_key("policies"), &[&digest.0, &row]);
    write.run(servers).await.map_err(CallError::into_write_error)?.map(drop)
}

/// The canonical text of a policy.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn policy(servers: &Servers, names: &RedisKeys, digest: Digest) -> Result<Option<String>, StoreError> {
    let mut command = cmd("HGET");
    command.arg(names.common_key("policies")).arg(&digest.0[..]);
    let row = bytes(read_common(servers, command).await?)?;
    let text = row.map(|row| record::decode(&row)).transpose()?;
    Ok(text.map(|PolicyText(text)| text))
}

/// The digests of all policies, in ascending order.
///
/// # Errors
/// As [`crate::store::ReferenceStore`].
pub async fn policy_digests(servers: &Servers, names: &RedisKeys) -> Result<Vec<Digest>, StoreError> {
    let mut command = cmd("HKEYS");
    command.arg(names.common_key("policies"));
    let fields = strings(read_common(servers, command).await?)?;
    let digest = |field: Vec<u8>| field.try_into().map(Digest).map_err(|_| unexpected_reply("the digest of a policy"));
    let mut digests: Vec<Digest> = fields.into_iter().flatten().map(digest).collect::<Result<_, _>>()?;
    digests.sort_unstable();
    Ok(digests)
}

async fn read_common(servers: &Servers, command: Cmd) -> Result<Value, StoreError> {
    servers.read(common_shard(), command).await.map_err(CallError::into_read_error)
}
