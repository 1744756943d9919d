//! Why a load test failed.

use hdrhistogram::CreationError;

use crate::domain::fault::FieldFaults;
use crate::engine::EngineError;
use crate::server::local_server::LocalServerError;
use crate::store::StoreError;

use super::client::ClientError;

/// Why a load test failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A server cannot be reached, or refuses a call.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The load's own server failed.
    #[error(transparent)]
    Server(#[from] LocalServerError),
    /// The runtime of the load's own server cannot start.
    #[error("the runtime of the temporary server cannot start: {0}")]
    Runtime(std::io::Error),
    /// The thread of the load's own server panicked.
    #[error("the thread of the temporary server panicked")]
    ServerThread,
    /// A histogram cannot be created.
    #[error("cannot create a histogram of latencies: {0}")]
    Histogram(#[from] CreationError),
    /// The audit's own store failed.
    #[error("the audit cannot replay: {0}")]
    ReplayStore(#[from] StoreError),
    /// The audit's own engine refuses a row or a claim that the load made.
    #[error("the audit cannot replay: {0}")]
    Replay(#[from] EngineError),
    /// A row that the load made is invalid.
    #[error("the audit cannot replay: {0}")]
    ReplayRow(FieldFaults),
    /// The servers did not answer any more.
    #[error("no server answers any more; the report covers what was answered before")]
    ServersLost,
}

impl From<tonic::Status> for LoadError {
    fn from(status: tonic::Status) -> LoadError {
        LoadError::Client(status.into())
    }
}
