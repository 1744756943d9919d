//! Exact decimals: the figures of policies and tables, with nothing rounded away.
//!
//! `rust_decimal` rounds a sum or a product that needs more than 28 digits, and does not say so. So its
//! operators are not offered here: a result that cannot be exact is refused, and with it the policy.
//!
//! Does not do: division, exponents, signs other than `-`.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most decimals of a figure as written, zeros at the end not counted.
pub const WRITTEN_DECIMALS: u32 = 10;

/// The most decimals of a figure as computed.
pub const RESOLVED_DECIMALS: u32 = 20;

/// The most decimals of a figure whose text is made in one step.
const SHARE_DECIMALS: usize = 10;

/// The most digits before the point of a figure as written.
const MAX_WHOLE_DIGITS: usize = 15;

/// A mantissa has at most 28 digits.
const MANTISSA_LIMIT: u128 = 10u128.pow(28);

/// A decimal of at most 28 digits, [`RESOLVED_DECIMALS`] of them after the point, without trailing zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExactDecimal(Decimal);

/// Why a text is not a number of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDecimalError {
    /// Not digits with at most one point and at most one leading minus.
    #[error("is not a plain decimal number")]
    NotANumber,
    /// More decimals than this kind of figure has.
    #[error("has more than {0} decimals")]
    TooManyDecimals(u32),
    /// Too large for this kind of figure.
    #[error("is too large")]
    TooLarge,
}

impl ExactDecimal {
    /// Zero.
    pub const ZERO: ExactDecimal = ExactDecimal(Decimal::ZERO);
    /// One.
    pub const ONE: ExactDecimal = ExactDecimal(Decimal::ONE);
    /// A hundred, the percentages in one.
    pub const HUNDRED: ExactDecimal = ExactDecimal(Decimal::ONE_HUNDRED);
    /// One percent.
    pub const PERCENT: ExactDecimal = ExactDecimal(Decimal::from_parts(1, 0, 0, false, 2));

    /// `mantissa / 10^scale`; `None` if that needs more than [`RESOLVED_DECIMALS`] or 28 digits.
    pub fn new(mut mantissa: i128, mut scale: u32) -> Option<Self> {
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        let held = scale <= RESOLVED_DECIMALS && mantissa.unsigned_abs() < MANTISSA_LIMIT;
        let decimal = held.then(|| Decimal::try_from_i128_with_scale(mantissa, scale).ok());
        decimal.flatten().map(ExactDecimal)
    }

    /// The yuan of so many fen.
    pub(super) fn from_fen(fen: i64) -> Self {
        ExactDecimal(Decimal::new(fen, 2).normalize())
    }

    /// The figure of a plain decimal text with at most so many decimals.
    ///
    /// # Errors
    /// If the text is no plain decimal number, or has more digits than that.
    pub fn parse(text: &str, max_decimals: u32) -> Result<Self, ParseDecimalError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(ParseDecimalError::NotANumber);
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if fraction.len() > max_decimals as usize {
            return Err(ParseDecimalError::TooManyDecimals(max_decimals));
        }
        if whole.len() > MAX_WHOLE_DIGITS {
            return Err(ParseDecimalError::TooLarge);
        }
        let mantissa = whole.bytes().chain(fraction.bytes()).fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let signed = if text.starts_with('-') { -mantissa } else { mantissa };
        ExactDecimal::new(signed, fraction.len() as u32).ok_or(ParseDecimalError::TooLarge)
    }

    /// The digits without the point.
    pub const fn mantissa(self) -> i128 {
        self.0.mantissa()
    }

    /// How many of the digits stand after the point.
    pub const fn scale(self) -> u32 {
        self.0.scale()
    }

    /// The exact sum; `None` if it needs more digits than can be held.
    pub fn checked_add(self, other: ExactDecimal) -> Option<ExactDecimal> {
        let scale = self.scale().max(other.scale());
        let sum = self.mantissa_at(scale)?.checked_add(other.mantissa_at(scale)?)?;
        ExactDecimal::new(sum, scale)
    }

    /// The exact product; `None` if it needs more digits than can be held.
    pub fn checked_mul(self, other: ExactDecimal) -> Option<ExactDecimal> {
        ExactDecimal::new(self.mantissa().checked_mul(other.mantissa())?, self.scale() + other.scale())
    }

    /// `share x fen + plus` in fen, with `plus` in yuan: computed exactly in 128-bit integers and rounded half up; `None`
    /// if it does not fit.
    pub(super) fn share_of_fen(self, fen: i64, plus: ExactDecimal) -> Option<i64> {
        const UNIT: i128 = 10i128.pow(RESOLVED_DECIMALS);
        // Whole parts and fractions apart: a fraction in units of 10^-20 is below 2^67, an amount below 2^60.
        let parts = |mantissa: i128, scale: u32| {
            let one = 10i128.pow(scale);
            (mantissa.div_euclid(one), mantissa.rem_euclid(one) * 10i128.pow(RESOLVED_DECIMALS - scale))
        };
        let (whole, fraction) = parts(self.mantissa(), self.scale());
        let (plus_whole, plus_fraction) = parts(plus.mantissa().checked_mul(100)?, plus.scale());
        let fen = i128::from(fen);
        let fraction = fraction.checked_mul(fen)?.checked_add(plus_fraction)?;
        let below = whole.checked_mul(fen)?.checked_add(plus_whole)?.checked_add(fraction.div_euclid(UNIT))?;
        let up = i128::from(fraction.rem_euclid(UNIT) * 2 >= UNIT);
        i64::try_from(below + up).ok()
    }

    /// The number of units of `10^-decimals`, exactly.
    ///
    /// # Errors
    /// If the figure has more decimals than that, or does not fit 64 bits.
    pub fn units(self, decimals: u32) -> Result<i64, ParseDecimalError> {
        if self.scale() > decimals {
            return Err(ParseDecimalError::TooManyDecimals(decimals));
        }
        let units = self.mantissa_at(decimals).ok_or(ParseDecimalError::TooLarge)?;
        i64::try_from(units).map_err(|_| ParseDecimalError::TooLarge)
    }

    /// Units of `10^-decimals`, half away from zero; `None` if 64 bits do not hold them.
    pub fn half_up(self, decimals: u32) -> Option<i64> {
        let rounded = self.0.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
        ExactDecimal(rounded).units(decimals).ok()
    }

    /// The mantissa of the same figure with so many decimals, no fewer than it has.
    fn mantissa_at(self, scale: u32) -> Option<i128> {
        self.mantissa().checked_mul(10i128.checked_pow(scale - self.scale())?)
    }
}

impl FromStr for ExactDecimal {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        ExactDecimal::parse(text, WRITTEN_DECIMALS)
    }
}

/// The shortest text: `0.2999997`.
impl fmt::Display for ExactDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.share_text() {
            Some(text) if f.width().is_none() && f.precision().is_none() => f.write_str(text.as_str()),
            _ => fmt::Display::fmt(&self.0, f),
        }
    }
}

/// The text of a share: `0.`, then its decimals.
struct ShareText {
    bytes: [u8; 2 + SHARE_DECIMALS],
    length: usize,
}

impl ShareText {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl ExactDecimal {
    /// The text of a figure between zero and one with few decimals, as nearly all rates are: every answer shows some twenty,
    /// and the general way takes several times as long.
    fn share_text(self) -> Option<ShareText> {
        let decimals = self.scale() as usize;
        let mut rest = u64::try_from(self.mantissa()).ok()?;
        if !(1..=SHARE_DECIMALS).contains(&decimals) || rest >= 10u64.pow(decimals as u32) {
            return None;
        }
        let (mut bytes, length) = ([b'0'; 2 + SHARE_DECIMALS], 2 + decimals);
        bytes[1] = b'.';
        for digit in bytes[2..length].iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        Some(ShareText { bytes, length })
    }
}

impl fmt::Debug for ExactDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text.
impl Serialize for ExactDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExactDecimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        ExactDecimal::parse(&text, RESOLVED_DECIMALS).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_figure_is_that_of_the_decimal_library() {
        let mantissas =
            [0, 1, 5, 9, 10, 55, 99, 100, 101, 2_999_997, 9_999_999_999, 10_000_000_000, 123_456_789_012_345];
        for mantissa in mantissas.into_iter().flat_map(|mantissa| [mantissa, -mantissa]) {
            for scale in 0..=RESOLVED_DECIMALS {
                let Some(figure) = ExactDecimal::new(mantissa, scale) else { continue };
                assert_eq!(figure.to_string(), figure.0.to_string());
                assert_eq!(format!("{figure:>30.3}"), format!("{:>30.3}", figure.0));
            }
        }
    }
}
