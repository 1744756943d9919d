//! The status of a failed call, and its details: the reason as `ErrorInfo`, every fault as `BadRequest` or `PreconditionFailure`, when to
//! retry, and the messages that go with two of the refusals.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::access::AccessError;
use crate::domain::fault::{FaultReason, FieldFault, FieldFaults};
use crate::domain::refusal::{ClaimRefusal, LaterSettlements};
use crate::domain::split::Split;
use crate::engine::EngineError;
use crate::pb::settlement as pb;

use super::error::CallError;
use super::settlement_to_proto;
use super::status::Reason;

/// The domain of every `ErrorInfo`.
pub(super) const DOMAIN: &str = "onestop";

/// The most faults that one status names, and the most later settlements: a status travels in a header, and
/// most clients take 16 KiB of headers.
const FAULTS_LIMIT: usize = 20;
const LATER_LIMIT: usize = 100;

/// The most bytes of a derivation in a status.
const DERIVATION_BYTES: usize = 8 << 10;

/// How long a caller waits before it retries a call that was shed.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The status of a failed call. A check that failed inside is logged for the operator; a caller does not learn
/// which.
impl From<&CallError> for Status {
    fn from(error: &CallError) -> Self {
        if let CallError::Engine(EngineError::Invariant(what)) | CallError::Internal(what) = error {
            tracing::error!(what, "an invariant does not hold; nothing was committed");
        }
        status(error)
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        Status::from(&error)
    }
}

/// The status of a failed call as a message, for a stream that goes on.
pub fn status_message(error: &CallError) -> tonic_types::pb::Status {
    let status = Status::from(error);
    // Details that were encoded here can be decoded; without them, code and message are sent still.
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// The status of a failed call, with all its details.
fn status(error: &CallError) -> Status {
    let reason = Reason::from(error);
    let faults = error.faults().map(first_faults).unwrap_or_default();
    let text = if faults.is_empty() { error.to_string() } else { FieldFaults::from_iter(faults.clone()).to_string() };
    let message = format!("{}: {text}", reason.as_str());
    let status = Status::with_error_details(reason.code(), message, details(reason, &faults, error));
    match error {
        CallError::Engine(EngineError::Refused(ClaimRefusal::LaterSettlements(later))) => {
            with_any(status, "LaterSettlements", &later_settlements(later))
        }
        CallError::QuoteChanged { split, quote_digest } => {
            with_any(status, "QuoteChanged", &quote_changed(split, quote_digest))
        }
        _ => status,
    }
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

fn details(reason: Reason, faults: &[FieldFault], error: &CallError) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(reason.as_str(), DOMAIN, metadata(error));
    for fault in faults {
        if reason.code() == Code::FailedPrecondition {
            details.add_precondition_failure_violation(fault.reason.as_str(), &fault.field, &fault.message);
        } else {
            details.add_bad_request_violation(&fault.field, format!("{} ({})", fault.message, fault.reason.as_str()));
        }
    }
    match error {
        CallError::Access(AccessError::LimitExceeded { retry_after }) => {
            details.set_retry_info(Some(*retry_after));
        }
        CallError::Overloaded => {
            details.set_retry_info(Some(RETRY_DELAY));
        }
        _ => {}
    }
    details
}

fn metadata(error: &CallError) -> HashMap<String, String> {
    match error {
        CallError::Engine(EngineError::Refused(ClaimRefusal::ClaimSettled { settlement })) => {
            HashMap::from([("settlement_id".to_owned(), settlement.to_string())])
        }
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
fn quote_changed(split: &Split, quote_digest: &[u8]) -> pb::QuoteChanged {
    let whole = settlement_to_proto::derivation(split);
    let sums = settlement_to_proto::derivation_of_revision(split);
    pb::QuoteChanged {
        split: Some(settlement_to_proto::split(split)),
        quote_digest: quote_digest.to_vec(),
        derivation: [whole, sums].into_iter().find(|derivation| derivation.encoded_len() <= DERIVATION_BYTES),
    }
}

/// The status with one more detail, a message of the settlement package.
fn with_any(status: Status, name: &str, message: &impl Message) -> Status {
    let mut rpc = tonic_types::pb::Status::decode(status.details()).unwrap_or_default();
    rpc.details.push(prost_types::Any {
        type_url: format!("type.googleapis.com/onestop.settlement.v1.{name}"),
        value: message.encode_to_vec(),
    });
    Status::with_details(status.code(), status.message(), rpc.encode_to_vec().into())
}
