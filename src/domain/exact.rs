//! Exact decimals: what a text says, with nothing rounded away.
//!
//! A general decimal library rounds a product that outgrows its mantissa, silently; here that is an
//! error, so a policy whose figures cannot be computed exactly is refused when it is read.
//!
//! Does not do: division, exponents, signs other than `-`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most decimals a figure may have, as written or as computed.
pub const MAX_DECIMALS: u32 = 28;

/// The most digits before the point of a figure as written.
const MAX_WHOLE_DIGITS: usize = 15;

/// `mantissa / 10^scale`, kept without trailing zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exact {
    mantissa: i128,
    scale: u32,
}

/// Why a text is not a number of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
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

impl Exact {
    /// Zero.
    pub const ZERO: Exact = Exact { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Exact = Exact { mantissa: 1, scale: 0 };

    /// `mantissa / 10^scale`; `None` past [`MAX_DECIMALS`].
    pub fn new(mantissa: i128, scale: u32) -> Option<Self> {
        let mut exact = Exact { mantissa, scale };
        while exact.scale > 0 && exact.mantissa % 10 == 0 {
            exact.mantissa /= 10;
            exact.scale -= 1;
        }
        (exact.scale <= MAX_DECIMALS).then_some(exact)
    }

    /// The digits without the point.
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many of the digits stand behind the point.
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// The exact sum; `None` if it cannot be held.
    pub fn checked_add(self, other: Exact) -> Option<Exact> {
        let scale = self.scale.max(other.scale);
        let sum = self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?;
        Exact::new(sum, scale)
    }

    /// The exact product; `None` if it cannot be held.
    pub fn checked_mul(self, other: Exact) -> Option<Exact> {
        Exact::new(self.mantissa.checked_mul(other.mantissa)?, self.scale + other.scale)
    }

    /// The number of units of `10^-decimals`, exactly.
    ///
    /// # Errors
    /// If the figure has more decimals than that, or does not fit 64 bits.
    pub fn units(self, decimals: u32) -> Result<i64, Unreadable> {
        if self.scale > decimals {
            return Err(Unreadable::TooManyDecimals(decimals));
        }
        let units = self.at_scale(decimals).ok_or(Unreadable::TooLarge)?;
        i64::try_from(units).map_err(|_| Unreadable::TooLarge)
    }

    /// Units of `10^-decimals`, half away from zero; `None` if 64 bits do not hold them.
    pub fn half_up(self, decimals: u32) -> Option<i64> {
        let units = match self.scale.checked_sub(decimals) {
            None | Some(0) => self.at_scale(decimals)?,
            Some(excess) => {
                let unit = 10i128.pow(excess);
                let whole = self.mantissa / unit;
                let up = (self.mantissa % unit).abs() * 2 >= unit;
                whole + if up { self.mantissa.signum() } else { 0 }
            }
        };
        i64::try_from(units).ok()
    }

    fn at_scale(self, scale: u32) -> Option<i128> {
        self.mantissa.checked_mul(10i128.checked_pow(scale - self.scale)?)
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    /// Whole parts first, then the fractions at a common scale: neither can overflow.
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |e: &Exact| e.mantissa.div_euclid(10i128.pow(e.scale));
        let fraction =
            |e: &Exact| e.mantissa.rem_euclid(10i128.pow(e.scale)) * 10i128.pow(MAX_DECIMALS - e.scale);
        whole(self).cmp(&whole(other)).then_with(|| fraction(self).cmp(&fraction(other)))
    }
}

impl FromStr for Exact {
    type Err = Unreadable;
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(Unreadable::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > MAX_DECIMALS as usize {
            return Err(Unreadable::TooManyDecimals(MAX_DECIMALS));
        }
        if whole.trim_start_matches('0').len() > MAX_WHOLE_DIGITS {
            return Err(Unreadable::TooLarge);
        }
        let mantissa = mantissa(whole, fraction).ok_or(Unreadable::TooLarge)?;
        let signed = if text.starts_with('-') { -mantissa } else { mantissa };
        Exact::new(signed, fraction.len() as u32).ok_or(Unreadable::TooLarge)
    }
}

fn mantissa(whole: &str, fraction: &str) -> Option<i128> {
    whole.bytes().chain(fraction.bytes()).try_fold(0i128, |sum, digit| {
        sum.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
    })
}

/// The shortest text: `0.2999997`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if self.scale == 0 {
            return f.pad(&format!("{sign}{digits}"));
        }
        let unit = 10u128.pow(self.scale);
        let width = self.scale as usize;
        f.pad(&format!("{sign}{}.{:0width$}", digits / unit, digits % unit))
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text where people read it, the two integers where machines do.
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        (self.mantissa, self.scale).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        let (mantissa, scale) = <(i128, u32)>::deserialize(deserializer)?;
        let exact = (scale <= MAX_DECIMALS).then(|| Exact::new(mantissa, scale)).flatten();
        exact.ok_or_else(|| D::Error::custom("a figure with too many decimals"))
    }
}
