//! The service on the wire: messages in and out, one status table, and the server that is assembled of
//! them. Nothing here decides; wire types end here.

pub mod activation;
pub mod authorize;
mod call_resources;
pub mod commit_stamp;
pub mod complete_status;
pub mod deadline;
pub mod disclosures;
pub mod error;
pub mod from_proto;
pub mod import_stream;
pub mod imports;
pub mod listing;
pub mod observe;
pub mod open_calls;
pub mod operations;
pub mod page;
pub mod policy;
mod quote_tokens;
pub mod reference;
mod request_body;
mod response_body;
pub mod reversals;
mod settle;
pub mod settlement;
pub mod status;
mod status_details;
pub mod stream;
pub mod to_proto;

/// The generated messages, clients and servers.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod pb {
    /// `onestop.settlement.v1`
    pub mod settlement {
        tonic::include_proto!("onestop.settlement.v1");
    }
    /// `onestop.reference.v1`
    pub mod reference {
        tonic::include_proto!("onestop.reference.v1");
    }
    /// `onestop.policy.v1`
    pub mod policy {
        tonic::include_proto!("onestop.policy.v1");
    }
    /// `onestop.operations.v1`
    pub mod operations {
        tonic::include_proto!("onestop.operations.v1");
    }
    /// The descriptors of all of them, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/onestop.descriptors"));
}
