//! How large a claim may be.

use crate::domain::money::Money;

/// How large a claim may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimLimits {
    /// The most items in a claim.
    pub items: usize,
    /// The most bytes of an id.
    pub id_bytes: usize,
    /// The most bytes of a reason for a reversal.
    pub reason_bytes: usize,
    /// The most days from admission to discharge.
    pub stay_days: u32,
    /// An amount or a price lies within plus and minus this.
    pub amount: Money,
}

impl ClaimLimits {
    /// The greatest configurable number of items: a settlement refers to the catalogue entry of an item by a 16-bit number.
    pub const MAX_ITEMS: usize = 65_535;
}

impl Default for ClaimLimits {
    fn default() -> Self {
        let amount = Money::from_fen(100_000_000_000);
        ClaimLimits { items: 5_000, id_bytes: 64, reason_bytes: 1_000, stay_days: 1_100, amount }
    }
}
