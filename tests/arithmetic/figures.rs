//! Exact figures: read, added, multiplied, ordered, rounded.

use onestop::domain::exact::{Exact, Unreadable};

use super::slow::Slow;
use super::{MANY, SEED, exact, units};
use crate::support::random::Random;

#[test]
fn a_text_is_read_and_printed_exactly() {
    let mut random = Random(SEED);
    for _ in 0..MANY {
        let text = random.decimal(15, 28);
        let read = exact(&text);
        assert_eq!(read.to_string(), Slow::read(&text).text(), "{text}");
        assert_eq!(exact(&read.to_string()), read, "{text}");
    }
}

#[test]
fn a_sum_is_the_sum_of_the_digits() {
    let mut random = Random(SEED + 1);
    for _ in 0..MANY {
        let (one, two) = (random.decimal(15, 28), random.decimal(15, 28));
        let sum = exact(&one).checked_add(exact(&two)).map(|sum| sum.to_string());
        assert_eq!(sum, Some(Slow::read(&one).plus(&Slow::read(&two)).text()), "{one} + {two}");
    }
}

#[test]
fn a_product_is_the_product_of_the_digits() {
    let mut random = Random(SEED + 2);
    for _ in 0..MANY {
        let (one, two) = (random.decimal(9, 28), random.decimal(9, 28));
        let product = exact(&one).checked_mul(exact(&two)).map(|product| product.to_string());
        assert_eq!(product, Some(Slow::read(&one).times(&Slow::read(&two)).text()), "{one} x {two}");
    }
}

#[test]
fn what_cannot_be_held_is_no_figure() {
    let small = exact(&format!("0.{}1", "0".repeat(27)));
    let smaller = small.checked_mul(small).expect("56 decimals");
    assert_eq!(smaller.to_string(), format!("0.{}1", "0".repeat(55)));
    assert_eq!(smaller.checked_mul(exact("0.1")), None);
    assert_eq!(
        smaller.checked_mul(exact("10")).map(|product| product.to_string()),
        Some(format!("0.{}1", "0".repeat(54)))
    );
    let large = (0..4).try_fold(exact("999999999999999"), |product, _| product.checked_mul(exact("999999999999999")));
    assert_eq!(large.and_then(|large| large.checked_mul(exact("999999999999999"))), None);
    assert_eq!(large.and_then(|large| large.checked_add(smaller)), None);
}

#[test]
fn figures_are_ordered_as_their_difference_says() {
    let mut random = Random(SEED + 3);
    for round in 0..MANY {
        let one = random.decimal(15, 28);
        let two = if round % 3 == 0 { near(&mut random, &one) } else { random.decimal(15, 28) };
        let opposite = Slow { negative: !two.starts_with('-'), ..Slow::read(&two) };
        let difference = Slow::read(&one).plus(&opposite).text();
        let expected = if difference == "0" {
            0
        } else if difference.starts_with('-') {
            -1
        } else {
            1
        };
        assert_eq!(exact(&one).cmp(&exact(&two)) as i8, expected, "{one} and {two}");
    }
}

/// The figure, or one that differs from it in the last place.
fn near(random: &mut Random, text: &str) -> String {
    let last = Slow { negative: random.below(2) == 0, digits: vec![random.below(2) as u8], scale: 28 };
    let near = Slow::read(text).plus(&last).text();
    if Slow::read(&near).digits.len() > 43 { text.to_owned() } else { near }
}

#[test]
fn half_up_drops_digits_and_looks_at_the_highest_dropped() {
    let mut random = Random(SEED + 4);
    for _ in 0..MANY {
        let (text, decimals) = (random.decimal(15, 28), random.below(30));
        let expected = units(&Slow::read(&text), decimals);
        assert_eq!(exact(&text).half_up(decimals as u32), expected, "{text} to {decimals}");
    }
}

#[test]
fn a_half_goes_away_from_zero_and_a_hair_less_does_not() {
    for (text, fen) in [
        ("0.005", 1),
        ("-0.005", -1),
        ("0.0049999999999999999999999999", 0),
        ("-0.0049999999999999999999999999", 0),
        ("2.675", 268),
        ("-2.675", -268),
        ("1.994999", 199),
        ("0.0050000000000000000000000001", 1),
    ] {
        assert_eq!(exact(text).half_up(2), Some(fen), "{text}");
    }
    for fen in [i64::MAX, i64::MIN] {
        let figure = |mantissa: i128| Exact::new(mantissa, 3).expect("a figure");
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
            Err(Unreadable::TooManyDecimals(decimals as u32))
        } else {
            units(&Slow::read(&text), decimals).ok_or(Unreadable::TooLarge)
        };
        assert_eq!(exact(&text).units(decimals as u32), expected, "{text} in 10^-{decimals}");
    }
}
