//! Properties of generated policies, tables and sequences of claims.
//!
//! `ONESTOP_SEED` is the seed, which a failure prints; `ONESTOP_CASES` is the number of cases of each property.
//! [`policies`], [`tables`] and [`claims`] generate the input, [`scenario`] adjudicates it without a store, and
//! [`coverage`] counts which rules were reached. The other modules contain the properties.

mod books;
mod claims;
mod closed_months;
mod conservation;
mod coverage;
mod engine;
mod journal;
mod parts;
mod policies;
mod policy_text;
mod readjudicate;
mod refusals;
mod rounding;
mod scenario;
mod tables;
mod year;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseResult, TestRng, TestRunner};

/// The default number of cases of a property that needs no store.
const CASES_WITHOUT_STORE: u32 = 2_000;

/// The default number of cases of a property that runs through the engine.
const CASES_WITH_STORE: u32 = 256;

/// The seed unless `ONESTOP_SEED` is set.
const DEFAULT_SEED: u64 = 20_170_037;

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

/// The number of cases to run: `ONESTOP_CASES`, or this default.
fn case_count(default: u32) -> u32 {
    number_from_environment("ONESTOP_CASES").map_or(default, |cases| cases as u32)
}

/// Checks a property on this many generated values; a failure is shrunk and prints the seed.
fn check_property<S: Strategy>(cases: u32, values: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    let seed = number_from_environment("ONESTOP_SEED").unwrap_or(DEFAULT_SEED);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new_with_rng(config, rng).run(values, property) {
        panic!("{error}\nto repeat: ONESTOP_SEED={seed} ONESTOP_CASES={cases}");
    }
}
