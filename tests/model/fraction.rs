//! Exact figures: decimals as written in policies, and the only rounding, half_up to the fen.

use num_rational::Ratio;

/// An amount in yuan, or a rate as a share of one.
pub type Fraction = Ratio<i128>;

/// An integer as a fraction.
pub fn integer(number: i64) -> Fraction {
    Fraction::from_integer(i128::from(number))
}

/// Parses a figure such as `12000`, `0.5`, `-3.25` or `55%`.
pub fn decimal(text: &str) -> Fraction {
    match text.strip_suffix('%') {
        Some(percent) => parse_decimal(percent) / integer(100),
        None => parse_decimal(text),
    }
}

fn parse_decimal(text: &str) -> Fraction {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{before}{after}").parse().expect("a decimal");
    let places = u32::try_from(after.len()).expect("few places");
    Fraction::new(sign * number, 10_i128.pow(places))
}

/// An amount in fen as a fraction of yuan.
pub fn yuan_from_fen(fen: i64) -> Fraction {
    integer(fen) / integer(100)
}

/// Rounds an amount in yuan to whole fen, half away from zero.
pub fn half_up(yuan: Fraction) -> i64 {
    let fen = yuan * integer(100);
    let half = Fraction::new(1, 2);
    let rounded = if fen < integer(0) { (fen - half).ceil() } else { (fen + half).floor() };
    i64::try_from(rounded.to_integer()).expect("an amount of money")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_parsed_exactly() {
        assert_eq!(decimal("55%"), Fraction::new(11, 20));
        assert_eq!(decimal("33.3333%"), Fraction::new(333_333, 1_000_000));
        assert_eq!(decimal("-0.05"), Fraction::new(-1, 20));
        assert_eq!(decimal("12000"), integer(12000));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let rounded = |text| half_up(decimal(text));
        assert_eq!((rounded("0.005"), rounded("-0.005")), (1, -1));
        assert_eq!((rounded("0.00499"), rounded("-0.00499")), (0, 0));
        assert_eq!((rounded("1.015"), rounded("-1.015")), (102, -102));
        assert_eq!((rounded("7.12"), rounded("-7.12")), (712, -712));
    }
}
