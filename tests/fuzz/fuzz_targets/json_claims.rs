//! JSON claims, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::json_claims::TARGET);
