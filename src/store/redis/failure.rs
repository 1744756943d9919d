//! How a call to Redis can fail, told apart by what it may have done.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

/// Why one attempt failed.
#[derive(Debug)]
pub enum Failure {
    /// Nothing was done, and soon, or on another server, it may be: it cannot be reached, is no primary, is not
    /// the one for these keys, or is still loading.
    Elsewhere(String),
    /// Nothing was done: the server does not have the functions.
    NoFunction,
    /// Nothing was done, and trying again changes nothing.
    Refused(String),
    /// No reply came: it may have been done.
    Lost(String),
    /// It was done, and too few replicas had it in time.
    Unconfirmed(String),
}

/// Why a call failed, after all attempts.
#[derive(Debug)]
pub enum Failed {
    /// Nothing was done.
    Undone(String),
    /// It may have been done.
    Unknown(String),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Failure {
        use ServerErrorKind::{Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, ResponseError, TryAgain};
        let told = error.to_string();
        match error.kind() {
            ErrorKind::Server(Moved | Ask | TryAgain | ClusterDown | MasterDown | ReadOnly | BusyLoading) => {
                Failure::Elsewhere(told)
            }
            ErrorKind::Extension if error.code() == Some("BUSY") => Failure::Elsewhere(told),
            ErrorKind::Server(ResponseError) if told.contains("Function not found") => Failure::NoFunction,
            ErrorKind::Server(_)
            | ErrorKind::Extension
            | ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig => Failure::Refused(told),
            _ => Failure::Lost(told),
        }
    }
}

impl Failure {
    /// Whether what was asked for may have been done.
    pub fn is_open(&self) -> bool {
        matches!(self, Failure::Lost(_) | Failure::Unconfirmed(_))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Elsewhere(told) | Failure::Refused(told) | Failure::Lost(told) | Failure::Unconfirmed(told) => {
                f.write_str(told)
            }
            Failure::NoFunction => f.write_str("the server does not have the functions"),
        }
    }
}

impl Failed {
    /// Of a read, or of a step before a commit: nothing was committed, whatever became of it.
    pub fn of_read(self) -> StoreError {
        match self {
            Failed::Undone(told) | Failed::Unknown(told) => StoreError::Unavailable(told),
        }
    }

    /// Of a write.
    pub fn of_write(self) -> StoreError {
        match self {
            Failed::Undone(told) => StoreError::Unavailable(told),
            Failed::Unknown(told) => StoreError::Unknown(told),
        }
    }
}
