//! Parsing of texts, and serialization of figures.

use onestop::domain::claim::{Quantity, UnitPrice};
use onestop::domain::decimal::{ExactDecimal, ParseDecimalError};
use onestop::domain::money::Money;
use onestop::domain::rate::parse_share;

use super::{ROUNDS, SEED, parse_decimal};
use crate::support::random::Random;

#[test]
fn a_text_that_is_not_a_plain_decimal_is_refused() {
    for text in [
        "",
        "-",
        ".",
        "5.",
        ".5",
        "+5",
        "--5",
        "1.2.3",
        "1e3",
        "1,000",
        " 5",
        "5 ",
        "５",
        "0x5",
        "NaN",
        "inf",
        "5-",
        "1_000",
        "1/2",
        "1'000",
        "\u{2212}5",
        "5\n",
    ] {
        assert_eq!(text.parse::<ExactDecimal>(), Err(ParseDecimalError::NotANumber), "{text:?}");
        assert_eq!(text.parse::<Money>(), Err(ParseDecimalError::NotANumber), "{text:?}");
        assert_eq!(parse_share(&format!("{text}%")), Err(ParseDecimalError::NotANumber), "{text:?}%");
    }
}

#[test]
fn a_text_with_too_many_digits_or_decimals_is_refused() {
    assert_eq!("1000000000000000".parse::<ExactDecimal>(), Err(ParseDecimalError::TooLarge));
    assert_eq!("-1000000000000000".parse::<ExactDecimal>(), Err(ParseDecimalError::TooLarge));
    assert_eq!(format!("0.{}1", "0".repeat(10)).parse::<ExactDecimal>(), Err(ParseDecimalError::TooManyDecimals(10)));
    assert_eq!("0.001".parse::<Money>(), Err(ParseDecimalError::TooManyDecimals(2)));
    assert_eq!("999999999999999.99".parse::<Money>().map(Money::fen), Ok(99_999_999_999_999_999));
    assert_eq!("000000000000000000000.10000000000000000000000000000000".parse::<Money>().map(Money::fen), Ok(10));
    assert_eq!("1.00001".parse::<Quantity>(), Err(ParseDecimalError::TooManyDecimals(4)));
    assert_eq!("1.0000001".parse::<UnitPrice>(), Err(ParseDecimalError::TooManyDecimals(6)));
    assert_eq!("-12.3400".parse::<Quantity>(), Ok(Quantity(-123_400)));
    assert_eq!("9223372036854.775807".parse::<UnitPrice>(), Ok(UnitPrice(i64::MAX)));
    assert_eq!("9223372036854.775808".parse::<UnitPrice>(), Err(ParseDecimalError::TooLarge));
    assert_eq!("-0".parse::<ExactDecimal>(), Ok(ExactDecimal::ZERO));
}

#[test]
fn a_figure_survives_as_text() {
    let mut random = Random(SEED + 12);
    for _ in 0..ROUNDS {
        let (one, two) = (random.decimal(4, 10), random.decimal(4, 10));
        let product = parse_decimal(&one).checked_mul(parse_decimal(&two)).expect("20 decimals");
        let text = serde_json::to_string(&product).expect("a text");
        assert_eq!(text, format!("\"{product}\""));
        assert_eq!(serde_json::from_str::<ExactDecimal>(&text).expect("a figure"), product, "{one} x {two}");
    }
}
