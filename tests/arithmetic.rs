//! Compares the arithmetic of money with schoolbook arithmetic on decimal digits, over seeded random figures.
//!
//! The reference in [`digits`] shares no code with the engine: a product is schoolbook multiplication, and *half up*
//! drops digits and looks at the highest dropped one.

mod digits;
mod figures;
mod money;
mod parsing;
mod shares;

use onestop::domain::decimal::ExactDecimal;

use digits::DigitDecimal;

/// The seed of all random figures; a failure prints the figures.
const SEED: u64 = 20_170_615;

/// The number of random figures in each test.
const ROUNDS: usize = 4_000;

/// A figure as written in a policy.
fn parse_decimal(text: &str) -> ExactDecimal {
    text.parse().unwrap_or_else(|error| panic!("{text} {error}"))
}

/// A figure with up to the 20 decimals of a computed figure.
fn parse_computed(text: &str) -> ExactDecimal {
    ExactDecimal::parse(text, 20).unwrap_or_else(|error| panic!("{text} {error}"))
}

/// A number rounded to this many decimals, in units of 10^-decimals, if it fits into 64 bits.
fn units_from(slow: &DigitDecimal, decimals: usize) -> Option<i64> {
    DigitDecimal { scale: 0, ..slow.half_up(decimals) }.to_text().parse().ok()
}
