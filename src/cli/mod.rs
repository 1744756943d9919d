//! The command line of `onestop`: each command a module, each answer an exit code.

pub mod admin;
pub mod cases;
pub mod client;
pub mod commands;
pub mod demo;
pub mod exit;
pub mod output;
pub mod serve;

pub use commands::{Command, run};
