//! Page tokens and quote tokens, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::sealed_tokens::TARGET);
