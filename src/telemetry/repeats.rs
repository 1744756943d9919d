//! A failure that repeats is logged once, and then once a minute, and when the process ends, how often it came again.
//!
//! Lines are the same if they come from the same place in the code with the same fields.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::hash::Hash;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// How long a line is not repeated.
const INTERVAL: Duration = Duration::from_secs(60);

/// The most lines that are remembered; further lines are logged each time.
const LINES: usize = 1_000;

/// The lines of this process that were logged lately. The log belongs to the process, so this does too.
static LOGGED: OnceLock<LoggedLines<(Identifier, String)>> = OnceLock::new();

/// Lines that were logged lately, and how often each came again since.
struct LoggedLines<K>(Mutex<HashMap<K, Repeats>>);

struct Repeats {
    since: Instant,
    count: u64,
}

impl<K> Default for LoggedLines<K> {
    fn default() -> LoggedLines<K> {
        LoggedLines(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> LoggedLines<K> {
    /// Notes a line, and returns whether it is to be logged.
    fn is_new(&self, line: K, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = logged.len() >= LINES;
        match logged.get_mut(&line) {
            Some(repeats) => {
                repeats.count += 1;
                false
            }
            None if is_full => true,
            None => {
                logged.insert(line, Repeats { since: now, count: 0 });
                true
            }
        }
    }

    /// The lines that came again, with their counts; those that did not are forgotten. Lines younger than `age` stay as
    /// they are.
    fn take_repeated(&self, now: Instant, age: Duration) -> Vec<(K, u64)> {
        let mut repeated = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|line, repeats| {
            if now.saturating_duration_since(repeats.since) < age {
                return true;
            }
            let count = std::mem::take(&mut repeats.count);
            repeats.since = now;
            if count > 0 {
                repeated.push((line.clone(), count));
            }
            count > 0
        });
        repeated
    }
}

/// Lets a warning or an error through unless it was logged within the last minute; everything else always.
pub(super) struct Unrepeated;

impl<S> Filter<S> for Unrepeated {
    fn enabled(&self, _metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        true
    }

    /// A filter without a hint hides that of the filter that it is combined with, and then a span is made for every frame
    /// of HTTP/2, whatever is logged.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn event_enabled(&self, event: &Event<'_>, _context: &Context<'_, S>) -> bool {
        *event.metadata().level() > Level::WARN || is_new(event)
    }
}

fn is_new(event: &Event<'_>) -> bool {
    let mut text = String::new();
    event.record(&mut Text(&mut text));
    LOGGED.get_or_init(LoggedLines::default).is_new((event.metadata().callsite(), text), Instant::now())
}

/// Logs how often lines came again within the last minute, and forgets those that did not.
pub(crate) fn report() {
    report_older_than(INTERVAL);
}

/// The same for all lines: the process ends.
pub(crate) fn report_all() {
    report_older_than(Duration::ZERO);
}

fn report_older_than(age: Duration) {
    let Some(logged) = LOGGED.get() else { return };
    for ((_, line), times) in logged.take_repeated(Instant::now(), age) {
        tracing::warn!(times, line, "the same was to be logged again");
    }
}

/// The fields of an event as text.
struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let blank = if self.0.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _written = match field.name() {
            "message" => write!(self.0, "{blank}{value:?}"),
            name => write!(self.0, "{blank}{name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_verbose_level_that_is_logged_stays_known_so_that_what_is_below_costs_nothing() {
        use tracing_subscriber::filter::FilterExt;
        use tracing_subscriber::{EnvFilter, Registry};
        let log = EnvFilter::new("warn,onestop=info").and(Unrepeated);
        assert_eq!(Filter::<Registry>::max_level_hint(&log), Some(LevelFilter::INFO));
    }

    #[test]
    fn a_line_is_logged_once_a_minute_with_the_number_of_times_that_it_came_again() {
        let (lines, start) = (LoggedLines::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(lines.is_new("failed", start) && lines.is_new("other", start));
        assert!(!lines.is_new("failed", after(1)) && !lines.is_new("failed", after(2)));
        assert_eq!(lines.take_repeated(after(59), INTERVAL), []);
        assert_eq!(lines.take_repeated(after(60), INTERVAL), [("failed", 2)]);
        assert!(!lines.is_new("failed", after(61)), "it goes on");
        assert!(lines.is_new("other", after(61)), "it was forgotten");
        assert_eq!(lines.take_repeated(after(120), INTERVAL), [("failed", 1)]);
        assert_eq!(lines.take_repeated(after(180), INTERVAL), []);
        assert!(lines.is_new("failed", after(181)), "it had ended");
    }

    #[test]
    fn the_end_reports_what_is_not_yet_a_minute_old() {
        let (lines, start) = (LoggedLines::default(), Instant::now());
        assert!(lines.is_new("failed", start) && !lines.is_new("failed", start));
        assert_eq!(lines.take_repeated(start, Duration::ZERO), [("failed", 1)]);
    }
}
