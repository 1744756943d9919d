//! Rates: exact shares of one, and the only place where a share of money is rounded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::exact::{Exact, Unreadable};
use super::money::Money;

/// An exact decimal share of one, within 0..=1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Exact", into = "Exact")]
pub struct Rate(Exact);

/// The figure lies outside 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not between 0 and 1 (0% and 100%)")]
pub struct NotAShare;

/// Mantissas are split here so that every product fits 128 bits: 10^14 is below 2^47, and so is the
/// rest of a mantissa of at most 10^28.
const SPLIT: u32 = 14;

impl Rate {
    /// Nothing.
    pub const ZERO: Rate = Rate(Exact::ZERO);
    /// All of it.
    pub const ONE: Rate = Rate(Exact::ONE);

    /// The figure brought within 0..=1, as the last step of resolving a policy's terms.
    pub fn bounded(figure: Exact) -> Rate {
        Rate(figure.clamp(Exact::ZERO, Exact::ONE))
    }

    /// The exact figure.
    pub const fn exact(self) -> Exact {
        self.0
    }

    /// What this share leaves: `1 - rate`, exactly.
    pub fn complement(self) -> Rate {
        let unit = 10i128.pow(self.0.scale());
        let rest = Exact::new(unit - self.0.mantissa(), self.0.scale());
        Rate(rest.unwrap_or(Exact::ZERO))
    }

    /// `half_up(rate x amount)`: to the fen, half away from zero.
    pub fn of(self, amount: Money) -> Money {
        let fen = amount.fen().unsigned_abs();
        let mantissa = self.0.mantissa().unsigned_abs();
        let share = match fen.checked_mul(mantissa as u64) {
            Some(product) if self.0.scale() <= SPLIT => {
                let unit = 10u64.pow(self.0.scale());
                product / unit + u64::from(product % unit * 2 >= unit)
            }
            _ => wide_share(fen, mantissa, self.0.scale()),
        };
        // A share is never more than its amount, so it fits where the amount did.
        Money::from_fen(share as i64 * amount.fen().signum())
    }
}

/// `half_up(fen x mantissa / 10^scale)` for a mantissa of at most `10^scale`, `scale` at most 28.
fn wide_share(fen: u64, mantissa: u128, scale: u32) -> u64 {
    let fen = u128::from(fen);
    if scale <= SPLIT {
        return rounded(fen * mantissa, 10u128.pow(scale));
    }
    let low_unit = 10u128.pow(SPLIT);
    let high = fen * (mantissa / low_unit);
    let carried = fen * (mantissa % low_unit) / low_unit;
    // What the inner division drops is below one of the outer unit's parts, and half of the outer
    // unit is a whole number of them: it cannot decide the rounding.
    rounded(high + carried, 10u128.pow(scale - SPLIT))
}

fn rounded(product: u128, unit: u128) -> u64 {
    (product / unit + u128::from(product % unit * 2 >= unit)) as u64
}

impl TryFrom<Exact> for Rate {
    type Error = NotAShare;
    fn try_from(figure: Exact) -> Result<Self, NotAShare> {
        let within = (Exact::ZERO..=Exact::ONE).contains(&figure);
        within.then_some(Rate(figure)).ok_or(NotAShare)
    }
}

impl From<Rate> for Exact {
    fn from(rate: Rate) -> Exact {
        rate.0
    }
}

/// A figure written as a share (`0.55`) or in percent (`55%`); any size.
pub fn figure(text: &str) -> Result<Exact, Unreadable> {
    match text.strip_suffix('%') {
        None => text.parse(),
        Some(percent) => {
            let exact: Exact = percent.parse()?;
            Exact::new(exact.mantissa(), exact.scale() + 2)
                .ok_or(Unreadable::TooManyDecimals(super::exact::MAX_DECIMALS))
        }
    }
}

/// `0.55` or `55%`.
impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let figure = figure(text).map_err(|e| e.to_string())?;
        Rate::try_from(figure).map_err(|e| e.to_string())
    }
}

/// The share as a decimal: `0.55`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Rate {
    /// The share in percent, as tables and statements print it: `55%`.
    pub fn percent(self) -> String {
        let hundred = Exact::new(self.0.mantissa() * 100, self.0.scale());
        format!("{}%", hundred.unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_rounds_half_away_from_zero() {
        for (rate, fen, share) in [
            ("0.5", 1, 1),
            ("0.5", -1, -1),
            ("0.4999999999999999999999999999", 1, 0),
            ("0.5000000000000000000000000001", 1, 1),
            ("0.0000000000000000000000000001", i64::MAX, 0),
            ("0.9999999999999999999999999999", 1_000_000_000_000_000, 1_000_000_000_000_000),
            ("0.333333", 300, 100),
            ("1", i64::MAX, i64::MAX),
            ("0.55", 9_900_000, 5_445_000),
            ("0.000000000000005", 100_000_000_000_000, 1),
            ("0.000000000000005", 99_999_999_999_999, 0),
        ] {
            let rate: Rate = rate.parse().expect("a rate");
            assert_eq!(rate.of(Money::from_fen(fen)).fen(), share, "{rate} of {fen} fen");
        }
    }

    #[test]
    fn percent_and_share_are_one_figure() {
        assert_eq!("55%".parse::<Rate>(), "0.55".parse());
        assert_eq!("33.3333%".parse::<Rate>().map(|r| r.complement().to_string()), Ok("0.666667".into()));
        assert!("101%".parse::<Rate>().is_err());
        assert!("-0.01".parse::<Rate>().is_err());
    }
}
