//! Properties of generated policies, tables and sequences of claims.
//!
//! `ONESTOP_SEED` is the seed (a failure prints it), `ONESTOP_CASES` the number of cases of each
//! property. [`policies`], [`tables`] and [`claims`] generate, [`play`] adjudicates without a store,
//! [`coverage`] counts what was reached; the other modules are the properties.

mod claims;
mod conservation;
mod coverage;
mod engine;
mod journal;
mod model;
mod play;
mod policies;
mod policy_text;
mod readjudicate;
mod refusals;
mod rounding;
mod tables;
mod year;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// The cases of a property that needs no store.
const PURE: u32 = 2_000;

/// The cases of a property that runs through the engine.
const SLOW: u32 = 256;

/// The seed where none is given.
const SEED: u64 = 20_170_037;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

/// How many cases to run where so many are usual.
fn cases(usual: u32) -> u32 {
    number("ONESTOP_CASES").map_or(usual, |cases| cases as u32)
}

/// Runs a property on so many generated values; a failure is shrunk and names the seed.
fn holds<S: Strategy>(cases: u32, values: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    let seed = number("ONESTOP_SEED").unwrap_or(SEED);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new_with_rng(config, rng).run(values, property) {
        panic!("{error}\nthe same again: ONESTOP_SEED={seed} ONESTOP_CASES={cases}");
    }
}
