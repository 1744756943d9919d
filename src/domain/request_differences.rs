//! Which fields of a request differ from the request that used its id first. Fields are named; what they hold is not
//! repeated.

use super::claim::RawClaim;
use super::content::RawReversal;
use super::fault::{FaultReason, FieldFault, FieldFaults};
use super::journal::Reversal;

/// What the sentence about a differing field ends with.
const DIFFERS: &str = "differs from the request that used this request id first";

/// The calls that use request ids up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestKind {
    /// A settlement.
    Settle,
    /// A reversal.
    Reverse,
    /// A correction.
    Correct,
}

impl RequestKind {
    /// The name of the call.
    pub const fn as_str(self) -> &'static str {
        match self {
            RequestKind::Settle => "Settle",
            RequestKind::Reverse => "Reverse",
            RequestKind::Correct => "Correct",
        }
    }
}

/// The fault of a request whose id another call used.
pub fn other_call(first: RequestKind) -> FieldFaults {
    FieldFault::new("request_id", FaultReason::Differs, format!("was used by the call {}", first.as_str())).into()
}

/// The fields of a claim that differ.
pub fn claim_differences(first: &RawClaim, sent: &RawClaim) -> FieldFaults {
    let mut differing = Differing::default();
    first.differing_fields(sent).into_iter().for_each(|field| differing.add(format!("claim.{field}")));
    differing.0
}

/// The fields of a correction that differ: those of its claim, and the reason.
pub fn correction_differences(first: (&RawClaim, &str), sent: (&RawClaim, &str)) -> FieldFaults {
    let mut differing = Differing(claim_differences(first.0, sent.0));
    differing.compare("reason", first.1, sent.1);
    differing.0
}

/// The fields of a reversal that differ. Whether later settlements are adjudicated again is not in the entry: it differs
/// if nothing else does.
pub fn reversal_differences(first: &Reversal, sent: &RawReversal) -> FieldFaults {
    let mut differing = Differing::default();
    differing.compare("hospital_id", first.hospital_id.as_str(), &sent.hospital_id);
    differing.compare("person_id", first.person_id.as_str(), &sent.person_id);
    differing.compare("claim_id", first.claim_id.as_str(), &sent.claim_id);
    differing.compare("reason", &*first.reason, &sent.reason);
    if differing.0.is_empty() {
        differing.add("readjudicate");
    }
    differing.0
}

/// The field in which a request for a retroactive run differs: all others are part of the scope of its id.
pub fn run_differences() -> FieldFaults {
    let mut differing = Differing::default();
    differing.add("benefit_year");
    differing.0
}

/// The fields found so far.
#[derive(Default)]
struct Differing(FieldFaults);

impl Differing {
    fn add(&mut self, field: impl Into<String>) {
        self.0.add(field, FaultReason::Differs, DIFFERS);
    }

    fn compare<T: PartialEq + ?Sized>(&mut self, field: &str, first: &T, sent: &T) {
        if first != sent {
            self.add(field);
        }
    }
}
