//! The functions that run inside Redis, documented in `functions.lua`, and how they are loaded.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::call_error::AttemptError;

/// The library; its name and the names of its functions carry its version.
pub const LIBRARY: &str = include_str!("functions.lua");

/// Writes commits.
pub const COMMIT: &str = "onestop_4_commit";

/// Writes a commit of the administration.
pub const ADMINISTER: &str = "onestop_4_administer";

/// Closes months for the persons of a shard.
pub const CLOSE: &str = "onestop_4_close";

/// Binds a claim to a person.
pub const BIND: &str = "onestop_4_bind";

/// Records the shard of an entry whose id names another shard.
pub const REDIRECT: &str = "onestop_4_redirect";

/// Reads the positions of a hospital's settlements.
pub const POSITIONS: &str = "onestop_4_positions";

/// Reads entries in the order of commits.
pub const ENTRIES: &str = "onestop_4_entries";

/// Appends a settlement to a hospital's list.
pub const APPEND: &str = "onestop_4_append";

/// Executes commands on keys of a shard.
pub const WRITE: &str = "onestop_4_write";

/// Removes records that are in the archive.
pub const ARCHIVE: &str = "onestop_4_archive";

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

/// A call of a function with these keys.
pub fn call(function: &str, keys: &[Vec<u8>]) -> Cmd {
    let mut command = cmd("FCALL");
    command.arg(function).arg(keys.len());
    for key in keys {
        command.arg(key);
    }
    command
}
