//! How many calls may be in flight, by their measured latency: enough that the server is never idle, and no more than it
//! answers soon. The number follows from what was measured; no clock is read here.
//!
//! By Little's law calls in flight are rate times latency: what exceeds the calls that a server works on at once only waits.
//! So where latency rises to a multiple of what it is with few calls, the limit is lowered in proportion, and raised again in
//! steps when calls come close to it and are answered soon. A limit that calls do not come close to is lowered too: it was
//! found under another load, and would let the next burst wait long before it is known to be too large.

use std::time::{Duration, Instant};

/// Calls in flight that one caller alone is permitted however long they take: the work of one sync of the store and of the
/// next.
pub(crate) const LEAST_CALLS: usize = 128;

/// Calls in flight that are permitted before it is known how soon so many are answered.
const FIRST_CALLS: usize = 2 * LEAST_CALLS;

/// The part of the limit, one of so many, that a caller beyond its share leaves to others.
pub(crate) const RESERVED: usize = 4;

/// How long latencies are collected before the limit changes, and of how many calls at least.
const WINDOW: Duration = Duration::from_millis(100);
const WINDOW_CALLS: u32 = 16;

/// Latency, as a multiple of what it is with few calls, up to which a server is not overloaded; and the latency below which
/// none is: a call that is refused comes again, and one that waits this long is sooner answered.
const STRETCH: u32 = 4;
const SHORT: Duration = Duration::from_millis(10);

/// How many windows in a row must be too slow: a slow sync, or another process on the machine, is not the load.
const SLOW_WINDOWS: u32 = 3;

/// A limit on calls in flight that follows their latency.
#[derive(Clone, Debug)]
pub(crate) struct LoadLimit {
    max: usize,
    limit: usize,
    /// The mean latency with few calls in flight, once there is one.
    unloaded: Option<Duration>,
    /// The windows in a row in which calls took too long.
    slow_windows: u32,
    window: Window,
}

/// The calls that were answered since the limit changed.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: Instant,
    calls: u32,
    total: Duration,
    /// The most calls that were in flight at once.
    peak: usize,
}

impl Window {
    fn new(start: Instant) -> Window {
        Window { start, calls: 0, total: Duration::ZERO, peak: 0 }
    }
}

impl LoadLimit {
    /// A limit of at most so many.
    pub(crate) fn new(max: usize, now: Instant) -> LoadLimit {
        LoadLimit { max, limit: FIRST_CALLS.min(max), unloaded: None, slow_windows: 0, window: Window::new(now) }
    }

    /// The calls that may be in flight.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether calls have taken too long for some time.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.slow_windows >= SLOW_WINDOWS
    }

    /// Counts a call that was answered after a time, while so many were in flight.
    pub(crate) fn record(&mut self, took: Duration, in_flight: usize, now: Instant) {
        let window = &mut self.window;
        window.calls += 1;
        window.total += took;
        window.peak = window.peak.max(in_flight);
        if window.calls >= WINDOW_CALLS && now.saturating_duration_since(window.start) >= WINDOW {
            let ended = std::mem::replace(window, Window::new(now));
            self.adjust(ended.total / ended.calls, ended.peak);
        }
    }

    /// As after calls that took too long.
    #[cfg(test)]
    pub(crate) fn overload(&mut self) {
        self.slow_windows = SLOW_WINDOWS;
    }

    /// Calls come close to the limit where they do but for the part that is reserved for others: one caller beyond its share
    /// never has more in flight.
    fn adjust(&mut self, mean: Duration, peak: usize) {
        let known = self.unloaded.unwrap_or(mean);
        // What is slower for good, such as another disk, becomes known while few calls are in flight.
        let may_rise = peak < LEAST_CALLS / 2;
        let unloaded = if may_rise { mean.min(known + known / 16) } else { mean.min(known) };
        self.unloaded = Some(unloaded);
        let longest = SHORT.max(unloaded * STRETCH);
        self.slow_windows = if mean > longest { self.slow_windows.saturating_add(1) } else { 0 };
        if self.is_overloaded() {
            let share = (longest.as_secs_f64() / mean.as_secs_f64()).max(0.5);
            self.limit = ((peak as f64 * share) as usize).max(LEAST_CALLS).min(self.limit);
        } else if self.slow_windows == 0 && peak + peak / 4 >= self.limit - self.limit / RESERVED {
            self.limit = (self.limit + self.limit / 4 + 1).min(self.max);
        } else if self.limit > FIRST_CALLS {
            self.limit = (self.limit - self.limit / 4).max(2 * peak).max(FIRST_CALLS).min(self.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of a server that answers 5,000 a second, each alone in 2 ms, for a time: as many in flight as are offered and
    /// permitted. Returns the mean latency at the end.
    fn run(limit: &mut LoadLimit, now: &mut Instant, seconds: f64, offered: usize) -> Duration {
        let mut latency = Duration::ZERO;
        for _ in 0..(seconds * 5_000.0) as usize {
            *now += Duration::from_micros(200);
            let in_flight = offered.min(limit.limit());
            latency = Duration::from_millis(2).max(Duration::from_micros(200) * in_flight as u32);
            limit.record(latency, in_flight, *now);
        }
        latency
    }

    #[test]
    fn a_burst_waits_no_longer_than_the_first_limit_permits_and_for_a_second_at_most() {
        let mut now = Instant::now();
        let mut limit = LoadLimit::new(1_024, now);
        run(&mut limit, &mut now, 1.0, 8);
        assert_eq!(limit.limit(), FIRST_CALLS);
        assert!(run(&mut limit, &mut now, 0.1, 1_000) <= Duration::from_millis(52));
        let latency = run(&mut limit, &mut now, 1.0, 1_000);
        assert!(latency <= Duration::from_millis(26), "{latency:?}");
        assert_eq!(limit.limit(), LEAST_CALLS);
    }

    #[test]
    fn the_limit_stays_low_through_ten_minutes_of_overload() {
        let mut now = Instant::now();
        let mut limit = LoadLimit::new(1_024, now);
        run(&mut limit, &mut now, 1.0, 8);
        let latency = run(&mut limit, &mut now, 600.0, 1_000);
        assert!(latency <= Duration::from_millis(26), "{latency:?}");
    }

    #[test]
    fn calls_that_are_answered_soon_raise_the_limit_to_the_greatest_within_a_second_and_a_few_lower_it_again() {
        let mut now = Instant::now();
        let mut limit = LoadLimit::new(1_024, now);
        let mut answer = |limit: &mut LoadLimit, in_flight: fn(usize) -> usize| {
            for _ in 0..2_000 {
                now += Duration::from_micros(500);
                let in_flight = in_flight(limit.limit());
                limit.record(Duration::from_millis(1), in_flight, now);
            }
        };
        answer(&mut limit, |permitted| permitted);
        assert_eq!(limit.limit(), 1_024);
        answer(&mut limit, |_| 300);
        assert_eq!(limit.limit(), 600, "room for as many again");
        answer(&mut limit, |_| 10);
        assert_eq!(limit.limit(), FIRST_CALLS);
    }

    #[test]
    fn a_server_that_is_slow_with_few_calls_is_not_overloaded() {
        let mut now = Instant::now();
        let mut limit = LoadLimit::new(1_024, now);
        for in_flight in (1..=64).cycle().take(10_000) {
            now += Duration::from_millis(5);
            limit.record(Duration::from_millis(150), in_flight, now);
        }
        assert_eq!((limit.limit(), limit.is_overloaded()), (FIRST_CALLS, false));
    }

    #[test]
    fn one_slow_sync_changes_nothing_and_the_limit_never_falls_below_the_least() {
        let mut now = Instant::now();
        let mut limit = LoadLimit::new(1_024, now);
        run(&mut limit, &mut now, 1.0, 8);
        let slow_window = |limit: &mut LoadLimit, now: &mut Instant| {
            for _ in 0..WINDOW_CALLS {
                *now += WINDOW;
                let in_flight = limit.limit();
                limit.record(Duration::from_secs(5), in_flight, *now);
            }
        };
        slow_window(&mut limit, &mut now);
        assert_eq!((limit.limit(), limit.is_overloaded()), (FIRST_CALLS, false));
        limit.limit = 1_024;
        (1..SLOW_WINDOWS).for_each(|_| slow_window(&mut limit, &mut now));
        assert_eq!((limit.limit(), limit.is_overloaded()), (512, true), "no more than halved at once");
        (0..20).for_each(|_| slow_window(&mut limit, &mut now));
        assert_eq!(limit.limit(), LEAST_CALLS);
        let mut small = LoadLimit::new(8, now);
        (0..20).for_each(|_| slow_window(&mut small, &mut now));
        assert_eq!(small.limit(), 8);
    }
}
