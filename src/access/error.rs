//! Why a caller is not served, before anything is done for it.

use std::time::Duration;

/// Why a caller is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The certificate names no caller that this service knows.
    #[error("the certificate does not identify exactly one known caller")]
    UnknownCaller,
    /// The role does not permit the call, or not for this hospital.
    #[error("the caller may not make this call, or not for this hospital")]
    NotPermitted,
    /// What was asked for belongs to a hospital that the caller does not act for. A caller cannot tell this from
    /// what does not exist: the text is that of the engine's `NotFound`.
    #[error("not found, or not found for this hospital and person")]
    NotVisible,
    /// The caller is above its limit of calls at once or a second; nothing was done.
    #[error("the caller asks for more than it may, at once or a second; nothing was done")]
    LimitExceeded {
        /// How long to wait before the next call.
        retry_after: Duration,
    },
    /// The access log cannot be written: a read of a person that leaves no line there is not answered.
    #[error("the access log cannot be written; reads of persons are refused")]
    LogUnavailable,
}
