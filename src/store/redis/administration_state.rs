//! The state of the administration as Redis keeps it: a string in the common shard, its version, then its record.

use redis::Value;

use super::reply::{VERSION, bytes, unexpected_reply};
use crate::journal::record;
use crate::store::StoreError;
use crate::store::administration::AdministrationState;

/// The key of the state.
pub const KEY: &str = "administration";

/// Encodes a state.
pub fn encode(state: &AdministrationState) -> Vec<u8> {
    [&state.version.to_be_bytes()[..], &record::encode(state)].concat()
}

/// Decodes a state; that of an empty chain if there is none.
///
/// # Errors
/// If it is damaged.
pub fn decode(reply: Value) -> Result<AdministrationState, StoreError> {
    let Some(state) = bytes(reply)? else { return Ok(AdministrationState::default()) };
    let state = state.get(VERSION..).ok_or_else(|| unexpected_reply("a state"))?;
    Ok(record::decode(state)?)
}
