//! The status of a failed call, and its details: the reason as `ErrorInfo`, the Chinese text as `LocalizedMessage`, every
//! fault as `BadRequest` or `PreconditionFailure`, when to retry, and the messages that go with two of the refusals.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::pb as rpc;

use crate::access::AccessError;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::refusal::{ClaimRefusal, LaterSettlements};
use crate::domain::split::Split;
use crate::engine::EngineError;
use crate::journal::answer;
use crate::pb::{encoded, settlement as pb};

use super::error::CallError;
use super::status::{self, Reason};
use super::texts;

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "onestop";

/// The most faults that one status names, and the most later settlements: a status travels in a header, and
/// most clients take 16 KiB of headers.
const FAULTS_LIMIT: usize = 20;
const LATER_LIMIT: usize = 100;

/// The most bytes of a derivation in a status.
const DERIVATION_BYTES: usize = 8 << 10;

/// How long a caller waits before it retries a call that was shed.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The longest duration of the messages: about 10,000 years.
const LONGEST: prost_types::Duration = prost_types::Duration { seconds: 315_576_000_000, nanos: 0 };

/// The status of a failed call. A check that failed inside is logged for the operator; a caller does not learn
/// which.
impl From<&CallError> for Status {
    fn from(error: &CallError) -> Self {
        encoded(&status_message(error))
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        Status::from(&error)
    }
}

/// The status of a failed call as a message, for a stream that goes on.
pub fn status_message(error: &CallError) -> rpc::Status {
    if let CallError::Engine(EngineError::Invariant(what)) | CallError::Internal(what) = error {
        tracing::error!(what, "an invariant does not hold; nothing was committed");
    }
    let reason = Reason::from(error);
    let faults = error.faults().map(first_faults).unwrap_or_default();
    let mut details = vec![
        any("google.rpc.ErrorInfo", &error_info(reason.as_str(), metadata(error))),
        any("google.rpc.LocalizedMessage", &localized_message(in_chinese(reason, &faults))),
    ];
    details.extend(fault_details(reason, &faults));
    details.extend(further_details(error));
    let message = format!("{}: {}", reason.as_str(), in_english(reason, &faults, error));
    rpc::Status { code: reason.code() as i32, message, details }
}

/// The status of a refusal that the framework made, and for which this service has no reason.
pub(super) fn framework_status(code: Code, message: &str) -> Status {
    let details = vec![
        any("google.rpc.ErrorInfo", &error_info(status::code_name(code), HashMap::new())),
        any("google.rpc.LocalizedMessage", &localized_message(texts::code_in_chinese(code).to_owned())),
    ];
    encoded(&rpc::Status { code: code as i32, message: message.to_owned(), details })
}

/// The status with its details in the form of a header.
fn encoded(status: &rpc::Status) -> Status {
    Status::with_details(Code::from_i32(status.code), &*status.message, status.encode_to_vec().into())
}

fn in_english(reason: Reason, faults: &[FieldFault], error: &CallError) -> String {
    match error {
        CallError::UndecodableMessage(detail) => format!("{}: {detail}", reason.text().en),
        _ if faults.is_empty() => reason.text().en.to_owned(),
        _ => FieldFaults::from_iter(faults.iter().cloned()).to_string(),
    }
}

fn in_chinese(reason: Reason, faults: &[FieldFault]) -> String {
    let fault = |fault: &FieldFault| {
        let message = fault.message_zh.as_deref().unwrap_or(texts::fault_in_chinese(fault.reason));
        format!("{} {message}", texts::field_in_chinese(&fault.field))
    };
    let faults: Vec<String> = faults.iter().map(fault).collect();
    let separator = if faults.is_empty() { "" } else { "：" };
    format!("{}{separator}{}", reason.text().zh, faults.join("；"))
}

fn error_info(reason: &str, metadata: HashMap<String, String>) -> rpc::ErrorInfo {
    rpc::ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned(), metadata }
}

fn localized_message(message: String) -> rpc::LocalizedMessage {
    rpc::LocalizedMessage { locale: texts::CHINESE.to_owned(), message }
}

/// The first faults, and as a last one how many more there are.
fn first_faults(faults: &FieldFaults) -> Vec<FieldFault> {
    let mut first: Vec<FieldFault> = faults.listed().iter().take(FAULTS_LIMIT).cloned().collect();
    let more = faults.count() - first.len();
    if let Some(last) = first.last().filter(|_| more > 0) {
        let list = last.field.split('[').next().unwrap_or_default().to_owned();
        first.push(FieldFault::new(list, FaultReason::TooMany, format!("have {more} more faults")));
    }
    first
}

/// The faults, each with its field, reason and sentence.
fn fault_details(reason: Reason, faults: &[FieldFault]) -> Option<Any> {
    if faults.is_empty() {
        return None;
    }
    Some(if reason.code() == Code::FailedPrecondition {
        let violation = |fault: &FieldFault| rpc::precondition_failure::Violation {
            r#type: fault.reason.as_str().to_owned(),
            subject: fault.field.clone(),
            description: fault.message.clone(),
        };
        let violations = faults.iter().map(violation).collect();
        any("google.rpc.PreconditionFailure", &rpc::PreconditionFailure { violations })
    } else {
        let violation = |fault: &FieldFault| rpc::bad_request::FieldViolation {
            field: fault.field.clone(),
            description: fault.message.clone(),
            reason: fault.reason.as_str().to_owned(),
            localized_message: None,
        };
        let field_violations = faults.iter().map(violation).collect();
        any("google.rpc.BadRequest", &rpc::BadRequest { field_violations })
    })
}

/// When to send the call again, and the messages that go with two of the refusals.
fn further_details(error: &CallError) -> Option<Any> {
    match error {
        CallError::Access(AccessError::LimitExceeded { retry_after }) => Some(retry_info(*retry_after)),
        CallError::Overloaded => Some(retry_info(RETRY_DELAY)),
        CallError::Engine(EngineError::Refused(ClaimRefusal::LaterSettlements(later))) => {
            Some(any("onestop.settlement.v1.LaterSettlements", &later_settlements(later)))
        }
        CallError::QuoteChanged { split, quote_digest } => {
            Some(any("onestop.settlement.v1.QuoteChanged", &quote_changed(split, quote_digest)))
        }
        _ => None,
    }
}

fn retry_info(delay: Duration) -> Any {
    // Longer than a duration of the messages can say is as long as it can say.
    let retry_delay = prost_types::Duration::try_from(delay).unwrap_or(LONGEST);
    any("google.rpc.RetryInfo", &rpc::RetryInfo { retry_delay: Some(retry_delay) })
}

fn metadata(error: &CallError) -> HashMap<String, String> {
    match error {
        CallError::Engine(EngineError::Refused(
            ClaimRefusal::ClaimSettled { settlement } | ClaimRefusal::CannotDecideAgain { settlement, .. },
        )) => HashMap::from([("settlement_id".to_owned(), settlement.to_string())]),
        _ => HashMap::new(),
    }
}

fn later_settlements(later: &LaterSettlements) -> pb::LaterSettlements {
    pb::LaterSettlements {
        own_settlement_ids: later.own.iter().take(LATER_LIMIT).map(ToString::to_string).collect(),
        own: later.own.len() as u64,
        others: later.others as u64,
    }
}

/// The new split; of a long bill without codes and lines, or without the derivation.
fn quote_changed(split: &Split, quote_digest: &[u8]) -> encoded::QuoteChanged {
    let derivations = [answer::derivation(split), answer::derivation_without_bill(split)];
    let derivation = derivations.into_iter().find(|derivation| derivation.len() <= DERIVATION_BYTES);
    encoded::QuoteChanged {
        split: answer::split(split),
        quote_digest: quote_digest.to_vec().into(),
        derivation: derivation.unwrap_or_default(),
    }
}

/// A message as a detail.
fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}
