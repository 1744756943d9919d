//! A failure that repeats is logged once, and then once a minute how often it came again.
//!
//! Lines are the same if they come from the same place in the code with the same fields.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// How long a line is not repeated.
const INTERVAL: Duration = Duration::from_secs(60);

/// The most lines that are remembered; further lines are logged each time.
const LINES: usize = 1_000;

/// The lines of this process that were logged lately. The log belongs to the process, so this does too.
static LOGGED: OnceLock<Mutex<HashMap<(Identifier, String), Repeats>>> = OnceLock::new();

struct Repeats {
    since: Instant,
    count: u64,
}

/// Lets a warning or an error through unless it was logged within the last minute; everything else always.
pub(super) struct Unrepeated;

impl<S> Filter<S> for Unrepeated {
    fn enabled(&self, _metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _context: &Context<'_, S>) -> bool {
        *event.metadata().level() > Level::WARN || is_new(event)
    }
}

fn is_new(event: &Event<'_>) -> bool {
    let mut text = String::new();
    event.record(&mut Text(&mut text));
    let mut logged = LOGGED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let is_full = logged.len() >= LINES;
    match logged.get_mut(&(event.metadata().callsite(), text.clone())) {
        Some(repeats) => {
            repeats.count += 1;
            false
        }
        None if is_full => true,
        None => {
            logged.insert((event.metadata().callsite(), text), Repeats { since: Instant::now(), count: 0 });
            true
        }
    }
}

/// Logs how often lines came again within the last minute, and forgets those that did not.
pub(crate) fn report() {
    let Some(logged) = LOGGED.get() else { return };
    let mut repeated = Vec::new();
    logged.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, text), repeats| {
        if repeats.since.elapsed() < INTERVAL {
            return true;
        }
        if repeats.count > 0 {
            repeated.push((text.clone(), std::mem::replace(&mut repeats.count, 0)));
            repeats.since = Instant::now();
            return true;
        }
        false
    });
    for (line, times) in repeated {
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
