//! Sequences of calls, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::sequences::TARGET);
