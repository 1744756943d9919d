//! Texts that are no figure, and figures that survive being written.

use onestop::domain::exact::{Exact, Unreadable};
use onestop::domain::money::Money;
use onestop::domain::rate::figure;

use super::{MANY, SEED, exact};
use crate::support::random::Random;

#[test]
fn a_text_that_is_no_plain_decimal_is_refused() {
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
        assert_eq!(text.parse::<Exact>(), Err(Unreadable::NotANumber), "{text:?}");
        assert_eq!(text.parse::<Money>(), Err(Unreadable::NotANumber), "{text:?}");
        assert_eq!(figure(&format!("{text}%")), Err(Unreadable::NotANumber), "{text:?}%");
    }
}

#[test]
fn a_text_past_its_digits_is_refused() {
    assert_eq!("1000000000000000".parse::<Exact>(), Err(Unreadable::TooLarge));
    assert_eq!("-1000000000000000".parse::<Exact>(), Err(Unreadable::TooLarge));
    assert_eq!(format!("0.{}1", "0".repeat(28)).parse::<Exact>(), Err(Unreadable::TooManyDecimals(28)));
    assert_eq!("0.001".parse::<Money>(), Err(Unreadable::TooManyDecimals(2)));
    assert_eq!("999999999999999.99".parse::<Money>().map(Money::fen), Ok(99_999_999_999_999_999));
    assert_eq!("000000000000000000000.10000000000000000000000000000000".parse::<Money>().map(Money::fen), Ok(10));
    assert_eq!("-0".parse::<Exact>(), Ok(Exact::ZERO));
}

#[test]
fn a_figure_survives_both_of_its_written_forms() {
    let mut random = Random(SEED + 12);
    for _ in 0..MANY {
        let (one, two) = (random.decimal(7, 28), random.decimal(8, 28));
        let product = exact(&one).checked_mul(exact(&two)).expect("56 decimals");
        let bytes = postcard::to_stdvec(&product).expect("bytes");
        assert_eq!(postcard::from_bytes::<Exact>(&bytes).expect("a figure"), product, "{one} x {two}");
        let text = serde_json::to_string(&product).expect("a text");
        assert_eq!(text, format!("\"{product}\""));
        assert_eq!(serde_json::from_str::<Exact>(&text).expect("a figure"), product, "{one} x {two}");
    }
}
