//! What a reply holds, by what was asked for.

use redis::Value;

use crate::store::StoreError;

/// The bytes of a reply, if it has any.
///
/// # Errors
/// If it is of another kind.
pub fn bytes(value: Value) -> Result<Option<Vec<u8>>, StoreError> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        _ => Err(unreadable("a string")),
    }
}

/// The parts of a reply.
///
/// # Errors
/// If it has none.
pub fn list(value: Value) -> Result<Vec<Value>, StoreError> {
    match value {
        Value::Array(parts) => Ok(parts),
        _ => Err(unreadable("a list")),
    }
}

/// The parts of a reply, each with the bytes that it holds.
///
/// # Errors
/// If it has none.
pub fn strings(value: Value) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    list(value)?.into_iter().map(bytes).collect()
}

/// A reply that is not what was asked for.
pub fn unreadable(wanted: &str) -> StoreError {
    StoreError::Damaged(format!("Redis answers with something else than {wanted}"))
}
