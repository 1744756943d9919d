//! The tests of `onestop`: one binary, a module a theme.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

mod policy_cases;
mod properties;
mod straight_line;
mod policy_format;
mod arithmetic;
mod shipped_policies;
mod architecture;
mod command_line;
mod concurrency;
mod records;
mod store_contract;
