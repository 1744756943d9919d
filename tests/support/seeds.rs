//! Which seeds a test runs.

use std::ops::Range;

/// The seeds that `ONESTOP_SEEDS` asks for, one or from..until; else the usual ones.
pub fn asked(usual: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("ONESTOP_SEEDS") else { return usual };
    let number = |text: &str| text.parse::<u64>().expect("ONESTOP_SEEDS is a seed, or from..until");
    match text.split_once("..") {
        Some((from, until)) => number(from)..number(until),
        None => number(&text)..number(&text) + 1,
    }
}
