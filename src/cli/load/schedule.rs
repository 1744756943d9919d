//! When claims arrive: at a fixed rate, along the curve of a day, or at a rate that rises step by step.

use std::time::Duration;

use super::random::{Purpose, Random};

/// Hours of a day and the share of the peak's rate at which patients are discharged then: the peak is from 10 to 12.
const DAY: &[(f64, f64)] = &[
    (0.0, 0.02),
    (6.5, 0.02),
    (8.0, 0.45),
    (10.0, 1.0),
    (12.0, 1.0),
    (12.5, 0.4),
    (13.5, 0.35),
    (14.5, 0.7),
    (16.0, 0.5),
    (17.5, 0.3),
    (18.5, 0.08),
    (24.0, 0.02),
];

/// By how much each step of a ramp is faster than the one before.
const RAMP_FACTOR: f64 = 1.25;

/// A time in which the rate changes evenly.
#[derive(Clone, Copy, Debug)]
struct Segment {
    seconds: f64,
    from: f64,
    until: f64,
}

/// The arrivals of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arrivals {
    /// At this rate, in arrivals a second, for so many seconds.
    Fixed {
        /// Arrivals a second.
        rate: f64,
        /// Seconds.
        seconds: f64,
    },
    /// The curve of a day in so many seconds.
    Day {
        /// Arrivals a second from 10 to 12.
        peak: f64,
        /// Seconds that the day takes.
        seconds: f64,
    },
    /// Steps of so many seconds, each faster than the one before.
    Ramp {
        /// Arrivals a second in the first step.
        start: f64,
        /// Seconds of a step.
        step: f64,
        /// Seconds of all steps.
        seconds: f64,
    },
}

impl Arrivals {
    /// The rate of a step of a ramp, in arrivals a second.
    pub(super) fn rate_of_step(start: f64, step: usize) -> f64 {
        start * RAMP_FACTOR.powi(step as i32)
    }

    /// The instants of the arrivals from the start of the load, in their order. Their number is exact for each stretch of
    /// time; where each lies within its share of it, the seed decides.
    pub(super) fn instants(self, seed: u64) -> impl Iterator<Item = Duration> + Send {
        let mut random = Random::new(seed, Purpose::Arrival, 0);
        let mut segments = self.segments().into_iter();
        let (mut segment, mut begin, mut arrived) = (segments.next(), 0.0, 0.0);
        (0u64..).map_while(move |arrival| {
            let due = arrival as f64 + random.fraction();
            loop {
                let Segment { seconds, from, until } = segment?;
                let count = seconds * (from + until) / 2.0;
                let left = due - arrived;
                if left < count {
                    let growth = (until - from) / seconds;
                    let after = 2.0 * left / (from + (from * from + 2.0 * growth * left).max(0.0).sqrt());
                    return Some(Duration::from_secs_f64(begin + after.min(seconds)));
                }
                (begin, arrived, segment) = (begin + seconds, arrived + count, segments.next());
            }
        })
    }

    fn segments(self) -> Vec<Segment> {
        match self {
            Arrivals::Fixed { rate, seconds } => vec![Segment { seconds, from: rate, until: rate }],
            Arrivals::Day { peak, seconds } => {
                let segment = |hours: &[(f64, f64)]| Segment {
                    seconds: (hours[1].0 - hours[0].0) / 24.0 * seconds,
                    from: hours[0].1 * peak,
                    until: hours[1].1 * peak,
                };
                DAY.windows(2).map(segment).collect()
            }
            Arrivals::Ramp { start, step, seconds } => {
                let rate = |number| Arrivals::rate_of_step(start, number);
                let segment = |number| Segment { seconds: step, from: rate(number), until: rate(number) };
                (0..(seconds / step) as usize).map(segment).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(instants: &[Duration], from: f64, until: f64) -> usize {
        instants.iter().filter(|instant| (from..until).contains(&instant.as_secs_f64())).count()
    }

    #[test]
    fn a_fixed_rate_has_exactly_its_arrivals_in_every_second() {
        let instants: Vec<_> = Arrivals::Fixed { rate: 500.0, seconds: 4.0 }.instants(7).collect();
        assert_eq!(instants.len(), 2_000);
        assert!(instants.is_sorted());
        for second in 0..4 {
            assert_eq!(between(&instants, f64::from(second), f64::from(second + 1)), 500);
        }
    }

    #[test]
    fn two_hours_of_the_day_are_its_peak() {
        let instants: Vec<_> = Arrivals::Day { peak: 100.0, seconds: 240.0 }.instants(7).collect();
        assert!(instants.is_sorted());
        // The count up to 10 is not whole, so one arrival may lie on either side.
        assert!((1_999..=2_001).contains(&between(&instants, 100.0, 120.0)), "from 10 to 12 at the peak");
        for hour in (0..24).filter(|hour| !(9..13).contains(hour)) {
            let begin = f64::from(hour) * 10.0;
            assert!(between(&instants, begin, begin + 10.0) < 900, "hour {hour}");
        }
    }

    #[test]
    fn each_step_of_a_ramp_is_a_quarter_faster() {
        let instants: Vec<_> = Arrivals::Ramp { start: 64.0, step: 2.0, seconds: 8.0 }.instants(7).collect();
        let steps = [0.0, 2.0, 4.0, 6.0].map(|begin| between(&instants, begin, begin + 2.0));
        assert_eq!(steps, [128, 160, 200, 250]);
    }

    #[test]
    fn a_seed_gives_the_same_instants_and_another_seed_gives_others() {
        let instants = |seed| Arrivals::Fixed { rate: 50.0, seconds: 2.0 }.instants(seed).collect::<Vec<_>>();
        assert_eq!(instants(1), instants(1));
        assert_ne!(instants(1), instants(2));
    }
}
