//! Policy cases: files of claims with the expected result of each step, and the command that runs them.

mod case;
mod case_runner;
mod case_tables;
mod expectation;
mod expected_names;
pub mod policy_test;
mod step_result;
mod table_rows;
mod table_words;
