//! Exact figures: read, added, multiplied, ordered, rounded.

use onestop::domain::decimal::{ExactDecimal, ParseDecimalError};

use super::slow::Slow;
use super::{MANY, SEED, exact, resolved, units};
use crate::support::random::Random;

#[test]
fn a_text_is_read_and_printed_exactly() {
    let mut random = Random(SEED);
    for _ in 0..MANY {
        let text = random.decimal(15, 10);
        let read = exact(&text);
        assert_eq!(read.to_string(), Slow::read(&text).text(), "{text}");
        assert_eq!(exact(&read.to_string()), read, "{text}");
    }
}

#[test]
fn a_sum_is_the_sum_of_the_digits() {
    let mut random = Random(SEED + 1);
    for _ in 0..MANY {
        let (one, two) = (random.decimal(15, 10), random.decimal(15, 10));
        let sum = exact(&one).checked_add(exact(&two)).map(|sum| sum.to_string());
        assert_eq!(sum, Some(Slow::read(&one).plus(&Slow::read(&two)).text()), "{one} + {two}");
    }
}

#[test]
fn a_product_is_the_product_of_the_digits_or_refused() {
    let mut random = Random(SEED + 2);
    let (mut held, mut refused) = (0, 0);
    for _ in 0..MANY {
        let (one, two) = (random.decimal(8, 18), random.decimal(8, 18));
        let product = resolved(&one).checked_mul(resolved(&two)).map(|product| product.to_string());
        let slow = Slow::read(&one).times(&Slow::read(&two)).text();
        let fits = is_held(&slow);
        *(if fits { &mut held } else { &mut refused }) += 1;
        assert_eq!(product, fits.then_some(slow), "{one} x {two}");
    }
    assert!(held > MANY / 10 && refused > MANY / 10, "{held} held, {refused} refused");
}

/// Whether the shortest text of a figure has at most 28 digits and 20 decimals.
fn is_held(text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let digits = text.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    decimals <= 20 && digits <= 28
}

#[test]
fn a_product_past_28_digits_is_refused_where_the_library_would_round_it() {
    let (one, two) = (exact("123456789.0123456789"), exact("1.0000000001"));
    let rounded = rust_decimal::Decimal::from_i128_with_scale(one.mantissa(), one.scale())
        * rust_decimal::Decimal::from_i128_with_scale(two.mantissa(), two.scale());
    assert_eq!(rounded.to_string(), "123456789.02469135780123456789");
    assert_eq!(one.checked_mul(two), None);
}

#[test]
fn a_result_of_more_than_20_decimals_or_28_digits_is_refused() {
    let small = resolved("0.00000000000000000001");
    assert_eq!(small.checked_mul(exact("0.1")), None);
    assert_eq!(small.checked_mul(small), None);
    assert_eq!(small.checked_mul(exact("10")), Some(resolved("0.0000000000000000001")));
    assert_eq!(exact("99999999").checked_add(small), Some(resolved("99999999.00000000000000000001")));
    assert_eq!(exact("100000000").checked_add(small), None);
    let large = ExactDecimal::new(10i128.pow(28) - 1, 0).expect("28 digits");
    assert_eq!(large.checked_add(ExactDecimal::ONE), None);
    assert_eq!(large.checked_mul(large), None);
    assert_eq!(large.checked_mul(exact("-1")).and_then(|least| least.checked_add(large)), Some(ExactDecimal::ZERO));
    assert_eq!(ExactDecimal::new(10i128.pow(28), 0), None);
    assert_eq!(ExactDecimal::new(10i128.pow(28), 1), ExactDecimal::new(10i128.pow(27), 0));
    assert_eq!(ExactDecimal::new(i128::MIN, u32::MAX), None);
}

#[test]
fn figures_are_ordered_as_their_difference_says() {
    let mut random = Random(SEED + 3);
    for round in 0..MANY {
        let one = random.decimal(8, 20);
        let two = if round % 3 == 0 { near(&mut random, &one) } else { random.decimal(8, 20) };
        let opposite = Slow { negative: !two.starts_with('-'), ..Slow::read(&two) };
        let difference = Slow::read(&one).plus(&opposite).text();
        let expected = if difference == "0" {
            0
        } else if difference.starts_with('-') {
            -1
        } else {
            1
        };
        assert_eq!(resolved(&one).cmp(&resolved(&two)) as i8, expected, "{one} and {two}");
    }
}

/// The figure, or one that differs from it in the last place.
fn near(random: &mut Random, text: &str) -> String {
    let last = Slow { negative: random.below(2) == 0, digits: vec![random.below(2) as u8], scale: 20 };
    let near = Slow::read(text).plus(&last).text();
    if Slow::read(&near).digits.len() > 28 { text.to_owned() } else { near }
}

#[test]
fn half_up_drops_digits_and_looks_at_the_highest_dropped() {
    let mut random = Random(SEED + 4);
    for _ in 0..MANY {
        let (text, decimals) = (random.decimal(8, 20), random.below(22));
        let expected = units(&Slow::read(&text), decimals);
        assert_eq!(resolved(&text).half_up(decimals as u32), expected, "{text} to {decimals}");
    }
}

#[test]
fn a_half_goes_away_from_zero_and_a_hair_less_does_not() {
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
        assert_eq!(resolved(text).half_up(2), Some(fen), "{text}");
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
    for _ in 0..MANY {
        let (text, decimals) = (random.decimal(15, 8), random.below(8));
        let shortest = Slow::read(&text).text();
        let behind = shortest.split_once('.').map_or(0, |(_, behind)| behind.len());
        let expected = if behind > decimals {
            Err(ParseDecimalError::TooManyDecimals(decimals as u32))
        } else {
            units(&Slow::read(&text), decimals).ok_or(ParseDecimalError::TooLarge)
        };
        assert_eq!(exact(&text).units(decimals as u32), expected, "{text} in 10^-{decimals}");
    }
}
