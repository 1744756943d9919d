//! One-stop settlement.
pub mod domain;
pub mod policy;
pub mod reference;
pub mod store;
pub mod engine;
pub mod grpc;
pub mod cli;
