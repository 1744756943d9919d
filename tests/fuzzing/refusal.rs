//! Parses the refusal in a status, and checks what the service guarantees for every refusal.

use onestop::grpc::status::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::reached::Reached;
use crate::support::status_details::{bad_fields, is_chinese};

/// Reasons that invalid input never gets, because they report a failure of the service.
const OF_THE_SERVICE: &[Reason] = &[
    Reason::Overloaded,
    Reason::DiskFull,
    Reason::Stopping,
    Reason::ImportRunning,
    Reason::ImportStopped,
    Reason::Conflict,
    Reason::StoreUnavailable,
    Reason::OutcomeUnknown,
    Reason::DeadlinePassed,
    Reason::Invariant,
];

/// The refusal in a status.
#[derive(Debug, PartialEq, Eq)]
pub struct ParsedRefusal {
    /// Its stable word.
    pub reason: String,
    /// Field and stable word of each fault.
    pub faults: Vec<(String, String)>,
}

/// The stable word of a fault; that there are more faults is none.
fn word(reason: String, message: &str) -> String {
    if message.starts_with("have ") { String::new() } else { reason }
}

/// Whether this is the answer to bytes that are no message.
pub fn is_no_message(status: &Status) -> bool {
    status.code() == Code::InvalidArgument && status.message().starts_with(Reason::UndecodableMessage.as_str())
}

impl ParsedRefusal {
    /// Parses the refusal in this status.
    ///
    /// # Panics
    /// If it lacks what every refusal has, or reports a failure of the service.
    pub fn from_status(status: &Status) -> ParsedRefusal {
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("a refusal without its reason: {status:?}"));
        let known = Reason::ALL.iter().find(|known| known.as_str() == info.reason);
        let reason = *known.unwrap_or_else(|| panic!("an unknown reason: {status:?}"));
        assert_eq!(status.code(), reason.code(), "{status:?}");
        assert!(!OF_THE_SERVICE.contains(&reason), "bad input is no fault of the service: {status:?}");
        assert!(details.localized_message().is_some_and(|text| is_chinese(&text.message)), "{status:?}");
        let bad = bad_fields(status).into_iter().map(|(field, reason, message)| (field, word(reason, &message)));
        let unmet = details.precondition_failure().map(|unmet| unmet.violations.as_slice()).unwrap_or_default();
        let unmet = unmet.iter().map(|fault| (fault.subject.clone(), fault.r#type.clone()));
        ParsedRefusal { reason: reason.as_str().to_owned(), faults: bad.chain(unmet).collect() }
    }

    /// Counts the reason with each of its faults.
    pub fn note(&self, reached: &mut Reached) {
        if self.faults.is_empty() {
            reached.hit(&self.reason);
        }
        for (_, fault) in self.faults.iter().filter(|(_, fault)| !fault.is_empty()) {
            reached.hit(&format!("{} {fault}", self.reason));
        }
    }
}
