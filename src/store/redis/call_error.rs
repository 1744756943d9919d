//! Errors of calls to Redis, by whether the call may have been executed.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// Why one attempt of a call failed.
#[derive(Clone, Debug)]
pub enum AttemptError {
    /// Not executed; another attempt, perhaps on another server, may succeed: the server is unreachable, is no
    /// primary, does not serve these keys, or is loading.
    Retryable(String),
    /// Not executed: the server does not have the functions.
    FunctionMissing,
    /// Not executed, and another attempt would fail the same way.
    Refused(String),
    /// No reply arrived: it may have been executed.
    NoReply(String),
    /// Executed, but too few replicas confirmed it in time.
    Unconfirmed(String),
}

/// Why a call failed after all attempts.
#[derive(Debug)]
pub enum CallError {
    /// The call was not executed.
    NotExecuted(String),
    /// The call may have been executed.
    Unknown(String),
}

impl From<RedisError> for AttemptError {
    fn from(error: RedisError) -> AttemptError {
        use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, ResponseError, TryAgain};
        let message = error.to_string();
        match error.kind() {
            ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | MasterDown | ReadOnly | BusyLoading) => {
                AttemptError::Retryable(message)
            }
            ErrorKind::Extension if error.code() == Some("BUSY") => AttemptError::Retryable(message),
            ErrorKind::Server(ResponseError) if message.contains("Function not found") => AttemptError::FunctionMissing,
            ErrorKind::Server(_)
            | ErrorKind::Extension
            | ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig => AttemptError::Refused(message),
            _ => AttemptError::NoReply(message),
        }
    }
}

impl AttemptError {
    /// Whether the call may have been executed.
    pub fn may_have_executed(&self) -> bool {
        matches!(self, AttemptError::NoReply(_) | AttemptError::Unconfirmed(_))
    }
}

impl std::fmt::Display for AttemptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AttemptError::Retryable(message)
            | AttemptError::Refused(message)
            | AttemptError::NoReply(message)
            | AttemptError::Unconfirmed(message) => f.write_str(message),
            AttemptError::FunctionMissing => f.write_str("the server does not have the functions"),
        }
    }
}

impl CallError {
    /// The store error of a read, or of a step before a commit: nothing was committed either way.
    pub fn into_read_error(self) -> StoreError {
        match self {
            CallError::NotExecuted(message) | CallError::Unknown(message) => StoreError::Unavailable(message),
        }
    }

    /// The store error of a write.
    pub fn into_write_error(self) -> StoreError {
        match self {
            CallError::NotExecuted(message) => StoreError::Unavailable(message),
            CallError::Unknown(message) => StoreError::Unknown(message),
        }
    }
}
