//! The one table from errors to what a caller is sent: every error has a [`Reason`], and every reason a stable word
//! and a gRPC code. The status of an error is built in `status_details`.

use tonic::Code;

use crate::access::AccessError;
use crate::domain::refusal::ClaimRefusal;
use crate::engine::EngineError;

use super::error::CallError;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $code:ident;)*) => {
        /// Why a call fails, as a caller learns it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            /// All of them, in order of precedence.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The stable word in `ErrorInfo.reason`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $word),* }
            }

            /// The gRPC status code.
            pub const fn code(self) -> Code {
                match self { $(Reason::$name => Code::$code),* }
            }
        }
    };
}

reasons! {
    /// [`AccessError::UnknownCaller`]
    CallerUnknown = "CALLER_UNKNOWN", Unauthenticated;
    /// [`AccessError::NotPermitted`]
    NotPermitted = "NOT_PERMITTED", PermissionDenied;
    /// [`AccessError::LimitExceeded`]
    CallerLimit = "CALLER_LIMIT", ResourceExhausted;
    /// [`CallError::Overloaded`]
    Overloaded = "OVERLOADED", ResourceExhausted;
    /// [`CallError::DiskFull`]
    DiskFull = "DISK_FULL", ResourceExhausted;
    /// [`CallError::MessageTooLarge`]
    MessageTooLarge = "MESSAGE_TOO_LARGE", OutOfRange;
    /// [`CallError::RequestTimedOut`], [`CallError::StreamIdle`]
    RequestTimedOut = "REQUEST_TIMED_OUT", DeadlineExceeded;
    /// [`CallError::HeadersTooLarge`]
    HeadersTooLarge = "HEADERS_TOO_LARGE", OutOfRange;
    /// [`CallError::UndecodableMessage`]
    UndecodableMessage = "UNDECODABLE_MESSAGE", InvalidArgument;
    /// [`CallError::UnsupportedCompression`]
    UnsupportedCompression = "UNSUPPORTED_COMPRESSION", Unimplemented;
    /// [`CallError::UnknownCall`]
    UnknownCall = "UNKNOWN_CALL", Unimplemented;
    /// [`CallError::Stopping`]
    Stopping = "SERVER_STOPPING", Unavailable;
    /// [`EngineError::ImportRunning`]
    ImportRunning = "IMPORT_RUNNING", Aborted;
    /// [`EngineError::ImportStopped`]
    ImportStopped = "IMPORT_STOPPED", Unavailable;
    /// [`ClaimRefusal::RequestFenced`]
    RequestFenced = "REQUEST_FENCED", FailedPrecondition;
    /// [`ClaimRefusal::RequestIdReused`]
    RequestIdReused = "REQUEST_ID_REUSED", AlreadyExists;
    /// [`ClaimRefusal::ClaimSettled`]
    ClaimSettled = "CLAIM_SETTLED", AlreadyExists;
    /// [`ClaimRefusal::ClaimOfAnotherPerson`]
    ClaimOfAnotherPerson = "CLAIM_OF_ANOTHER_PERSON", AlreadyExists;
    /// [`EngineError::NotFound`], [`AccessError::NotVisible`]
    NotFound = "NOT_FOUND", NotFound;
    /// [`ClaimRefusal::AlreadyReversed`]
    AlreadyReversed = "ALREADY_REVERSED", FailedPrecondition;
    /// [`ClaimRefusal::LaterSettlements`]
    LaterSettlements = "LATER_SETTLEMENTS", FailedPrecondition;
    /// [`ClaimRefusal::InvalidRequest`], [`ClaimRefusal::UnchargedRefund`], [`ClaimRefusal::CommitTooLong`],
    /// [`EngineError::Invalid`], [`CallError::InvalidMessage`]
    InvalidRequest = "INVALID_REQUEST", InvalidArgument;
    /// [`ClaimRefusal::InvalidQuote`]
    InvalidQuote = "INVALID_QUOTE", InvalidArgument;
    /// [`ClaimRefusal::NotEligible`]
    NotEligible = "NOT_ELIGIBLE", FailedPrecondition;
    /// [`ClaimRefusal::UnknownItem`]
    UnknownItem = "UNKNOWN_ITEM", InvalidArgument;
    /// [`ClaimRefusal::NoPolicy`]
    NoPolicy = "NO_POLICY", FailedPrecondition;
    /// [`ClaimRefusal::CannotDecideAgain`]
    CannotDecideAgain = "CANNOT_DECIDE_AGAIN", FailedPrecondition;
    /// [`CallError::PoliciesRefused`]
    PoliciesRefused = "POLICIES_REFUSED", FailedPrecondition;
    /// [`EngineError::MonthNotClosable`]
    MonthNotClosable = "MONTH_NOT_CLOSABLE", FailedPrecondition;
    /// [`ClaimRefusal::QuoteChanged`], [`CallError::QuoteChanged`]
    QuoteChanged = "QUOTE_CHANGED", FailedPrecondition;
    /// [`CallError::BackupUnavailable`]
    BackupUnavailable = "BACKUP_UNAVAILABLE", FailedPrecondition;
    /// [`CallError::BackupNotContinued`]
    BackupNotContinued = "BACKUP_NOT_CONTINUED", FailedPrecondition;
    /// [`EngineError::FeedNotContinued`]
    FeedNotContinued = "FEED_NOT_CONTINUED", FailedPrecondition;
    /// [`EngineError::Conflict`]
    Conflict = "CONFLICT", Aborted;
    /// [`EngineError::StoreUnavailable`], [`CallError::ReadTimedOut`], [`AccessError::LogUnavailable`]
    StoreUnavailable = "STORE_UNAVAILABLE", Unavailable;
    /// [`EngineError::OutcomeUnknown`]
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unavailable;
    /// [`CallError::DeadlinePassed`]
    DeadlinePassed = "OUTCOME_UNKNOWN", DeadlineExceeded;
    /// [`CallError::Panicked`]
    Panicked = "PANICKED", Internal;
    /// [`EngineError::Invariant`], [`CallError::Internal`]
    Invariant = "INVARIANT", Internal;
}

impl From<&ClaimRefusal> for Reason {
    fn from(refusal: &ClaimRefusal) -> Self {
        match refusal {
            ClaimRefusal::RequestFenced => Reason::RequestFenced,
            ClaimRefusal::RequestIdReused(_) => Reason::RequestIdReused,
            ClaimRefusal::ClaimSettled { .. } => Reason::ClaimSettled,
            ClaimRefusal::ClaimOfAnotherPerson => Reason::ClaimOfAnotherPerson,
            ClaimRefusal::AlreadyReversed => Reason::AlreadyReversed,
            ClaimRefusal::LaterSettlements(_) => Reason::LaterSettlements,
            ClaimRefusal::InvalidRequest(_) | ClaimRefusal::UnchargedRefund(_) | ClaimRefusal::CommitTooLong(_) => {
                Reason::InvalidRequest
            }
            ClaimRefusal::InvalidQuote(_) => Reason::InvalidQuote,
            ClaimRefusal::NotEligible(_) => Reason::NotEligible,
            ClaimRefusal::UnknownItem(_) => Reason::UnknownItem,
            ClaimRefusal::NoPolicy(_) => Reason::NoPolicy,
            ClaimRefusal::CannotDecideAgain { .. } => Reason::CannotDecideAgain,
            ClaimRefusal::QuoteChanged { .. } => Reason::QuoteChanged,
        }
    }
}

impl From<&EngineError> for Reason {
    fn from(error: &EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::Invalid(_) => Reason::InvalidRequest,
            EngineError::MonthNotClosable(_) => Reason::MonthNotClosable,
            EngineError::NotFound => Reason::NotFound,
            EngineError::FeedNotContinued => Reason::FeedNotContinued,
            EngineError::Conflict => Reason::Conflict,
            EngineError::ImportRunning => Reason::ImportRunning,
            EngineError::ImportStopped => Reason::ImportStopped,
            EngineError::StoreUnavailable => Reason::StoreUnavailable,
            EngineError::OutcomeUnknown => Reason::OutcomeUnknown,
            EngineError::Invariant(_) => Reason::Invariant,
        }
    }
}

impl From<&AccessError> for Reason {
    fn from(error: &AccessError) -> Self {
        match error {
            AccessError::UnknownCaller => Reason::CallerUnknown,
            AccessError::NotPermitted => Reason::NotPermitted,
            AccessError::NotVisible => Reason::NotFound,
            AccessError::LimitExceeded { .. } => Reason::CallerLimit,
            AccessError::LogUnavailable => Reason::StoreUnavailable,
        }
    }
}

impl From<&CallError> for Reason {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::Engine(error) => error.into(),
            CallError::Access(error) => error.into(),
            CallError::Overloaded => Reason::Overloaded,
            CallError::DiskFull => Reason::DiskFull,
            CallError::MessageTooLarge => Reason::MessageTooLarge,
            CallError::HeadersTooLarge => Reason::HeadersTooLarge,
            CallError::UndecodableMessage(_) => Reason::UndecodableMessage,
            CallError::UnsupportedCompression => Reason::UnsupportedCompression,
            CallError::UnknownCall => Reason::UnknownCall,
            CallError::Stopping => Reason::Stopping,
            CallError::RequestTimedOut | CallError::StreamIdle => Reason::RequestTimedOut,
            CallError::Panicked => Reason::Panicked,
            CallError::DeadlinePassed => Reason::DeadlinePassed,
            CallError::ReadTimedOut => Reason::StoreUnavailable,
            CallError::InvalidMessage(_) => Reason::InvalidRequest,
            CallError::QuoteChanged { .. } => Reason::QuoteChanged,
            CallError::BackupUnavailable => Reason::BackupUnavailable,
            CallError::BackupNotContinued(_) => Reason::BackupNotContinued,
            CallError::PoliciesRefused(_) => Reason::PoliciesRefused,
            CallError::Internal(_) => Reason::Invariant,
        }
    }
}

/// The name of a gRPC code, such as `NOT_FOUND`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
