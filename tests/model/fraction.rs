//! Exact figures: decimals as policies write them, and the one rounding there is, half_up to the fen.

use num_rational::Ratio;

/// Money in here is yuan; a rate is a share of one.
pub type Fraction = Ratio<i128>;

pub fn whole(number: i64) -> Fraction {
    Fraction::from_integer(i128::from(number))
}

/// `"12000"`, `"0.5"`, `"-3.25"`, `"55%"`.
pub fn decimal(text: &str) -> Fraction {
    match text.strip_suffix('%') {
        Some(percent) => plain(percent) / whole(100),
        None => plain(text),
    }
}

fn plain(text: &str) -> Fraction {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
    let number: i128 = format!("{before}{after}").parse().expect("a decimal");
    let places = u32::try_from(after.len()).expect("few places");
    Fraction::new(sign * number, 10_i128.pow(places))
}

pub fn yuan(fen: i64) -> Fraction {
    whole(fen) / whole(100)
}

/// Yuan to whole fen, half away from zero.
pub fn half_up(yuan: Fraction) -> i64 {
    let fen = yuan * whole(100);
    let half = Fraction::new(1, 2);
    let rounded = if fen < whole(0) { (fen - half).ceil() } else { (fen + half).floor() };
    i64::try_from(rounded.to_integer()).expect("an amount of money")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        assert_eq!(decimal("55%"), Fraction::new(11, 20));
        assert_eq!(decimal("33.3333%"), Fraction::new(333_333, 1_000_000));
        assert_eq!(decimal("-0.05"), Fraction::new(-1, 20));
        assert_eq!(decimal("12000"), whole(12000));
    }

    #[test]
    fn halves_go_away_from_zero() {
        let fen_of = |text| half_up(decimal(text));
        assert_eq!((fen_of("0.005"), fen_of("-0.005")), (1, -1));
        assert_eq!((fen_of("0.00499"), fen_of("-0.00499")), (0, 0));
        assert_eq!((fen_of("1.015"), fen_of("-1.015")), (102, -102));
        assert_eq!((fen_of("7.12"), fen_of("-7.12")), (712, -712));
    }
}
