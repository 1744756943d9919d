//! CSV rows, by libFuzzer.

#![no_main]

onestop_fuzz::fuzz!(onestop_fuzz::fuzzing::csv_rows::TARGET);
