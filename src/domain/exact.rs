//! Exact decimals: what a text says, with nothing rounded away.
//!
//! A general decimal library rounds a product that outgrows its mantissa, silently; here that is an
//! error, so a policy whose figures cannot be computed exactly is refused when it is read.
//!
//! Does not do: division, exponents, signs other than `-`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use ethnum::I256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most decimals a figure may have as written.
pub const WRITTEN_DECIMALS: u32 = 28;

/// The most decimals a figure may have as computed: with them a share of any 64-bit amount still fits
/// 256 bits.
pub const MAX_DECIMALS: u32 = 56;

/// The most digits before the point of a figure as written.
const MAX_WHOLE_DIGITS: usize = 15;

/// `mantissa / 10^scale`, kept without trailing zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exact {
    mantissa: I256,
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
    pub const ZERO: Exact = Exact { mantissa: I256::ZERO, scale: 0 };
    /// One.
    pub const ONE: Exact = Exact { mantissa: I256::ONE, scale: 0 };

    /// `mantissa / 10^scale`; `None` past [`MAX_DECIMALS`].
    pub fn new(mantissa: impl Into<I256>, scale: u32) -> Option<Self> {
        let mut exact = Exact { mantissa: mantissa.into(), scale };
        while exact.scale > 0 && exact.mantissa % 10 == 0 {
            exact.mantissa /= 10;
            exact.scale -= 1;
        }
        (exact.scale <= MAX_DECIMALS).then_some(exact)
    }

    /// The digits without the point.
    pub const fn mantissa(self) -> I256 {
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
                let unit = power(excess);
                let whole = self.mantissa / unit;
                let up = (self.mantissa % unit).abs() * 2 >= unit;
                whole + if up { self.mantissa.signum() } else { I256::ZERO }
            }
        };
        i64::try_from(units).ok()
    }

    fn at_scale(self, scale: u32) -> Option<I256> {
        self.mantissa.checked_mul(power(scale - self.scale))
    }
}

/// `10^exponent`, for an exponent of at most [`MAX_DECIMALS`].
fn power(exponent: u32) -> I256 {
    I256::new(10).pow(exponent)
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exact {
    /// Whole parts first, then the fractions at a common scale: neither can overflow.
    fn cmp(&self, other: &Self) -> Ordering {
        let whole = |e: &Exact| e.mantissa.div_euclid(power(e.scale));
        let fraction = |e: &Exact| e.mantissa.rem_euclid(power(e.scale)) * power(MAX_DECIMALS - e.scale);
        whole(self).cmp(&whole(other)).then_with(|| fraction(self).cmp(&fraction(other)))
    }
}

impl FromStr for Exact {
    type Err = Unreadable;
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        read(text, WRITTEN_DECIMALS)
    }
}

fn read(text: &str, most_decimals: u32) -> Result<Exact, Unreadable> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(Unreadable::NotANumber);
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if fraction.len() > most_decimals as usize {
        return Err(Unreadable::TooManyDecimals(most_decimals));
    }
    if whole.len() > MAX_WHOLE_DIGITS {
        return Err(Unreadable::TooLarge);
    }
    let mantissa = mantissa(whole, fraction);
    let signed = if text.starts_with('-') { -mantissa } else { mantissa };
    Exact::new(signed, fraction.len() as u32).ok_or(Unreadable::TooLarge)
}

/// At most [`MAX_WHOLE_DIGITS`] and [`MAX_DECIMALS`] digits, which 256 bits hold.
fn mantissa(whole: &str, fraction: &str) -> I256 {
    let digits = whole.bytes().chain(fraction.bytes());
    digits.fold(I256::ZERO, |sum, digit| sum * 10 + I256::from(digit - b'0'))
}

/// The shortest text: `0.2999997`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if self.scale == 0 {
            return f.pad(&format!("{sign}{digits}"));
        }
        let unit = ethnum::U256::new(10).pow(self.scale);
        let width = self.scale as usize;
        f.pad(&format!("{sign}{}.{:0width$}", digits / unit, digits % unit))
    }
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text where people read it; where machines do, the two integers, or the text where 128 bits do not
/// hold the digits.
#[derive(Serialize, Deserialize)]
enum Stored {
    Short(i128, u32),
    Long(String),
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let stored = match i128::try_from(self.mantissa) {
            Ok(short) => Stored::Short(short, self.scale),
            Err(_) => Stored::Long(self.to_string()),
        };
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
        } else {
            match Stored::deserialize(deserializer)? {
                Stored::Short(mantissa, scale) => {
                    return Exact::new(mantissa, scale).ok_or_else(|| D::Error::custom("too many decimals"));
                }
                Stored::Long(text) => text,
            }
        };
        read(&text, MAX_DECIMALS).map_err(D::Error::custom)
    }
}
