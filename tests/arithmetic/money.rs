//! Amounts and prices, to the ends of 64 bits.

use onestop::domain::claim::{Quantity, UnitPrice};
use onestop::domain::decimal::ParseDecimalError;
use onestop::domain::money::Money;

use super::slow::Slow;
use super::{MANY, SEED, units};
use crate::support::random::Random;

#[test]
fn a_price_times_a_quantity_is_rounded_once_to_the_fen() {
    let mut random = Random(SEED + 10);
    for _ in 0..MANY {
        let (price, quantity) = (random.integer(), random.integer());
        let expected = units(&Slow::units(price, 6).times(&Slow::units(quantity, 4)), 2);
        let got = UnitPrice(price).times(Quantity(quantity)).map(Money::fen);
        assert_eq!(got, expected, "{price} x 10^-6 by {quantity} x 10^-4");
    }
}

#[test]
fn a_price_times_a_quantity_ties_away_from_zero_and_knows_its_extremes() {
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
fn money_is_read_and_printed_to_the_fen() {
    let mut random = Random(SEED + 11);
    for _ in 0..MANY {
        let amount = random.integer();
        let text = Money::from_fen(amount).to_string();
        let (before, behind) = text.split_once('.').expect("a point");
        assert_eq!(behind.len(), 2, "{text}");
        assert_eq!(units(&Slow::read(&text), 2), Some(amount), "{text}");
        let expected = if before.trim_start_matches('-').len() > 15 {
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
    let most = Money::from_fen(i64::MAX);
    assert_eq!(most.checked_add(Money::from_fen(1)), None);
    assert_eq!(Money::from_fen(i64::MIN).checked_add(Money::from_fen(-1)), None);
    assert_eq!(most.checked_add(Money::from_fen(i64::MIN)), Some(Money::from_fen(-1)));
    assert_eq!(Money::from_fen(-1).or_zero(), Money::ZERO);
}
