//! Policy cases: files of claims with the expected result of each step, and the command that runs them.

pub mod case;
pub mod case_runner;
pub mod case_tables;
pub mod policy_test;
