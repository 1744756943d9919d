//! Bad input: what nobody should send, and what must hold nevertheless. No panic, no hang, no memory beyond a small
//! multiple of the input, the store unchanged by a refusal.
//!
//! ```text
//! cargo test --test onestop fuzzing                                            # 100,000 inputs of each target
//! ONESTOP_SEEDS=17 cargo test --test onestop fuzzing::run::claim_messages      # one input again
//! ```
//!
//! A [`Target`] makes inputs, most of them sound but for a fault or two, and takes any bytes; [`run`] is one way to
//! bring the two together, cargo-fuzz (`tests/fuzz`) the other. [`bounds`] measures time and memory, [`reached`] counts
//! what inputs came to, [`service`] is the shipped service in this process over a store that [`counting_store`] counts the
//! writes of, [`wire`] brings it bytes.

pub mod bounds;
pub mod claim_messages;
pub mod claims;
pub mod counting_store;
pub mod csv_inputs;
pub mod csv_rows;
#[cfg(test)]
mod found;
pub mod json_claims;
pub mod json_inputs;
pub mod message_inputs;
pub mod policy_files;
pub mod policy_inputs;
pub mod reached;
pub mod refusal;
#[cfg(test)]
mod run;
pub mod sealed_tokens;
pub mod sequence_inputs;
pub mod sequences;
pub mod service;
pub mod wire;

use crate::support::random::Random;
use reached::Reached;

/// One kind of input.
pub struct Target {
    /// Makes one.
    pub input: fn(&mut Random) -> Vec<u8>,
    /// Takes these bytes as the shipped code would, and notes what they came to; panics if something does not hold.
    pub take: fn(&[u8], &mut Reached),
    /// What inputs must have come to, each at least once.
    pub classes: fn() -> Vec<String>,
}
