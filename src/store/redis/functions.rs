//! The functions that run inside Redis, and how a server gets them: `functions.lua` says what they do.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};

use super::failure::Failure;

/// The library, whose name and functions carry its version.
pub const LIBRARY: &str = include_str!("functions.lua");

/// Writes a commit.
pub const COMMIT: &str = "onestop_1_commit";

/// Binds a claim to a person.
pub const BIND: &str = "onestop_1_bind";

/// Notes where an entry lies whose id names another shard.
pub const LEAD: &str = "onestop_1_lead";

/// Reads the places of a hospital.
pub const PLACES: &str = "onestop_1_places";

/// Lists a settlement behind all others.
pub const LIST: &str = "onestop_1_list";

/// Leaves entries to an archive.
pub const LEAVE: &str = "onestop_1_leave";

/// Gives a server the functions, if it does not have them.
///
/// # Errors
/// If it does not take them.
pub async fn load(connection: &mut MultiplexedConnection) -> Result<(), Failure> {
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
