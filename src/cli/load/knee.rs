//! The knee of a ramp: the last step that the servers carried.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::recorder::percentiles;
use super::schedule::Arrivals;

/// The share of the arrivals of a step that must be answered.
const ANSWERED: f64 = 0.99;

/// One step of a ramp.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Arrivals a second.
    pub(super) rate: f64,
    /// Arrivals.
    pub(super) arrivals: u64,
    /// First calls that were answered.
    pub(super) answered: u64,
    /// Latency at 50%, 90%, 99%, 99.9% and at most, in microseconds.
    pub(super) percentiles: [u64; 5],
    /// Whether the servers carried it.
    pub(super) is_carried: bool,
}

/// What a ramp asks of its steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct RampLimits {
    /// Arrivals a second in the first step.
    pub(super) start: f64,
    /// The longest latency at 99%, in microseconds.
    pub(super) p99_micros: u64,
}

impl RampLimits {
    /// The steps of a ramp, from arrivals, failed calls and latency of each.
    pub(super) fn steps(self, measured: &[(u64, u64, Histogram<u64>)]) -> Vec<Step> {
        let step = |(number, (arrivals, _, latency)): (usize, &(u64, u64, Histogram<u64>))| {
            let (answered, percentiles) = (latency.len(), percentiles(latency));
            let is_answered = answered as f64 >= ANSWERED * *arrivals as f64;
            let is_carried = is_answered && percentiles[2] <= self.p99_micros;
            Step {
                rate: Arrivals::rate_of_step(self.start, number),
                arrivals: *arrivals,
                answered,
                percentiles,
                is_carried,
            }
        };
        measured.iter().enumerate().map(step).collect()
    }
}

/// The rate of the last step before the first that was not carried, in arrivals a second; none if the first was not, or
/// all were.
pub(super) fn knee(steps: &[Step]) -> Option<f64> {
    let first_not_carried = steps.iter().position(|step| !step.is_carried)?;
    Some(steps[first_not_carried.checked_sub(1)?].rate)
}

/// A step as JSON.
pub(super) fn step_json(step: &Step) -> Value {
    let [p50, p90, p99, p999, max] = step.percentiles;
    json!({
        "rate": step.rate, "arrivals": step.arrivals, "answered": step.answered, "carried": step.is_carried,
        "p50_micros": p50, "p90_micros": p90, "p99_micros": p99, "p999_micros": p999, "max_micros": max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(arrivals: u64, answered: u64, micros: u64) -> (u64, u64, Histogram<u64>) {
        let mut latency = Histogram::new_with_bounds(1, 600_000_000, 3).expect("a histogram");
        latency.record_n(micros, answered).expect("in range");
        (arrivals, 0, latency)
    }

    #[test]
    fn the_knee_is_the_last_rate_before_latency_or_answers_break() {
        let limits = RampLimits { start: 64.0, p99_micros: 100_000 };
        let carried = || measured(100, 100, 5_000);
        let slow = limits.steps(&[carried(), carried(), measured(100, 100, 150_000), carried()]);
        assert_eq!(knee(&slow), Some(80.0));
        let refused = limits.steps(&[carried(), measured(100, 90, 5_000)]);
        assert_eq!(knee(&refused), Some(64.0));
        assert_eq!(knee(&limits.steps(&[carried()])), None, "not reached");
        assert_eq!(knee(&limits.steps(&[measured(100, 0, 1)])), None, "not even the first");
    }
}
