//! Rates: exact shares of one, and the only place where a share of money is rounded.
//!
//! A share is computed from the two integers of a rate's fraction alone: a decimal product would be rounded past 28
//! digits.

use std::fmt;
use std::str::FromStr;

use super::decimal::{ExactDecimal, ParseDecimalError, RESOLVED_DECIMALS, WRITTEN_DECIMALS};
use super::money::Money;

/// An exact decimal share of one, within 0..=1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(ExactDecimal);

/// The denominators of rates, by the number of their decimals.
const POWERS_OF_TEN: [u128; RESOLVED_DECIMALS as usize + 1] = {
    let mut powers = [1; RESOLVED_DECIMALS as usize + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = 10 * powers[at - 1];
        at += 1;
    }
    powers
};

/// The figure lies outside 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not between 0 and 1 (0% and 100%)")]
pub struct RateOutOfRange;

/// Why a text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRateError {
    /// Not a decimal or a percentage.
    #[error(transparent)]
    Decimal(#[from] ParseDecimalError),
    /// Not a share of one.
    #[error(transparent)]
    OutOfRange(#[from] RateOutOfRange),
}

impl Rate {
    /// Nothing.
    pub const ZERO: Rate = Rate(ExactDecimal::ZERO);
    /// All of it.
    pub const ONE: Rate = Rate(ExactDecimal::ONE);

    /// The rate that a record holds; `None` if the text is none.
    pub(crate) fn from_stored(text: &str) -> Option<Rate> {
        ExactDecimal::parse(text, RESOLVED_DECIMALS).ok().and_then(|figure| Rate::try_from(figure).ok())
    }

    /// The figure clamped to 0..=1, as the last step of resolving a policy's terms.
    pub fn clamped(figure: ExactDecimal) -> Rate {
        Rate(figure.clamp(ExactDecimal::ZERO, ExactDecimal::ONE))
    }

    /// Numerator and denominator: the first is at most the second, which is a power of ten, at most 10^20.
    fn fraction(self) -> (u128, u128) {
        (self.0.mantissa().unsigned_abs(), POWERS_OF_TEN[self.0.scale() as usize])
    }

    /// `1 - rate`, exactly.
    pub fn complement(self) -> Rate {
        let (numerator, denominator) = self.fraction();
        ExactDecimal::new((denominator - numerator) as i128, self.0.scale()).map_or(Rate::ZERO, Rate)
    }

    /// `half_up(rate x amount)`: to the fen, half away from zero.
    pub fn share_of(self, amount: Money) -> Money {
        if amount == Money::ZERO {
            return Money::ZERO;
        }
        let fen = amount.fen().unsigned_abs();
        let share = self.share_in_ten_thousandths(fen).unwrap_or_else(|| self.share_in_any_decimals(fen));
        // A share is at most its amount, so 64 bits hold it. `i64::MIN` has no positive counterpart: its
        // magnitude wraps to itself, and so does the negation.
        let fen = share as i64;
        Money::from_fen(if amount.fen() < 0 { fen.wrapping_neg() } else { fen })
    }

    /// The share by a rate of at most four decimals, as nearly all are: the compiler makes a
    /// multiplication of the division by a constant. `None` for other rates, and where 64 bits do not hold the product.
    fn share_in_ten_thousandths(self, fen: u64) -> Option<u64> {
        const DENOMINATOR: u64 = 10_000;
        let unit = *POWERS_OF_TEN.get(4usize.checked_sub(self.0.scale() as usize)?)? as u64;
        // A rate is at most one, so its numerator is at most the denominator.
        let numerator = self.0.mantissa() as u64 * unit;
        let product = fen.checked_mul(numerator)?.checked_add(DENOMINATOR / 2)?;
        Some(product / DENOMINATOR)
    }

    fn share_in_any_decimals(self, fen: u64) -> u64 {
        let (numerator, denominator) = self.fraction();
        match (u64::try_from(numerator), u64::try_from(denominator)) {
            (Ok(numerator), Ok(denominator)) => share_in_u64(fen, numerator, denominator),
            _ => share_in_u128(fen, numerator, denominator),
        }
    }

    /// The share in percent, as in tables and statements: `55%`.
    pub fn percent(self) -> String {
        format!("{}%", self.0.checked_mul(ExactDecimal::HUNDRED).unwrap_or(self.0))
    }
}

/// `half_up(fen x numerator / denominator)`, in 64 bits where they hold the product.
fn share_in_u64(fen: u64, numerator: u64, denominator: u64) -> u64 {
    let half = denominator.div_ceil(2);
    match fen.checked_mul(numerator) {
        Some(product) => product / denominator + u64::from(product % denominator >= half),
        None => {
            let (product, denominator) = (u128::from(fen) * u128::from(numerator), u128::from(denominator));
            (product / denominator) as u64 + u64::from(product % denominator >= u128::from(half))
        }
    }
}

/// The same for a denominator of more than 64 bits, where the product has up to 131 bits.
///
/// Long division in two digits of 32 bits. As `numerator <= denominator <= 10^20 < 2^67`, the product of
/// the high digit and each term of the low sum are below 2^99.
fn share_in_u128(fen: u64, numerator: u128, denominator: u128) -> u64 {
    let (high, low) = (u128::from(fen >> 32), u128::from(fen & 0xFFFF_FFFF));
    let upper = high * numerator;
    let lower = ((upper % denominator) << 32) + low * numerator;
    let whole = ((upper / denominator) << 32) + lower / denominator;
    whole as u64 + u64::from(lower % denominator >= denominator.div_ceil(2))
}

impl TryFrom<ExactDecimal> for Rate {
    type Error = RateOutOfRange;
    fn try_from(figure: ExactDecimal) -> Result<Self, RateOutOfRange> {
        let within = (ExactDecimal::ZERO..=ExactDecimal::ONE).contains(&figure);
        within.then_some(Rate(figure)).ok_or(RateOutOfRange)
    }
}

impl From<Rate> for ExactDecimal {
    fn from(rate: Rate) -> ExactDecimal {
        rate.0
    }
}

/// A figure of any size, written as a share (`0.55`) or in percent (`55%`).
///
/// # Errors
/// If it is no plain decimal number, or has more than 10 decimals as a share.
pub fn parse_share(text: &str) -> Result<ExactDecimal, ParseDecimalError> {
    match text.strip_suffix('%') {
        None => text.parse(),
        Some(percent) => {
            let percent: ExactDecimal = percent.parse()?;
            let share = percent.checked_mul(ExactDecimal::PERCENT).ok_or(ParseDecimalError::TooLarge)?;
            if share.scale() > WRITTEN_DECIMALS {
                return Err(ParseDecimalError::TooManyDecimals(WRITTEN_DECIMALS));
            }
            Ok(share)
        }
    }
}

/// `0.55` or `55%`.
impl FromStr for Rate {
    type Err = ParseRateError;
    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        Ok(Rate::try_from(parse_share(text)?)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_rounds_half_away_from_zero() {
        for (rate, fen, share) in [
            ("0.5", 1, 1),
            ("0.5", -1, -1),
            ("0.4999999999", 1, 0),
            ("0.5000000001", 1, 1),
            ("0.0000000001", i64::MAX, 922_337_204),
            ("0.9999999999", 1_000_000_000, 1_000_000_000),
            ("0.333333", 300, 100),
            ("1", i64::MAX, i64::MAX),
            ("0.55", 9_900_000, 5_445_000),
            ("0.000000000000005", 100_000_000_000_000, 1),
            ("0.000000000000005", 99_999_999_999_999, 0),
            ("0.49999999999999999999", 1, 0),
            ("0.50000000000000000001", 1, 1),
            ("0.00000000000000000001", i64::MAX, 0),
            ("0.99999999999999999999", i64::MAX, i64::MAX),
            ("0.99999999999999999999", i64::MIN, i64::MIN),
        ] {
            let figure = ExactDecimal::parse(rate, 20).expect("a figure");
            let got = Rate::try_from(figure).expect("a rate").share_of(Money::from_fen(fen));
            assert_eq!(got.fen(), share, "{rate} of {fen} fen");
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
