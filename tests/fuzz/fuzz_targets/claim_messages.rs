//! Claim messages, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::claim_messages::TARGET);
