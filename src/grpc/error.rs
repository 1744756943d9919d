//! Why a call fails: an error of a lower layer, or of the call itself.

use crate::access::AccessError;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::refusal::ClaimRefusal;
use crate::domain::split::Split;
use crate::engine::EngineError;
use crate::store::backup::BackupRefusal;

/// Why a call fails; [`super::status`] maps each to what a caller is sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The caller is not served.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// More calls are in flight than the server accepts.
    #[error("more calls are in flight than the service takes; nothing was done")]
    Overloaded,
    /// The disk of the store has less room than the reserve.
    #[error(
        "the disk of the store is nearly full, so that the service takes no commits; reads go on; nothing was committed"
    )]
    DiskFull,
    /// The message is above the size limit.
    #[error("the request message is larger than the size limit")]
    MessageTooLarge,
    /// The headers are above the size limit.
    #[error("the request headers are larger than the size limit")]
    HeadersTooLarge,
    /// The message cannot be decoded. The text is that of the decoder, without content of the message.
    #[error("the message cannot be decoded: {0}")]
    UndecodableMessage(String),
    /// The message is compressed in another way than gzip.
    #[error("the message is compressed in another way than gzip")]
    UnsupportedCompression,
    /// There is no such call.
    #[error("there is no such call")]
    UnknownCall,
    /// The server stops.
    #[error("the server stops; send what was not answered again")]
    Stopping,
    /// The deadline of a call passed while it was committing.
    #[error("the deadline passed first; it may have been committed: send the same request again, or ask the outcome")]
    DeadlinePassed,
    /// The deadline of a call passed while it was reading.
    #[error("the store did not answer before the deadline; nothing was committed")]
    ReadTimedOut,
    /// The request did not arrive completely in time.
    #[error("the request did not arrive in time; nothing was done: send it again")]
    RequestTimedOut,
    /// No further message of a stream arrived in time.
    #[error("no further message arrived in time; what was answered stands: open another stream")]
    StreamIdle,
    /// The handler of the call panicked.
    #[error(
        "the service failed inside; whether it committed is unknown: send the same request again, or ask the outcome"
    )]
    Panicked,
    /// A field of the message is missing or cannot be read.
    #[error("{0}")]
    InvalidMessage(FieldFaults),
    /// The split is not the one that the presented quote showed.
    #[error("the split is no longer the one that the quote showed; the details hold the new one")]
    QuoteChanged {
        /// The split as it is now.
        split: Box<Split>,
        /// The token of a quote with this split.
        quote_digest: Vec<u8>,
    },
    /// The store is not one that this service backs up.
    #[error("the store is on Redis, which is backed up as Redis is")]
    BackupUnavailable,
    /// The store does not continue a backup.
    #[error("{0}")]
    BackupNotContinued(BackupRefusal),
    /// The policy files are refused; the book in use stays.
    #[error("{0}")]
    PoliciesRefused(FieldFaults),
    /// The server itself failed; nothing was committed. The text is for the operator, never for a caller.
    #[error("a check failed inside; nothing was committed")]
    Internal(String),
}

impl CallError {
    /// One field of the message cannot be read.
    pub fn invalid_field(field: &str, reason: FaultReason, message: impl Into<String>) -> CallError {
        CallError::InvalidMessage(FieldFault::new(field, reason, message).into())
    }

    /// The message lacks a field.
    pub fn missing_field(field: &str) -> CallError {
        CallError::invalid_field(field, FaultReason::Missing, "is missing")
    }

    /// Whether it depends on what is known about a person, so that the access log must record it.
    pub fn discloses(&self) -> bool {
        match self {
            CallError::Engine(error) => error.discloses(),
            CallError::QuoteChanged { .. } => true,
            CallError::Access(_)
            | CallError::Overloaded
            | CallError::DiskFull
            | CallError::MessageTooLarge
            | CallError::HeadersTooLarge
            | CallError::UndecodableMessage(_)
            | CallError::UnsupportedCompression
            | CallError::UnknownCall
            | CallError::Stopping
            | CallError::DeadlinePassed
            | CallError::ReadTimedOut
            | CallError::RequestTimedOut
            | CallError::StreamIdle
            | CallError::Panicked
            | CallError::InvalidMessage(_)
            | CallError::BackupUnavailable
            | CallError::BackupNotContinued(_)
            | CallError::PoliciesRefused(_)
            | CallError::Internal(_) => false,
        }
    }

    /// The faults that it names, if it names any.
    pub fn faults(&self) -> Option<&FieldFaults> {
        match self {
            CallError::Engine(error) => error.faults(),
            CallError::InvalidMessage(faults) | CallError::PoliciesRefused(faults) => Some(faults),
            _ => None,
        }
    }
}

impl From<ClaimRefusal> for CallError {
    fn from(refusal: ClaimRefusal) -> Self {
        CallError::Engine(refusal.into())
    }
}
