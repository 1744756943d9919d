//! The command line of `onestop`: each command a module, each answer an exit code.

pub mod activate;
pub mod audit;
pub mod case;
pub mod case_desk;
pub mod case_tables;
pub mod claim_lines;
pub mod claim_text;
pub mod client;
pub mod client_commands;
pub mod commands;
pub mod configure;
pub mod copy;
pub mod demo;
pub mod exit;
pub mod import;
pub mod json;
pub mod json_settlement;
pub mod list;
pub mod load;
pub mod policy;
pub mod policy_test;
pub mod progress;
pub mod quote;
pub mod reference;
pub mod refused;
pub mod reverse;
pub mod seal;
pub mod serve;
pub mod settle;
pub mod show;
pub mod show_policy;
pub mod statement;

pub use commands::{Command, run};
