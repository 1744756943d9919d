//! Archiving on Redis: which archive the store requires, and how entries leave for it.
//!
//! The requirement is recorded before the first entry leaves, so that no instance opens the store without the archive
//! from then on. One byte replaces an archived record: an instance that was opened earlier reports the store as
//! unavailable rather than the settlement as missing, and the id stays taken.

use redis::{Value, cmd};

use super::call_error::CallError;
use super::keys::{RedisKeys, common_shard};
use super::open_error::OpenError;
use super::reply::{bytes, strings, unexpected_reply};
use super::servers::Servers;
use super::shard_write::ShardWrite;
use super::{commit, expected_marker, functions};
use crate::domain::ids::{EntryId, PersonId};
use crate::journal::record;
use crate::store::StoreError;
use crate::store::archive::{ArchiveOutcome, ArchivedYears};
use crate::store::shard::Shard;

/// The field of the hash `shared` that holds the requirement.
const FIELD: &str = "archive";

/// The value that replaces an archived record: the prefix of a redirect, without a shard.
const ARCHIVED: &[u8] = &[commit::REDIRECT];

/// Checks that the given archive is the one that the store requires.
///
/// # Errors
/// If it is not, or the requirement cannot be read.
pub async fn check(servers: &Servers, names: &RedisKeys) -> Result<(), OpenError> {
    let required = required_years(servers, names).await?;
    match (required, servers.settings().archive) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(OpenError::NoArchive),
        (Some(years), None) => Err(OpenError::Archived(years.before)),
        (Some(years), Some(given)) if given.covers(&years.archive) => Ok(()),
        (Some(years), Some(_)) => Err(OpenError::AnotherArchive(years.before)),
    }
}

async fn required_years(servers: &Servers, names: &RedisKeys) -> Result<Option<ArchivedYears>, StoreError> {
    let mut command = cmd("HGET");
    command.arg(names.common_key("shared")).arg(FIELD);
    let row = bytes(servers.read(common_shard(), command).await.map_err(CallError::into_read_error)?)?;
    Ok(row.map(|row| record::decode(&row)).transpose()?)
}

/// Records the required archive.
///
/// # Errors
/// As [`crate::store::archive::ArchivableStore`].
pub async fn require_archive(servers: &Servers, names: &RedisKeys, years: ArchivedYears) -> Result<(), StoreError> {
    let before = required_years(servers, names).await?.map_or(years.before, |known| known.before.max(years.before));
    let row = record::encode(&ArchivedYears { before, ..years });
    let mut write = ShardWrite::new(names, common_shard());
    write.add("HSET", names.common_key("shared"), &[FIELD.as_bytes(), &row]);
    write.run(servers).await.map_err(CallError::into_write_error)?.map(drop)
}

/// Replaces records that are in the archive by the placeholder.
///
/// # Errors
/// As [`crate::store::archive::ArchivableStore`].
pub async fn archive_entries(
    servers: &Servers,
    names: &RedisKeys,
    person_id: &PersonId,
    entries: &[(EntryId, Vec<u8>)],
) -> Result<Vec<ArchiveOutcome>, StoreError> {
    let shard = Shard::of_person(person_id);
    let mut keys = vec![names.shard_key(shard, "store")];
    keys.extend(entries.iter().map(|(id, _)| names.entry(shard, *id)));
    let mut command = functions::call(functions::ARCHIVE, &keys);
    command.arg(expected_marker::value(names)).arg(ARCHIVED);
    for (_, record) in entries {
        command.arg(record);
    }
    let reply = servers.write(shard, command).await.map_err(CallError::into_write_error)?;
    let mut words = strings(reply)?.into_iter().flatten();
    let status = words.next().ok_or_else(|| unexpected_reply("the outcomes of archiving"))?;
    commit::check_status(Value::BulkString(status), StoreError::Unknown)?;
    words.map(|word| parse_outcome(&word)).collect()
}

fn parse_outcome(word: &[u8]) -> Result<ArchiveOutcome, StoreError> {
    match word {
        b"archived" => Ok(ArchiveOutcome::Archived),
        b"already archived" => Ok(ArchiveOutcome::AlreadyArchived),
        b"differs" => Ok(ArchiveOutcome::Differs),
        _ => Err(unexpected_reply("the outcome of archiving")),
    }
}

/// The record that was read, unless the entry is archived.
///
/// # Errors
/// `Archived` if it is.
pub fn unless_archived(id: EntryId, found: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, StoreError> {
    match found {
        Some(found) if found == ARCHIVED => Err(StoreError::ArchiveRequired(id)),
        found => Ok(found),
    }
}
