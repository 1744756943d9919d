//! Faults: what is wrong with one field, by a stable reason and in a sentence.

use std::fmt;

macro_rules! fault_reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// What is wrong with a field; the words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultReason { $($(#[$doc])* $name),* }

        impl FaultReason {
            /// All of them.
            pub const ALL: &'static [FaultReason] = &[$(FaultReason::$name),*];

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
    /// Given, but to be left empty beside what the other fields say.
    MustBeEmpty = "MUST_BE_EMPTY",
    /// Named a second time in a list that names each once.
    Repeated = "REPEATED",
    /// A text with too many bytes.
    TooLong = "TOO_LONG",
    /// An id or a code with white space at an end.
    WhiteSpace = "WHITE_SPACE",
    /// An id or a code with a control character.
    ControlCharacter = "CONTROL_CHARACTER",
    /// A list with too many members.
    TooMany = "TOO_MANY",
    /// A figure beyond the limit.
    TooLarge = "TOO_LARGE",
    /// A figure below zero where none may be.
    Negative = "NEGATIVE",
    /// Three numbers or a text that name no day.
    NotADay = "NOT_A_DAY",
    /// A month that has not ended in China Standard Time.
    MonthNotOver = "MONTH_NOT_OVER",
    /// A month before which an earlier one is to be closed.
    MonthOutOfOrder = "MONTH_OUT_OF_ORDER",
    /// A text that cannot be read as what it should be.
    Unreadable = "UNREADABLE",
    /// A token that was issued too long ago.
    Expired = "EXPIRED",
    /// A token that was not issued by this service to this caller for this request.
    NotAuthentic = "NOT_AUTHENTIC",
    /// More decimals than the field has.
    TooManyDecimals = "TOO_MANY_DECIMALS",
    /// A word that the vocabulary of the policy book does not hold.
    UnknownWord = "UNKNOWN_WORD",
    /// Discharged before admitted.
    DischargedBeforeAdmitted = "DISCHARGED_BEFORE_ADMITTED",
    /// Discharged on a day that has not begun.
    DischargedAfterToday = "DISCHARGED_AFTER_TODAY",
    /// More days from admission to discharge than a stay may have.
    StayTooLong = "STAY_TOO_LONG",
    /// Amount and quantity of unlike sign.
    UnlikeSign = "UNLIKE_SIGN",
    /// The amount is not quantity times unit price.
    AmountMismatch = "AMOUNT_MISMATCH",
    /// A stated total that is not the sum of the items.
    TotalMismatch = "TOTAL_MISMATCH",
    /// A line's day before admission or after discharge.
    OutsideStay = "OUTSIDE_STAY",
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
    /// What the claim continues cannot be continued.
    NotContinuable = "NOT_CONTINUABLE",
    /// No policy of this insurance and region is in force.
    NoPolicyInForce = "NO_POLICY_IN_FORCE",
    /// The benefit year of a settlement would be another one.
    AnotherBenefitYear = "ANOTHER_BENEFIT_YEAR",
    /// A reference row that holds on a day on which another one holds.
    Overlap = "OVERLAP",
    /// A field that is not what the first request under the same request id held.
    Differs = "DIFFERS",
    /// A reference row whose key another row of the same import has, with other values.
    DifferingRows = "DIFFERING_ROWS",
}

/// One fault: the field, the stable reason, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The path of the field, such as `claim.items[3].amount`.
    pub field: String,
    /// What is wrong with it.
    pub reason: FaultReason,
    /// The same for people, as the end of a sentence that begins with the field.
    pub message: String,
    /// The same in Chinese, where it says more than the reason.
    pub message_zh: Option<String>,
}

impl FieldFault {
    /// A fault of this field.
    pub fn new(field: impl Into<String>, reason: FaultReason, message: impl Into<String>) -> FieldFault {
        FieldFault { field: field.into(), reason, message: message.into(), message_zh: None }
    }

    /// The same fault with its sentence in Chinese.
    #[must_use]
    pub fn with_chinese(self, message: impl Into<String>) -> FieldFault {
        FieldFault { message_zh: Some(message.into()), ..self }
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.field, self.message, self.reason.as_str())
    }
}

/// The faults of a request: the first [`FieldFaults::LIMIT`] by field, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldFaults {
    listed: Vec<FieldFault>,
    omitted: usize,
}

impl FieldFaults {
    /// The number of faults that are kept; further ones are counted.
    pub const LIMIT: usize = 100;

    /// Adds a fault; beyond the limit it is only counted.
    pub fn push(&mut self, fault: FieldFault) {
        if self.listed.len() < Self::LIMIT {
            self.listed.push(fault);
        } else {
            self.omitted += 1;
        }
    }

    /// Adds a fault of this field.
    pub fn add(&mut self, field: impl Into<String>, reason: FaultReason, message: impl Into<String>) {
        self.push(FieldFault::new(field, reason, message));
    }

    /// Adds the faults of another list after those of this one.
    pub fn append(&mut self, other: FieldFaults) {
        let omitted = other.omitted;
        self.extend(other.listed);
        self.omitted += omitted;
    }

    /// The faults that are kept, in the order in which they were added.
    pub fn listed(&self) -> &[FieldFault] {
        &self.listed
    }

    /// How many faults were counted and not kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// How many faults there are, kept or not.
    pub fn count(&self) -> usize {
        self.listed.len() + self.omitted
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The value, if there is no fault.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn into_result<T>(self, value: T) -> Result<T, FieldFaults> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl Extend<FieldFault> for FieldFaults {
    fn extend<I: IntoIterator<Item = FieldFault>>(&mut self, faults: I) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }
}

impl FromIterator<FieldFault> for FieldFaults {
    fn from_iter<I: IntoIterator<Item = FieldFault>>(faults: I) -> Self {
        let mut list = FieldFaults::default();
        list.extend(faults);
        list
    }
}

impl From<FieldFault> for FieldFaults {
    fn from(fault: FieldFault) -> Self {
        FieldFaults { listed: vec![fault], omitted: 0 }
    }
}

/// The faults, separated by semicolons.
impl fmt::Display for FieldFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.listed.iter().enumerate() {
            write!(f, "{}{fault}", if position == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
