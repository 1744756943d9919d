//! Quantities and unit prices: exact decimals as whole numbers of their smallest unit.

use crate::domain::decimal::{ExactDecimal, ParseDecimalError};
use crate::domain::money::Money;

/// A number of units in 10^-4; negative in a refund line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantity(pub i64);

/// A price of one unit in 10^-6 yuan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(pub i64);

/// A decimal number of units with at most four decimals.
impl std::str::FromStr for Quantity {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        ExactDecimal::parse(text, 4)?.units(4).map(Quantity)
    }
}

/// Decimal yuan with at most six decimals.
impl std::str::FromStr for UnitPrice {
    type Err = ParseDecimalError;
    fn from_str(text: &str) -> Result<Self, ParseDecimalError> {
        ExactDecimal::parse(text, 6)?.units(6).map(UnitPrice)
    }
}

/// In yuan, without trailing zeros.
impl std::fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (yuan, micro) = (self.0.abs() / 1_000_000, self.0.abs() % 1_000_000);
        let text = format!("{}{yuan}.{micro:06}", if self.0 < 0 { "-" } else { "" });
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl UnitPrice {
    /// `half_up(price x quantity)` to the fen; `None` past 64 bits.
    pub fn times(self, quantity: Quantity) -> Option<Money> {
        const PER_FEN: i64 = 100_000_000;
        match self.0.checked_mul(quantity.0) {
            Some(product) => {
                let up = (product % PER_FEN).abs() * 2 >= PER_FEN;
                Some(Money::from_fen(product / PER_FEN + if up { product.signum() } else { 0 }))
            }
            None => self.times_in_128_bits(quantity),
        }
    }

    /// The same where 64 bits do not hold the product.
    fn times_in_128_bits(self, quantity: Quantity) -> Option<Money> {
        const PER_FEN: i128 = 100_000_000;
        let product = i128::from(self.0) * i128::from(quantity.0);
        let up = (product % PER_FEN).abs() * 2 >= PER_FEN;
        let fen = product / PER_FEN + if up { product.signum() } else { 0 };
        i64::try_from(fen).ok().map(Money::from_fen)
    }

    /// By how much this price exceeds a ceiling; zero if it does not.
    pub fn above(self, ceiling: UnitPrice) -> UnitPrice {
        UnitPrice(self.0.saturating_sub(ceiling.0).max(0))
    }
}
