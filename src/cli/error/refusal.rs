//! What a refusal says, read from the details of its status.

use prost::Message;
use tonic::Status;
use tonic_types::pb as rpc;

use crate::domain::fault::FaultReason;
use crate::domain::file_fault::FaultText;
use crate::grpc::texts::fault_in_chinese;

/// What is wrong with a field.
pub(crate) struct FieldViolation {
    /// The path of the field.
    pub field: String,
    /// The stable reason.
    pub reason: String,
    /// The sentence in English.
    pub message: String,
}

impl FieldViolation {
    /// The sentence with the reason. In Chinese it is the reason's own; that of a reason which this program does not know stays
    /// English.
    pub(crate) fn text(&self) -> FaultText {
        let FieldViolation { message, reason, .. } = self;
        let known = FaultReason::ALL.iter().find(|known| known.as_str() == reason);
        let chinese = known.map_or(&**message, |known| fault_in_chinese(*known));
        FaultText::new(format!("{message} ({reason})"), format!("{chinese} ({reason})"))
    }
}

/// The faults that a status names.
pub(crate) fn field_violations(status: &Status) -> Vec<FieldViolation> {
    let details = rpc::Status::decode(status.details()).unwrap_or_default().details;
    details.iter().flat_map(|any| violations(any.type_url.as_str(), &any.value).unwrap_or_default()).collect()
}

fn violations(type_url: &str, value: &[u8]) -> Option<Vec<FieldViolation>> {
    match type_url.rsplit_once('/')?.1 {
        "google.rpc.BadRequest" => {
            let violations = rpc::BadRequest::decode(value).ok()?.field_violations.into_iter();
            let violation = |one: rpc::bad_request::FieldViolation| FieldViolation {
                field: one.field,
                reason: one.reason,
                message: one.description,
            };
            Some(violations.map(violation).collect())
        }
        "google.rpc.PreconditionFailure" => {
            let violations = rpc::PreconditionFailure::decode(value).ok()?.violations.into_iter();
            let violation = |one: rpc::precondition_failure::Violation| FieldViolation {
                field: one.subject,
                reason: one.r#type,
                message: one.description,
            };
            Some(violations.map(violation).collect())
        }
        _ => None,
    }
}
