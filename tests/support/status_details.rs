//! What the tests read in the details of a status.

use prost::Message;
use tonic::Status;

/// Whether a text is in Chinese characters.
pub fn is_chinese(text: &str) -> bool {
    text.chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character))
}

/// The fields that a `BadRequest` names, each with its reason and sentence.
pub fn bad_fields(status: &Status) -> Vec<(String, String, String)> {
    let rpc = tonic_types::pb::Status::decode(status.details()).expect("a google.rpc.Status");
    let bad = rpc.details.iter().find(|any| any.type_url == "type.googleapis.com/google.rpc.BadRequest");
    let bad = bad.map(|any| tonic_types::pb::BadRequest::decode(&*any.value).expect("a BadRequest"));
    let fields = bad.unwrap_or_default().field_violations.into_iter();
    fields.map(|fault| (fault.field, fault.reason, fault.description)).collect()
}
