//! Commands that call a server, and the files of claims and tables that they read.

mod account;
pub mod activate;
pub mod address;
mod backup;
mod brackets;
pub mod claim_lines;
pub mod claim_text;
pub mod commands;
mod connection;
mod correct;
pub(crate) mod dropped_words;
mod entries;
mod health;
pub mod import;
pub(crate) mod interrupt;
mod list;
mod outcome;
pub(crate) mod policy_source;
mod quote;
mod quotes;
mod readjudicate;
mod reconcile;
mod reference;
mod refused_claims;
mod refused_policies;
mod reverse;
mod settle;
mod show;
pub mod traced_channel;

pub use connection::Client;
