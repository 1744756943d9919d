//! Commands that call a server.

pub mod activate;
pub mod address;
pub mod claim_lines;
pub mod claim_text;
pub mod commands;
pub mod connection;
pub mod import;
pub mod list;
pub mod load;
pub mod quote;
pub mod reference;
pub mod refused_claims;
pub mod reverse;
pub mod settle;
pub mod show;

pub use connection::Client;
