//! Rates: exact shares of one, and the only place where a share of money is rounded.

use std::fmt;
use std::str::FromStr;

use ethnum::{I256, U256};
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

/// Up to so many decimals the digits of a rate, at most 10^18, fit 64 bits.
const SHORT: u32 = 18;

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
        let unit = I256::new(10).pow(self.0.scale());
        let rest = Exact::new(unit - self.0.mantissa(), self.0.scale());
        Rate(rest.unwrap_or(Exact::ZERO))
    }

    /// `half_up(rate x amount)`: to the fen, half away from zero.
    pub fn of(self, amount: Money) -> Money {
        let fen = amount.fen().unsigned_abs();
        let share = if self.0.scale() <= SHORT {
            short_share(fen, self.0.mantissa().as_u64(), 10u64.pow(self.0.scale()))
        } else {
            long_share(fen, self.0)
        };
        // A share is never more than its amount, so it fits where the amount did; the least amount too, whose
        // size alone does not.
        let fen = share as i64;
        Money::from_fen(if amount.fen() < 0 { fen.wrapping_neg() } else { fen })
    }
}

/// `half_up(fen x mantissa / unit)`, in 64 bits where they do.
fn short_share(fen: u64, mantissa: u64, unit: u64) -> u64 {
    match fen.checked_mul(mantissa) {
        Some(product) => product / unit + u64::from(product % unit >= unit.div_ceil(2)),
        None => {
            let (product, unit) = (u128::from(fen) * u128::from(mantissa), u128::from(unit));
            (product / unit) as u64 + u64::from(product % unit >= unit.div_ceil(2))
        }
    }
}

/// The same for more decimals: 56 of them and 64 bits of fen fit 256 bits.
fn long_share(fen: u64, rate: Exact) -> u64 {
    let unit = U256::new(10).pow(rate.scale());
    let product = U256::from(fen) * rate.mantissa().as_u256();
    let up = product % unit >= unit / 2;
    (product / unit).as_u64() + u64::from(up)
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
                .ok_or(Unreadable::TooManyDecimals(super::exact::WRITTEN_DECIMALS))
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
