//! Faults: what is wrong with one field, by a stable reason and in a sentence.

use std::fmt;

macro_rules! fault_reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What is wrong with a field; the words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultReason { $($(#[$doc])* $name),* }

        impl FaultReason {
            /// The stable word of it.
            pub const fn as_str(self) -> &'static str {
                match self { $(FaultReason::$name => $word),* }
            }
        }
    };
}

fault_reasons! {
    /// Not there, or unspecified.
    Missing = "MISSING",
    /// A text with too many bytes.
    TooLong = "TOO_LONG",
    /// A list with too many members.
    TooMany = "TOO_MANY",
    /// A figure beyond the limit.
    TooLarge = "TOO_LARGE",
    /// A figure below zero where none may be.
    Negative = "NEGATIVE",
    /// Three numbers or a text that name no day.
    NotADay = "NOT_A_DAY",
    /// A text that cannot be read as what it should be.
    Unreadable = "UNREADABLE",
    /// More decimals than the field has.
    TooManyDecimals = "TOO_MANY_DECIMALS",
    /// Discharged before admitted.
    DischargedBeforeAdmitted = "DISCHARGED_BEFORE_ADMITTED",
    /// Amount and quantity of unlike sign.
    UnlikeSign = "UNLIKE_SIGN",
    /// The amount is not quantity times unit price.
    AmountMismatch = "AMOUNT_MISMATCH",
    /// A code whose refunds exceed its charges.
    RefundsExceedCharges = "REFUNDS_EXCEED_CHARGES",
    /// No such hospital.
    UnknownHospital = "UNKNOWN_HOSPITAL",
    /// The hospital is not designated that day.
    NotDesignated = "NOT_DESIGNATED",
    /// No such person.
    UnknownPerson = "UNKNOWN_PERSON",
    /// The person is not enrolled that day.
    NotEnrolled = "NOT_ENROLLED",
    /// An outpatient visit without its approval that day.
    NotApproved = "NOT_APPROVED",
    /// A code that the catalogue does not hold there on that day.
    NotInCatalogue = "NOT_IN_CATALOGUE",
    /// No policy of this insurance and region is in force.
    NoPolicyInForce = "NO_POLICY_IN_FORCE",
    /// A reference row that contradicts another.
    Overlap = "OVERLAP",
}

/// One fault: the field, the stable reason, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field, such as `claim.items[3].amount`.
    pub field: String,
    /// What is wrong with it.
    pub reason: FaultReason,
    /// The same for people, as the end of a sentence that begins with the field.
    pub told: String,
}

impl Fault {
    /// A fault of this field.
    pub fn new(field: impl Into<String>, reason: FaultReason, told: impl Into<String>) -> Fault {
        Fault { field: field.into(), reason, told: told.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.field, self.told, self.reason.as_str())
    }
}
