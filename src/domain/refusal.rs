//! Refusals: no settlement exists, and why. Closed, in order of precedence; [`Reason::code`] is the
//! one table from a reason to the status that a caller sees.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::ids::{Digest, EntryId};
use super::split::Split;

/// The status of an answer, by its gRPC name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
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
    ($($(#[$doc:meta])* $name:ident = $word:literal, $code:ident;)*) => {
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

            /// The status that goes with it.
            pub const fn code(self) -> Code {
                match self { $(Reason::$name => Code::$code),* }
            }
        }
    };
}

reasons! {
    /// More calls in flight than the service takes; shed before any work.
    Overloaded = "OVERLOADED", ResourceExhausted;
    /// A message above the size limit.
    MessageTooLarge = "MESSAGE_TOO_LARGE", OutOfRange;
    /// The request_id was fenced: it may never commit.
    RequestFenced = "REQUEST_FENCED", FailedPrecondition;
    /// The request_id was used with other content.
    RequestIdReused = "REQUEST_ID_REUSED", AlreadyExists;
    /// The claim is settled and not reversed.
    ClaimSettled = "CLAIM_SETTLED", AlreadyExists;
    /// The claim_id belongs to another person for ever.
    ClaimOfAnotherPerson = "CLAIM_OF_ANOTHER_PERSON", AlreadyExists;
    /// What was asked for was never settled, or is not the caller's to see.
    NotFound = "NOT_FOUND", NotFound;
    /// The claim's settlement is reversed already.
    AlreadyReversed = "ALREADY_REVERSED", FailedPrecondition;
    /// Later settlements of the benefit year are live.
    LaterSettlements = "LATER_SETTLEMENTS", FailedPrecondition;
    /// The request is faulty by itself.
    InvalidRequest = "INVALID_REQUEST", InvalidArgument;
    /// Hospital or person does not qualify on that day.
    NotEligible = "NOT_ELIGIBLE", FailedPrecondition;
    /// A code that the catalogue does not hold there on that day.
    UnknownItem = "UNKNOWN_ITEM", InvalidArgument;
    /// No policy is in force.
    NoPolicy = "NO_POLICY", FailedPrecondition;
    /// The split is not the one that the quote showed.
    QuoteChanged = "QUOTE_CHANGED", FailedPrecondition;
    /// Other claims of this person kept winning.
    Conflict = "CONFLICT", Aborted;
    /// Nothing was committed: the store cannot be reached or refuses to write.
    StoreUnavailable = "STORE_UNAVAILABLE", Unavailable;
    /// It may have been committed.
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unavailable;
    /// It may have been committed; the caller's deadline passed first.
    DeadlinePassed = "OUTCOME_UNKNOWN", DeadlineExceeded;
    /// A check failed inside; nothing was committed.
    Invariant = "INVARIANT", Internal;
}

/// Settlements of the same benefit year that were committed after the one to be reversed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Later {
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
    /// Every fault of the stage that failed.
    pub faults: Vec<Fault>,
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
    Later(Later),
    /// The split as it is now, and its digest.
    Split(Box<Split>, Digest),
    /// Which check failed; for the operator, never for the caller.
    Broken(String),
}

impl Refusal {
    /// A refusal for this reason alone.
    pub fn because(reason: Reason) -> Refusal {
        Refusal { reason, faults: Vec::new(), detail: Detail::None }
    }

    /// A refusal that names these faults.
    pub fn naming(reason: Reason, faults: Vec<Fault>) -> Refusal {
        Refusal { reason, faults, detail: Detail::None }
    }

    /// The same with more to it.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Refusal {
        self.detail = detail;
        self
    }

    /// A check inside failed.
    pub fn broken(what: impl Into<String>) -> Refusal {
        Refusal::because(Reason::Invariant).with(Detail::Broken(what.into()))
    }
}

/// For people; it holds no id of a person and no amount of a bill but those a fault names.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason.as_str())?;
        for (at, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if at == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
