//! The tests of `onestop`: one binary, a module a theme.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

mod policy_cases;
