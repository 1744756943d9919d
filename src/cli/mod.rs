//! The command line of `onestop`.
//!
//! `client` holds the commands that call a server, `cases` the policy cases, `admin` the commands that work on stores and
//! files, `load` the load test, `report` the reports, `output` what they print. `error` holds the errors of commands, and `exit` maps each to its exit code.

mod admin;
pub mod cases;
pub mod client;
mod commands;
mod demo;
pub mod error;
pub mod exit;
mod impact;
mod in_chinese;
mod load;
pub mod output;
mod region_prefix;
mod report;
mod serve;
mod text_file;

pub use commands::{Command, run};
