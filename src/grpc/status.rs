//! From a refusal to a status: the code by [`Reason::code`], the reason as `ErrorInfo`, every fault as
//! `BadRequest` or `PreconditionFailure`, and what else goes with the reason.

use std::collections::HashMap;
use std::time::Duration;

use prost::Message;
use tonic::{Code as Grpc, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::domain::refusal::{Code, Detail, Later, Reason, Refusal};
use crate::domain::split::Split;

use super::{pb, to_proto};

/// The domain of every `ErrorInfo`.
pub const DOMAIN: &str = "onestop";

/// When a caller that was shed may come again.
const RETRY: Duration = Duration::from_millis(500);

/// The status of a refusal. A check that failed inside is logged for the operator and not told.
pub fn of(refusal: &Refusal) -> Status {
    let code = code(refusal.reason.code());
    let status = Status::with_error_details(code, refusal.to_string(), details(refusal));
    match &refusal.detail {
        Detail::Later(later) => with_any(status, "LaterSettlements", &later_settlements(later)),
        Detail::Split(split, digest) => {
            with_any(status, "QuoteChanged", &quote_changed(split, to_proto::digest(*digest)))
        }
        Detail::Broken(what) => {
            tracing::error!(what, "an invariant does not hold; nothing was committed");
            status
        }
        Detail::None | Detail::Settlement(_) => status,
    }
}

/// The gRPC code of the same name.
pub fn code(code: Code) -> Grpc {
    match code {
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

fn details(refusal: &Refusal) -> ErrorDetails {
    let mut details = ErrorDetails::with_error_info(refusal.reason.as_str(), DOMAIN, metadata(&refusal.detail));
    for fault in &refusal.faults {
        if refusal.reason.code() == Code::FailedPrecondition {
            details.add_precondition_failure_violation(fault.reason.as_str(), &fault.field, &fault.told);
        } else {
            details.add_bad_request_violation(&fault.field, format!("{} ({})", fault.told, fault.reason.as_str()));
        }
    }
    if refusal.reason == Reason::Overloaded {
        details.set_retry_info(Some(RETRY));
    }
    details
}

fn metadata(detail: &Detail) -> HashMap<String, String> {
    match detail {
        Detail::Settlement(id) => HashMap::from([("settlement_id".to_owned(), id.to_string())]),
        _ => HashMap::new(),
    }
}

fn later_settlements(later: &Later) -> pb::settlement::LaterSettlements {
    pb::settlement::LaterSettlements {
        own_settlement_ids: later.own.iter().map(ToString::to_string).collect(),
        others: later.others as u64,
    }
}

fn quote_changed(split: &Split, quote_digest: Vec<u8>) -> pb::settlement::QuoteChanged {
    pb::settlement::QuoteChanged { split: Some(to_proto::split(split)), quote_digest }
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
