//! Shares of amounts: rounded once, to the fen, half away from zero.

use onestop::domain::money::Money;
use onestop::domain::rate::Rate;

use super::slow::Slow;
use super::{MANY, SEED, resolved};
use crate::support::random::Random;

/// A fen figure as the text of a whole number.
fn fen(slow: &Slow) -> String {
    Slow { scale: 0, ..slow.half_up(2) }.text()
}

/// A share within 0..=1 of at most so many decimals, as text.
fn share(random: &mut Random, max_decimals: usize) -> String {
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
    for _ in 0..MANY {
        let (rate, amount) = (share(&mut random, 20), random.integer());
        let expected = fen(&Slow::read(&rate).times(&Slow::units(amount, 2)));
        let got = Rate::try_from(resolved(&rate)).expect("a rate").share_of(Money::from_fen(amount));
        assert_eq!(got.fen().to_string(), expected, "{rate} of {amount} fen");
    }
}

#[test]
fn a_product_of_two_shares_as_written_is_rounded_once_to_the_fen() {
    let mut random = Random(SEED + 7);
    for _ in 0..MANY {
        let (one, two, amount) = (share(&mut random, 10), share(&mut random, 10), random.integer());
        let rate = resolved(&one).checked_mul(resolved(&two)).expect("20 decimals");
        let slow = Slow::read(&one).times(&Slow::read(&two));
        let expected = fen(&slow.times(&Slow::units(amount, 2)));
        let got = Rate::try_from(rate).expect("a share").share_of(Money::from_fen(amount));
        assert_eq!(got.fen().to_string(), expected, "{one} x {two} of {amount} fen");
    }
}

#[test]
fn a_tie_of_half_a_fen_goes_away_from_zero_at_every_length() {
    for decimals in 1..=18 {
        let rate = Rate::try_from(resolved(&format!("0.{}5", "0".repeat(decimals - 1)))).expect("a rate");
        // So many fen that the share of them is half a fen.
        let half = 10i64.pow(decimals as u32 - 1);
        for (times, expected) in [(1, 1), (-1, -1), (3, 2), (-3, -2), (5, 3), (-5, -3)] {
            assert_eq!(rate.share_of(Money::from_fen(half * times)).fen(), expected, "{rate} of {times} x {half} fen");
            let less = (half * times.abs() - 1) * times.signum();
            assert_eq!(rate.share_of(Money::from_fen(less)).fen(), expected - times.signum(), "{rate} of {less} fen");
        }
    }
}

#[test]
fn the_whole_of_the_least_and_the_most_is_itself() {
    for rate in ["1", "0.99999999999999999999"] {
        let rate = Rate::try_from(resolved(rate)).expect("a rate");
        for amount in [i64::MAX, -i64::MAX, i64::MIN] {
            assert_eq!(rate.share_of(Money::from_fen(amount)).fen(), amount, "{rate} of {amount} fen");
        }
    }
}

#[test]
fn a_share_and_what_it_leaves_are_one() {
    let mut random = Random(SEED + 8);
    for _ in 0..MANY {
        let text = share(&mut random, 10);
        let rate: Rate = text.parse().expect("a rate");
        let opposite = Slow { negative: true, ..Slow::read(&text) };
        assert_eq!(rate.complement().to_string(), Slow::read("1").plus(&opposite).text(), "{text}");
        assert_eq!(rate.percent(), format!("{}%", Slow::read(&text).times(&Slow::read("100")).text()), "{text}");
        assert_eq!(rate.percent().parse::<Rate>(), Ok(rate), "{text}");
    }
}

#[test]
fn a_figure_brought_within_zero_to_one_is_the_nearest_share() {
    let mut random = Random(SEED + 9);
    for _ in 0..MANY {
        let text = random.decimal(2, 20);
        let slow = Slow::read(&text).text();
        let expected = if slow.starts_with('-') {
            "0"
        } else if slow.starts_with("0") {
            &slow
        } else {
            "1"
        };
        assert_eq!(Rate::clamped(resolved(&text)).to_string(), expected, "{text}");
        assert_eq!(Rate::try_from(resolved(&text)).is_ok(), slow == expected, "{text}");
    }
}
