//! Errors of opening a store on Redis.

use super::call_error::CallError;
use super::connector::ConnectorError;
use super::routes::RouteError;
use crate::store::StoreError;

/// Why a Redis cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No client can be made of the address and the files that it names.
    #[error("{0}")]
    Connector(#[from] ConnectorError),
    /// The servers of the shards cannot be found.
    #[error("{0}")]
    Routes(#[from] RouteError),
    /// A server does not execute a call.
    #[error("{0}")]
    Call(String),
    /// Redis cannot be read or written as a store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Redis holds a store with another secret or of another format.
    #[error("under this prefix Redis holds a store with another secret or of another release ({0})")]
    AnotherStore(String),
    /// Redis holds a part of this store.
    #[error("Redis holds only a part of this store: the data of a server was lost; restore it from a backup")]
    Incomplete,
    /// Redis holds no store where one is to be read.
    #[error(
        "under this prefix Redis holds no store; if it held one, its data was lost: restore it. `onestop init` creates a \
         new store"
    )]
    Nothing,
    /// Some entries are in an archive, and none was given.
    #[error("settlements of years before {0} are in an archive: --archive DIR")]
    Archived(i32),
    /// Some entries are in another archive than the one given.
    #[error("settlements of years before {0} are in another archive, or in a newer copy of this one")]
    AnotherArchive(i32),
    /// An archive was given, and no entry is in one.
    #[error("no settlement of this store is in an archive: remove --archive")]
    NoArchive,
}

impl From<CallError> for OpenError {
    fn from(error: CallError) -> OpenError {
        match error {
            CallError::NotExecuted(message) | CallError::Unknown(message) => OpenError::Call(message),
        }
    }
}
