//! Shares of amounts: rounded once, to the fen, half away from zero.

use onestop::domain::money::Money;
use onestop::domain::rate::Rate;

use super::digits::DigitDecimal;
use super::{ROUNDS, SEED, parse_computed};
use crate::support::random::Random;

/// A number rounded to fen, as the text of an integer.
fn rounded_fen(schoolbook: &DigitDecimal) -> String {
    DigitDecimal { scale: 0, ..schoolbook.half_up(2) }.to_text()
}

/// A random share between 0 and 1 with at most this many decimals, as text.
fn random_share(random: &mut Random, max_decimals: usize) -> String {
    let decimals = 1 + random.below(max_decimals);
    match random.below(20) {
        0 => "1".to_owned(),
        1 => "0".to_owned(),
        2 => format!("0.{}", "9".repeat(decimals)),
        3 => format!("0.{}1", "0".repeat(decimals - 1)),
        4 => format!("0.5{}", "0".repeat(decimals - 1)),
        _ => format!("0.{}", random.digits(decimals)),
    }
}

#[test]
fn a_share_of_an_amount_is_rounded_once_to_the_fen() {
    let mut random = Random(SEED + 6);
    for _ in 0..ROUNDS {
        let (rate, amount) = (random_share(&mut random, 20), random.integer());
        let expected = rounded_fen(&DigitDecimal::parse(&rate).times(&DigitDecimal::from_units(amount, 2)));
        let share = Rate::try_from(parse_computed(&rate)).expect("a rate").share_of(Money::from_fen(amount));
        assert_eq!(share.fen().to_string(), expected, "{rate} of {amount} fen");
    }
}

#[test]
fn a_product_of_two_shares_as_written_is_rounded_once_to_the_fen() {
    let mut random = Random(SEED + 7);
    for _ in 0..ROUNDS {
        let (one, two, amount) = (random_share(&mut random, 10), random_share(&mut random, 10), random.integer());
        let rate = parse_computed(&one).checked_mul(parse_computed(&two)).expect("20 decimals");
        let schoolbook = DigitDecimal::parse(&one).times(&DigitDecimal::parse(&two));
        let expected = rounded_fen(&schoolbook.times(&DigitDecimal::from_units(amount, 2)));
        let share = Rate::try_from(rate).expect("a share").share_of(Money::from_fen(amount));
        assert_eq!(share.fen().to_string(), expected, "{one} x {two} of {amount} fen");
    }
}

#[test]
fn half_a_fen_rounds_away_from_zero_with_any_number_of_decimals() {
    for decimals in 1..=18 {
        let rate = Rate::try_from(parse_computed(&format!("0.{}5", "0".repeat(decimals - 1)))).expect("a rate");
        // The amount whose share is half a fen.
        let half = 10i64.pow(decimals as u32 - 1);
        for (times, expected) in [(1, 1), (-1, -1), (3, 2), (-3, -2), (5, 3), (-5, -3)] {
            assert_eq!(rate.share_of(Money::from_fen(half * times)).fen(), expected, "{rate} of {times} x {half} fen");
            let less = (half * times.abs() - 1) * times.signum();
            assert_eq!(rate.share_of(Money::from_fen(less)).fen(), expected - times.signum(), "{rate} of {less} fen");
        }
    }
}

#[test]
fn the_whole_of_an_extreme_amount_is_the_amount() {
    for rate in ["1", "0.99999999999999999999"] {
        let rate = Rate::try_from(parse_computed(rate)).expect("a rate");
        for amount in [i64::MAX, -i64::MAX, i64::MIN] {
            assert_eq!(rate.share_of(Money::from_fen(amount)).fen(), amount, "{rate} of {amount} fen");
        }
    }
}

#[test]
fn a_share_and_its_complement_add_up_to_one() {
    let mut random = Random(SEED + 8);
    for _ in 0..ROUNDS {
        let text = random_share(&mut random, 10);
        let rate: Rate = text.parse().expect("a rate");
        let opposite = DigitDecimal { negative: true, ..DigitDecimal::parse(&text) };
        assert_eq!(rate.complement().to_string(), DigitDecimal::parse("1").plus(&opposite).to_text(), "{text}");
        assert_eq!(
            rate.percent(),
            format!("{}%", DigitDecimal::parse(&text).times(&DigitDecimal::parse("100")).to_text()),
            "{text}"
        );
        assert_eq!(rate.percent().parse::<Rate>(), Ok(rate), "{text}");
    }
}

#[test]
fn a_clamped_figure_is_the_nearest_share() {
    let mut random = Random(SEED + 9);
    for _ in 0..ROUNDS {
        let text = random.decimal(2, 20);
        let schoolbook = DigitDecimal::parse(&text).to_text();
        let expected = if schoolbook.starts_with('-') {
            "0"
        } else if schoolbook.starts_with("0") {
            &schoolbook
        } else {
            "1"
        };
        assert_eq!(Rate::clamped(parse_computed(&text)).to_string(), expected, "{text}");
        assert_eq!(Rate::try_from(parse_computed(&text)).is_ok(), schoolbook == expected, "{text}");
    }
}
