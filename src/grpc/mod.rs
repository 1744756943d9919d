//! The service on the wire: messages in and out, one status table, and the server that is assembled of
//! them. Nothing here decides; wire types end here.

pub mod activation;
pub mod authorize;
pub mod backup;
mod call_resources;
pub mod commit_stamp;
pub mod complete_status;
pub mod deadline;
pub mod disclosures;
pub mod error;
mod feed;
mod feed_cursor;
pub mod from_proto;
pub mod import_stream;
pub mod imports;
pub mod listing;
pub mod observe;
pub mod open_calls;
pub mod operations;
mod outcomes;
pub mod page;
pub mod page_position;
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
mod texts;
pub mod to_proto;
mod view;
mod vocabulary;
