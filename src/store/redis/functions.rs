//! The functions that run inside Redis, documented in `functions.lua`, and how they are loaded.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::call_error::AttemptError;

/// The library; its name and the names of its functions carry its version.
pub const LIBRARY: &str = include_str!("functions.lua");

/// Writes commits.
pub const COMMIT: &str = "onestop_6_commit";

/// Writes a commit of the administration.
pub const ADMINISTER: &str = "onestop_6_administer";

/// Begins the closing of a month.
pub const BEGIN_CLOSING: &str = "onestop_6_begin_closing";

/// Closes months for the persons of a shard.
pub const CLOSE: &str = "onestop_6_close";

/// Ends a closing of months that the chain has as closed already.
pub const END_CLOSING: &str = "onestop_6_end_closing";

/// Binds a claim to a person.
pub const BIND: &str = "onestop_6_bind";

/// Records the shard of an entry whose id names another shard.
pub const REDIRECT: &str = "onestop_6_redirect";

/// Reads the positions of a hospital's settlements.
pub const POSITIONS: &str = "onestop_6_positions";

/// Reads entries in the order of commits.
pub const ENTRIES: &str = "onestop_6_entries";

/// Appends a settlement to a hospital's list.
pub const APPEND: &str = "onestop_6_append";

/// Executes commands on keys of a shard.
pub const WRITE: &str = "onestop_6_write";

/// Acquires the import lease.
pub const ACQUIRE_LEASE: &str = "onestop_6_acquire_lease";

/// Renews the import lease.
pub const RENEW_LEASE: &str = "onestop_6_renew_lease";

/// Releases the import lease.
pub const RELEASE_LEASE: &str = "onestop_6_release_lease";

/// Begins an import in a shard.
pub const BEGIN_IMPORT: &str = "onestop_6_begin_import";

/// Removes records that are in the archive.
pub const ARCHIVE: &str = "onestop_6_archive";

/// Finds a command that functions write with and the caller may not execute.
const FORBIDDEN: &str = "onestop_6_forbidden";

/// Loads the functions into a server that does not have them.
///
/// # Errors
/// If the server refuses them.
pub async fn load_library_if_missing(connection: &mut MultiplexedConnection) -> Result<(), AttemptError> {
    match cmd("FUNCTION").arg("LOAD").arg(LIBRARY).exec_async(connection).await {
        Err(error) if !error.to_string().contains("already exists") => Err(error.into()),
        _ => Ok(()),
    }
}

/// Checks that the user of a connection may execute every command that functions write with, on this key of the store: Redis
/// refuses a forbidden one in the middle of a function, and what the function wrote before stays.
///
/// # Errors
/// `Refused` with the first forbidden command.
pub async fn check_permissions(connection: &mut MultiplexedConnection, key: &[u8]) -> Result<(), AttemptError> {
    let mut command = call(FORBIDDEN, &[]);
    command.arg(key);
    let forbidden: Option<String> = command.query_async(connection).await?;
    match forbidden {
        None => Ok(()),
        Some(name) => {
            Err(AttemptError::Refused(format!("its user may not execute {name}, which a commit is written with")))
        }
    }
}

/// A call of a function with these keys.
pub fn call(function: &str, keys: &[Vec<u8>]) -> Cmd {
    let mut command = cmd("FCALL");
    command.arg(function).arg(keys.len());
    for key in keys {
        command.arg(key);
    }
    command
}
