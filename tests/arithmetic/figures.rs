//! Exact figures: parsed, added, multiplied, ordered, rounded.

use onestop::domain::decimal::{ExactDecimal, ParseDecimalError};

use super::digits::DigitDecimal;
use super::{ROUNDS, SEED, parse_computed, parse_decimal, units_from};
use crate::support::random::Random;

#[test]
fn a_text_is_parsed_and_printed_exactly() {
    let mut random = Random(SEED);
    for _ in 0..ROUNDS {
        let text = random.decimal(15, 10);
        let parsed = parse_decimal(&text);
        assert_eq!(parsed.to_string(), DigitDecimal::parse(&text).to_text(), "{text}");
        assert_eq!(parse_decimal(&parsed.to_string()), parsed, "{text}");
    }
}

#[test]
fn a_sum_equals_the_schoolbook_sum() {
    let mut random = Random(SEED + 1);
    for _ in 0..ROUNDS {
        let (one, two) = (random.decimal(15, 10), random.decimal(15, 10));
        let sum = parse_decimal(&one).checked_add(parse_decimal(&two)).map(|sum| sum.to_string());
        assert_eq!(sum, Some(DigitDecimal::parse(&one).plus(&DigitDecimal::parse(&two)).to_text()), "{one} + {two}");
    }
}

#[test]
fn a_product_equals_the_schoolbook_product_or_is_refused() {
    let mut random = Random(SEED + 2);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let (one, two) = (random.decimal(8, 18), random.decimal(8, 18));
        let product = parse_computed(&one).checked_mul(parse_computed(&two)).map(|product| product.to_string());
        let schoolbook = DigitDecimal::parse(&one).times(&DigitDecimal::parse(&two)).to_text();
        let fits = fits_decimal(&schoolbook);
        *(if fits { &mut accepted } else { &mut refused }) += 1;
        assert_eq!(product, fits.then_some(schoolbook), "{one} x {two}");
    }
    assert!(accepted > ROUNDS / 10 && refused > ROUNDS / 10, "{accepted} accepted, {refused} refused");
}

/// Whether the shortest text of a figure has at most 28 digits and 20 decimals.
fn fits_decimal(text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    decimals <= 20 && digits <= 28
}

#[test]
fn a_product_past_28_digits_is_refused_where_the_library_would_round_it() {
    let (one, two) = (parse_decimal("123456789.0123456789"), parse_decimal("1.0000000001"));
    let rounded = rust_decimal::Decimal::from_i128_with_scale(one.mantissa(), one.scale())
        * rust_decimal::Decimal::from_i128_with_scale(two.mantissa(), two.scale());
    assert_eq!(rounded.to_string(), "123456789.02469135780123456789");
    assert_eq!(one.checked_mul(two), None);
}

#[test]
fn a_result_of_more_than_20_decimals_or_28_digits_is_refused() {
    let small = parse_computed("0.00000000000000000001");
    assert_eq!(small.checked_mul(parse_decimal("0.1")), None);
    assert_eq!(small.checked_mul(small), None);
    assert_eq!(small.checked_mul(parse_decimal("10")), Some(parse_computed("0.0000000000000000001")));
    assert_eq!(parse_decimal("99999999").checked_add(small), Some(parse_computed("99999999.00000000000000000001")));
    assert_eq!(parse_decimal("100000000").checked_add(small), None);
    let large = ExactDecimal::new(10i128.pow(28) - 1, 0).expect("28 digits");
    assert_eq!(large.checked_add(ExactDecimal::ONE), None);
    assert_eq!(large.checked_mul(large), None);
    assert_eq!(
        large.checked_mul(parse_decimal("-1")).and_then(|least| least.checked_add(large)),
        Some(ExactDecimal::ZERO)
    );
    assert_eq!(ExactDecimal::new(10i128.pow(28), 0), None);
    assert_eq!(ExactDecimal::new(10i128.pow(28), 1), ExactDecimal::new(10i128.pow(27), 0));
    assert_eq!(ExactDecimal::new(i128::MIN, u32::MAX), None);
}

#[test]
fn figures_are_ordered_by_the_sign_of_their_difference() {
    let mut random = Random(SEED + 3);
    for round in 0..ROUNDS {
        let one = random.decimal(8, 20);
        let two = if round % 3 == 0 { equal_or_adjacent(&mut random, &one) } else { random.decimal(8, 20) };
        let opposite = DigitDecimal { negative: !two.starts_with('-'), ..DigitDecimal::parse(&two) };
        let difference = DigitDecimal::parse(&one).plus(&opposite).to_text();
        let expected = if difference == "0" {
            0
        } else if difference.starts_with('-') {
            -1
        } else {
            1
        };
        assert_eq!(parse_computed(&one).cmp(&parse_computed(&two)) as i8, expected, "{one} and {two}");
    }
}

/// The figure, or one that differs from it in the last place.
fn equal_or_adjacent(random: &mut Random, text: &str) -> String {
    let last = DigitDecimal { negative: random.below(2) == 0, digits: vec![random.below(2) as u8], scale: 20 };
    let adjacent = DigitDecimal::parse(text).plus(&last).to_text();
    if DigitDecimal::parse(&adjacent).digits.len() > 28 { text.to_owned() } else { adjacent }
}

#[test]
fn half_up_equals_the_schoolbook_rounding() {
    let mut random = Random(SEED + 4);
    for _ in 0..ROUNDS {
        let (text, decimals) = (random.decimal(8, 20), random.below(22));
        let expected = units_from(&DigitDecimal::parse(&text), decimals);
        assert_eq!(parse_computed(&text).half_up(decimals as u32), expected, "{text} to {decimals}");
    }
}

#[test]
fn exactly_half_a_fen_rounds_away_from_zero_and_less_does_not() {
    for (text, fen) in [
        ("0.005", 1),
        ("-0.005", -1),
        ("0.00499999999999999999", 0),
        ("-0.00499999999999999999", 0),
        ("2.675", 268),
        ("-2.675", -268),
        ("1.994999", 199),
        ("0.00500000000000000001", 1),
    ] {
        assert_eq!(parse_computed(text).half_up(2), Some(fen), "{text}");
    }
    for fen in [i64::MAX, i64::MIN] {
        let figure = |mantissa: i128| ExactDecimal::new(mantissa, 3).expect("a figure");
        assert_eq!(figure(i128::from(fen) * 10).half_up(2), Some(fen));
        assert_eq!(figure(i128::from(fen) * 10 + i128::from(fen.signum()) * 4).half_up(2), Some(fen));
        assert_eq!(figure(i128::from(fen) * 10 + i128::from(fen.signum()) * 5).half_up(2), None);
    }
}

#[test]
fn units_are_exact_or_refused() {
    let mut random = Random(SEED + 5);
    for _ in 0..ROUNDS {
        let (text, decimals) = (random.decimal(15, 8), random.below(8));
        let shortest = DigitDecimal::parse(&text).to_text();
        let fraction = shortest.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let expected = if fraction > decimals {
            Err(ParseDecimalError::TooManyDecimals(decimals as u32))
        } else {
            units_from(&DigitDecimal::parse(&text), decimals).ok_or(ParseDecimalError::TooLarge)
        };
        assert_eq!(parse_decimal(&text).units(decimals as u32), expected, "{text} in 10^-{decimals}");
    }
}
