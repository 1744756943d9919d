//! The arithmetic of money against slow arithmetic on decimal digits, over seeded random figures.
//!
//! The reference knows only digits as written by hand: a product is schoolbook multiplication, and
//! *half up* drops digits and looks at the highest one dropped. It shares nothing with the code it judges.

mod figures;
mod money;
mod shares;
mod slow;
mod texts;

use onestop::domain::decimal::ExactDecimal;

use slow::Slow;

/// The seed of every random figure here; a failure names the figures themselves.
const SEED: u64 = 20_170_615;

/// How many random figures each test takes.
const MANY: usize = 4_000;

fn exact(text: &str) -> ExactDecimal {
    text.parse().unwrap_or_else(|error| panic!("{text} {error}"))
}

/// A figure of as many decimals as a computed one may have.
fn resolved(text: &str) -> ExactDecimal {
    ExactDecimal::parse(text, 20).unwrap_or_else(|error| panic!("{text} {error}"))
}

/// An amount of at most so many decimals in 10^-decimals, if 64 bits hold it.
fn units(slow: &Slow, decimals: usize) -> Option<i64> {
    Slow { scale: 0, ..slow.half_up(decimals) }.text().parse().ok()
}
