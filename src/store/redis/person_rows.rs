//! The rows of persons that the entries of their chains give, as an audit reads them.

use redis::{Cmd, Value, cmd};

use super::keys::RedisKeys;
use super::look_up::{decode_entry_id, decode_state, fields_of};
use super::reply::{RepliesByShard, distinct, strings, unexpected_reply};
use super::request::Access;
use super::servers::Servers;
use crate::domain::ids::EntryId;
use crate::journal::record;
use crate::store::rows::ClaimRow;
use crate::store::shard::Shard;
use crate::store::{RowsOfPerson, Scope, StoreError};

/// The most scopes of a person that one command reads.
const SCOPES: usize = 512;

/// The rows of persons that have chains: all of a person in one command, and of all persons in one call to every server.
///
/// # Errors
/// As [`crate::store::JournalStore`], for each of them.
pub async fn rows_of_persons(
    servers: &Servers,
    names: &RedisKeys,
    persons: &[Vec<Scope<'_>>],
) -> Vec<Result<RowsOfPerson, StoreError>> {
    let first = |scopes: &[Scope<'_>]| scopes.first().map(|scope| Shard::of_person(scope.person_id));
    let shards = distinct(persons.iter().filter_map(|scopes| first(scopes)).collect());
    let of_shard = |shard| persons.iter().filter(move |scopes| first(scopes) == Some(shard));
    let reads = |shard| -> Vec<Cmd> {
        of_shard(shard).flat_map(|scopes| scopes.chunks(SCOPES)).map(|scopes| rows_command(names, scopes)).collect()
    };
    match servers.read_shards(&shards, reads, Access::Read).await {
        Ok(replies) => {
            let mut replies = RepliesByShard::new(shards, replies);
            persons
                .iter()
                .map(|scopes| decode_rows(scopes, || first(scopes).map(|shard| replies.next(shard))))
                .collect()
        }
        Err(error) => {
            let error = error.into_read_error();
            persons.iter().map(|_| Err(error.clone())).collect()
        }
    }
}

/// The read of the state of a person, and of the request and the claim of each scope.
fn rows_command(names: &RedisKeys, scopes: &[Scope<'_>]) -> Cmd {
    let mut command = cmd("HMGET");
    if let Some(first) = scopes.first() {
        command.arg(names.person(first.person_id)).arg("s");
    }
    for scope in scopes {
        let (request, claim) = fields_of(names, *scope);
        command.arg(request).arg(claim);
    }
    command
}

fn decode_rows(scopes: &[Scope<'_>], mut next: impl FnMut() -> Option<Value>) -> Result<RowsOfPerson, StoreError> {
    let mut found = RowsOfPerson::default();
    for scopes in scopes.chunks(SCOPES) {
        let mut fields = strings(next().unwrap_or(Value::Nil))?.into_iter();
        if fields.len() != 1 + 2 * scopes.len() {
            return Err(unexpected_reply("the rows of a person"));
        }
        found.state = fields.next().flatten().map(|row| decode_state(&row)).transpose()?.unwrap_or_default();
        while let (Some(request), Some(claim)) = (fields.next(), fields.next()) {
            found.rows.push(decode_row(request, claim));
        }
    }
    Ok(found)
}

fn decode_row(
    request: Option<Vec<u8>>,
    claim: Option<Vec<u8>>,
) -> Result<(Option<EntryId>, Option<ClaimRow>), StoreError> {
    let claim = claim.map(|row| record::decode(&row)).transpose()?;
    Ok((request.map(decode_entry_id).transpose()?, claim))
}
