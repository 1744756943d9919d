//! Policy TOML, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::policy_files::TARGET);
