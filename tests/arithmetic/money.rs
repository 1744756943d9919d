//! Amounts and prices, to the ends of 64 bits.

use onestop::domain::claim::{Quantity, UnitPrice};
use onestop::domain::decimal::ParseDecimalError;
use onestop::domain::money::Money;

use super::digits::DigitDecimal;
use super::{ROUNDS, SEED, units_from};
use crate::support::random::Random;

#[test]
fn a_price_times_a_quantity_is_rounded_once_to_the_fen() {
    let mut random = Random(SEED + 10);
    for _ in 0..ROUNDS {
        let (price, quantity) = (random.integer(), random.integer());
        let expected = units_from(&DigitDecimal::from_units(price, 6).times(&DigitDecimal::from_units(quantity, 4)), 2);
        let product = UnitPrice(price).times(Quantity(quantity)).map(Money::fen);
        assert_eq!(product, expected, "{price} x 10^-6 by {quantity} x 10^-4");
    }
}

#[test]
fn a_price_times_a_quantity_rounds_ties_away_from_zero_up_to_the_limits_of_64_bits() {
    for (price, quantity, fen) in [
        (5_000, 10_000, Some(1)),
        (5_000, -10_000, Some(-1)),
        (4_999, 10_000, Some(0)),
        (5_000, 9_999, Some(0)),
        (i64::MAX, 10_000, Some(922_337_203_685_478)),
        (i64::MIN, 10_000, Some(-922_337_203_685_478)),
        (i64::MAX, i64::MAX, None),
        (i64::MIN, i64::MIN, None),
        (i64::MIN, i64::MAX, None),
        (i64::MAX, 100_000_000, Some(i64::MAX)),
        (i64::MIN, 100_000_000, Some(i64::MIN)),
        (0, i64::MIN, Some(0)),
    ] {
        assert_eq!(UnitPrice(price).times(Quantity(quantity)).map(Money::fen), fen, "{price} by {quantity}");
    }
}

#[test]
fn money_is_parsed_and_printed_to_the_fen() {
    let mut random = Random(SEED + 11);
    for _ in 0..ROUNDS {
        let amount = random.integer();
        let text = Money::from_fen(amount).to_string();
        let (integer, fraction) = text.split_once('.').expect("a point");
        assert_eq!(fraction.len(), 2, "{text}");
        assert_eq!(units_from(&DigitDecimal::parse(&text), 2), Some(amount), "{text}");
        let expected = if integer.trim_start_matches('-').len() > 15 {
            Err(ParseDecimalError::TooLarge)
        } else {
            Ok(Money::from_fen(amount))
        };
        assert_eq!(text.parse::<Money>(), expected, "{text}");
    }
    assert_eq!(Money::from_fen(i64::MIN).to_string(), "-92233720368547758.08");
    assert_eq!(Money::from_fen(-5).to_string(), "-0.05");
}

#[test]
fn a_sum_of_money_past_64_bits_is_none() {
    let largest = Money::from_fen(i64::MAX);
    assert_eq!(largest.checked_add(Money::from_fen(1)), None);
    assert_eq!(Money::from_fen(i64::MIN).checked_add(Money::from_fen(-1)), None);
    assert_eq!(largest.checked_add(Money::from_fen(i64::MIN)), Some(Money::from_fen(-1)));
    assert_eq!(Money::from_fen(-1).at_least_zero(), Money::ZERO);
}
