//! From a refusal to a status: the code by [`Reason::code`], the reason as `ErrorInfo`, every fault as
//! `BadRequest` or `PreconditionFailure`, and what else goes with the reason.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::domain::fault::{Fault, FaultReason};
use crate::domain::refusal::{Code, Detail, LaterSettlements, Reason, Refusal};
use crate::domain::split::Split;

use super::{pb, to_proto};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "onestop";

/// The most faults that one answer names, and the most later settlements: a status travels in a header, and
/// most clients take 16 KiB of headers.
const FAULTS_TOLD: usize = 20;
const LATER_TOLD: usize = 100;

/// The most bytes of a split in a status.
const SPLIT_BYTES: usize = 8 << 10;

/// When a caller that was shed may come again.
const RETRY: Duration = Duration::from_millis(500);

/// The status of a refusal. A check that failed inside is logged for the operator and not told.
pub fn of(refusal: &Refusal) -> Status {
    let code = code(refusal.reason.code());
    let told = Refusal { detail: Detail::None, faults: few(refusal), ..*refusal };
    let status = Status::with_error_details(code, told.to_string(), details(&told, &refusal.detail));
    match &refusal.detail {
        Detail::LaterSettlements(later) => with_any(status, "LaterSettlements", &later_settlements(later)),
        Detail::Split(split, digest) => {
            with_any(status, "QuoteChanged", &quote_changed(split, to_proto::digest(*digest)))
        }
        Detail::InvariantViolation(what) => {
            tracing::error!(what, "an invariant does not hold; nothing was committed");
            status
        }
        Detail::None | Detail::Settlement(_) | Detail::After(_) => status,
    }
}

/// The same as a message, for a stream that goes on.
pub fn message(refusal: &Refusal) -> tonic_types::pb::Status {
    let status = of(refusal);
    // What was encoded just now can be decoded; without details code and message are told still.
    tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code() as i32,
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}

/// The gRPC code of the same name.
pub fn code(code: Code) -> Grpc {
    match code {
        Code::Unauthenticated => Grpc::Unauthenticated,
        Code::PermissionDenied => Grpc::PermissionDenied,
        Code::InvalidArgument => Grpc::InvalidArgument,
        Code::FailedPrecondition => Grpc::FailedPrecondition,
        Code::AlreadyExists => Grpc::AlreadyExists,
        Code::NotFound => Grpc::NotFound,
        Code::Aborted => Grpc::Aborted,
        Code::Unavailable => Grpc::Unavailable,
        Code::DeadlineExceeded => Grpc::DeadlineExceeded,
        Code::ResourceExhausted => Grpc::ResourceExhausted,
        Code::OutOfRange => Grpc::OutOfRange,
        Code::Internal => Grpc::Internal,
    }
}

/// The gRPC name of a status.
pub fn name(code: Grpc) -> &'static str {
    match code {
        Grpc::Ok => "OK",
        Grpc::Cancelled => "CANCELLED",
        Grpc::Unknown => "UNKNOWN",
        Grpc::InvalidArgument => "INVALID_ARGUMENT",
        Grpc::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Grpc::NotFound => "NOT_FOUND",
        Grpc::AlreadyExists => "ALREADY_EXISTS",
        Grpc::PermissionDenied => "PERMISSION_DENIED",
        Grpc::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Grpc::FailedPrecondition => "FAILED_PRECONDITION",
        Grpc::Aborted => "ABORTED",
        Grpc::OutOfRange => "OUT_OF_RANGE",
        Grpc::Unimplemented => "UNIMPLEMENTED",
        Grpc::Internal => "INTERNAL",
        Grpc::Unavailable => "UNAVAILABLE",
        Grpc::DataLoss => "DATA_LOSS",
        Grpc::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The first faults, and how many more there are.
fn few(refusal: &Refusal) -> Vec<Fault> {
    let mut told: Vec<Fault> = refusal.faults.iter().take(FAULTS_TOLD).cloned().collect();
    let more = refusal.faults.len() - told.len() + refusal.more;
    if let Some(last) = told.last().filter(|_| more > 0) {
        let list = last.field.split('[').next().unwrap_or_default().to_owned();
        told.push(Fault::new(list, FaultReason::TooMany, format!("have {more} more faults")));
    }
    told
}

fn details(refusal: &Refusal, detail: &Detail) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(refusal.reason.as_str(), DOMAIN, metadata(detail));
    for fault in &refusal.faults {
        if refusal.reason.code() == Code::FailedPrecondition {
            details.add_precondition_failure_violation(fault.reason.as_str(), &fault.field, &fault.told);
        } else {
            details.add_bad_request_violation(&fault.field, format!("{} ({})", fault.told, fault.reason.as_str()));
        }
    }
    match detail {
        Detail::After(wait) => drop(details.set_retry_info(Some(*wait))),
        _ if refusal.reason == Reason::Overloaded => drop(details.set_retry_info(Some(RETRY))),
        _ => {}
    }
    details
}

fn metadata(detail: &Detail) -> HashMap<String, String> {
    match detail {
        Detail::Settlement(id) => HashMap::from([("settlement_id".to_owned(), id.to_string())]),
        _ => HashMap::new(),
    }
}

fn later_settlements(later: &LaterSettlements) -> pb::settlement::LaterSettlements {
    pb::settlement::LaterSettlements {
        own_settlement_ids: later.own.iter().take(LATER_TOLD).map(ToString::to_string).collect(),
        own: later.own.len() as u64,
        others: later.others as u64,
    }
}

/// Of a long bill the split without its lines, or the digest alone.
fn quote_changed(split: &Split, quote_digest: Vec<u8>) -> pb::settlement::QuoteChanged {
    let whole = to_proto::split(split);
    let sums = pb::settlement::Split { codes: Vec::new(), lines: Vec::new(), ..whole.clone() };
    let split = [whole, sums].into_iter().find(|split| split.encoded_len() <= SPLIT_BYTES);
    pb::settlement::QuoteChanged { split, quote_digest }
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
