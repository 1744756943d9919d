//! Refusals: no settlement exists, and why. Closed, in order of precedence; [`Reason::code`] is the
//! one table from a reason to the status that a caller sees.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::ids::{Digest, EntryId};
use super::split::Split;

/// The status of an answer, by its gRPC name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `UNAUTHENTICATED`
    Unauthenticated,
    /// `PERMISSION_DENIED`
    PermissionDenied,
    /// `INVALID_ARGUMENT`
    InvalidArgument,
    /// `FAILED_PRECONDITION`
    FailedPrecondition,
    /// `ALREADY_EXISTS`
    AlreadyExists,
    /// `NOT_FOUND`
    NotFound,
    /// `ABORTED`
    Aborted,
    /// `UNAVAILABLE`
    Unavailable,
    /// `DEADLINE_EXCEEDED`
    DeadlineExceeded,
    /// `RESOURCE_EXHAUSTED`
    ResourceExhausted,
    /// `OUT_OF_RANGE`
    OutOfRange,
    /// `INTERNAL`
    Internal,
}

impl Code {
    /// The name that gRPC gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Unauthenticated => "UNAUTHENTICATED",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::NotFound => "NOT_FOUND",
            Code::Aborted => "ABORTED",
            Code::Unavailable => "UNAVAILABLE",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Internal => "INTERNAL",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $code:ident, $told:literal;)*) => {
        /// Why there is no settlement; the words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            /// All of them, in order of precedence.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The stable word of it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $word),* }
            }

            /// The same for people.
            pub const fn told(self) -> &'static str {
                match self { $(Reason::$name => $told),* }
            }

            /// The status that goes with it.
            pub const fn code(self) -> Code {
                match self { $(Reason::$name => Code::$code),* }
            }
        }
    };
}

reasons! {
    /// The certificate is of nobody that the service knows.
    CallerUnknown = "CALLER_UNKNOWN", Unauthenticated, "the certificate is of no caller that this service knows";
    /// The role does not permit the call, or not for this hospital.
    NotPermitted = "NOT_PERMITTED", PermissionDenied, "the caller may not make this call, or not for this hospital";
    /// More than the caller may ask for.
    CallerLimit = "CALLER_LIMIT", ResourceExhausted, "the caller asks for more than it may, at once or a second; nothing was done";
    /// More calls in flight than the service takes; shed before any work.
    Overloaded = "OVERLOADED", ResourceExhausted, "more calls are in flight than the service takes; nothing was done";
    /// A message above the size limit.
    MessageTooLarge = "MESSAGE_TOO_LARGE", OutOfRange, "the message is above the size limit";
    /// Another import is being taken.
    ImportRunning = "IMPORT_RUNNING", Aborted, "another import is being taken; nothing of this one was: send it again later";
    /// The request_id was fenced: it may never commit.
    RequestFenced = "REQUEST_FENCED", FailedPrecondition, "the request id was fenced: it may never commit";
    /// The request_id was used with other content.
    RequestIdReused = "REQUEST_ID_REUSED", AlreadyExists, "the request id was used before with other content";
    /// The claim is settled and not reversed.
    ClaimSettled = "CLAIM_SETTLED", AlreadyExists, "the claim is settled and not reversed";
    /// The claim_id belongs to another person for ever.
    ClaimOfAnotherPerson = "CLAIM_OF_ANOTHER_PERSON", AlreadyExists, "the claim id belongs to another person";
    /// What was asked for was never settled, or is not the caller's to see.
    NotFound = "NOT_FOUND", NotFound, "there is none, or none for this hospital and person";
    /// The claim's settlement is reversed already.
    AlreadyReversed = "ALREADY_REVERSED", FailedPrecondition, "the settlement of the claim is reversed already";
    /// Later settlements of the benefit year are live.
    LaterSettlements = "LATER_SETTLEMENTS", FailedPrecondition, "later settlements of the benefit year stand; reverse them first, newest first";
    /// The request is faulty by itself.
    InvalidRequest = "INVALID_REQUEST", InvalidArgument, "the request is faulty";
    /// Hospital or person does not qualify on that day.
    NotEligible = "NOT_ELIGIBLE", FailedPrecondition, "hospital or person does not qualify on the day of discharge";
    /// A code that the catalogue does not hold there on that day.
    UnknownItem = "UNKNOWN_ITEM", InvalidArgument, "the catalogue does not hold every code";
    /// No policy is in force.
    NoPolicy = "NO_POLICY", FailedPrecondition, "no policy is in force";
    /// The policy files that are to hold are refused, or others than expected.
    PoliciesRefused = "POLICIES_REFUSED", FailedPrecondition, "the policy files are refused; the book in use stays";
    /// The split is not the one that the quote showed.
    QuoteChanged = "QUOTE_CHANGED", FailedPrecondition, "the split is no longer the one that the quote showed; the details hold the new one";
    /// Other claims of this person kept winning.
    Conflict = "CONFLICT", Aborted, "other claims of this person kept winning; nothing was committed";
    /// Nothing was committed: the store cannot be reached or refuses to write.
    StoreUnavailable = "STORE_UNAVAILABLE", Unavailable, "the store cannot be reached or takes no writes; nothing was committed";
    /// It may have been committed.
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unavailable, "it may have been committed; send the same request again, or ask the outcome";
    /// It may have been committed; the caller's deadline passed first.
    DeadlinePassed = "OUTCOME_UNKNOWN", DeadlineExceeded, "the deadline passed first; it may have been committed: send the same request again, or ask the outcome";
    /// A check failed inside; nothing was committed.
    Invariant = "INVARIANT", Internal, "a check failed inside; nothing was committed";
}

/// Settlements of the same benefit year that were committed after the one to be reversed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaterSettlements {
    /// Those of the caller's own hospital, newest first.
    pub own: Vec<EntryId>,
    /// How many others there are.
    pub others: usize,
}

/// No settlement exists, and why.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// Every fault of the stage that failed; of very many the first.
    pub faults: Vec<Fault>,
    /// How many more faults there are.
    pub more: usize,
    /// What goes with the reason.
    pub detail: Detail,
}

/// What goes with a reason.
#[derive(Clone, Debug, Default)]
pub enum Detail {
    /// Nothing more.
    #[default]
    None,
    /// The settlement that stands.
    Settlement(EntryId),
    /// The settlements that came later.
    LaterSettlements(LaterSettlements),
    /// The split as it is now, and its digest.
    Split(Box<Split>, Digest),
    /// How long to wait before coming again.
    After(Duration),
    /// Which check failed; for the operator, never for the caller.
    InvariantViolation(String),
}

impl Refusal {
    /// A refusal for this reason alone.
    pub fn because(reason: Reason) -> Refusal {
        Refusal { reason, faults: Vec::new(), more: 0, detail: Detail::None }
    }

    /// A refusal that names these faults.
    pub fn naming(reason: Reason, faults: Vec<Fault>) -> Refusal {
        Refusal { reason, faults, more: 0, detail: Detail::None }
    }

    /// The same with more to it.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Refusal {
        self.detail = detail;
        self
    }

    /// A check inside failed.
    pub fn broken(what: impl Into<String>) -> Refusal {
        Refusal::because(Reason::Invariant).with(Detail::InvariantViolation(what.into()))
    }
}

/// For people: the reason, then its faults or else its sentence. It holds no id of a person and no amount of
/// a bill but those a fault names.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.reason.as_str())?;
        if self.faults.is_empty() {
            return f.write_str(self.reason.told());
        }
        for (at, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
