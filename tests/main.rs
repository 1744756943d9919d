//! The tests of `onestop`: one binary, a module a theme.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

mod access;
mod alerts;
mod architecture;
mod arithmetic;
mod attacks;
mod audit;
mod backup;
mod clock;
mod command_line;
mod concurrency;
mod configuration;
mod copying;
mod demo;
mod deployment;
mod disk;
mod durability;
mod fuzzing;
mod impact;
mod index;
mod law;
mod load;
mod log;
mod model;
mod pages;
mod personal_data;
mod policy_cases;
mod policy_format;
mod properties;
mod reconcile;
mod records;
mod redis;
mod reference;
mod reports;
mod schema;
mod service;
mod shipped_policies;
mod simulation;
mod statement;
mod store_contract;
mod stored_forms;
mod straight_line;
mod telemetry;
