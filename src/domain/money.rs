//! Money: whole fen (分), so every sum is exact.
//!
//! Does not do: rounding of shares and prices. [`Rate`](super::rate::Rate) and
//! [`UnitPrice`](super::claim::UnitPrice) do that.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use super::decimal::{ExactDecimal, ParseDecimalError};

/// An amount of CNY in whole fen; may be negative (a refund line).
///
/// Sums within one claim cannot overflow: a claim's limits keep them below 10^16 fen. Sums over a year use
/// [`Money::checked_add`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// The amount of so many fen.
    pub const fn from_fen(fen: i64) -> Self {
        Money(fen)
    }

    /// The amount in fen.
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// An amount in yuan rounded to the fen, half away from zero; `None` where 64 bits of fen do not hold it.
    pub fn from_yuan_half_up(yuan: ExactDecimal) -> Option<Money> {
        yuan.half_up(2).map(Money)
    }

    /// The sum, or `None` where 64 bits of fen do not hold it.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// The sum, or the greatest amount where 64 bits of fen do not hold it.
    pub fn saturating_add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    /// The amount, or zero if it is below zero.
    pub fn at_least_zero(self) -> Money {
        self.max(Money::ZERO)
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

/// Yuan with exactly two decimals: `-3.30`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", fen / 100, fen % 100))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} yuan")
    }
}

/// Decimal yuan with at most two decimals, no exponent, no separators.
impl FromStr for Money {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ExactDecimal::parse(text, 2)?.units(2).map(Money)
    }
}

/// The amount in yuan.
impl From<Money> for ExactDecimal {
    fn from(amount: Money) -> ExactDecimal {
        ExactDecimal::from_fen(amount.fen())
    }
}
