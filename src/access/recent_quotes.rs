//! For which persons a hospital requested a quote recently: the hospital may then read the person's account.
//!
//! Kept in memory, bounded in number and age. A restart forgets them; the hospital then requests a quote again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A quote is remembered for this long at least, and twice as long at most.
const GENERATION: Duration = Duration::from_secs(12 * 3_600);

/// The maximum number of quotes in one generation.
const CAPACITY: usize = 100_000;

/// A hospital, and the key of a person.
type QuotePair = (Box<str>, [u8; 16]);

/// The quotes of the last hours.
#[derive(Default)]
pub(crate) struct RecentQuotes(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    current: HashSet<QuotePair>,
    previous: HashSet<QuotePair>,
    current_since: Option<Instant>,
}

impl RecentQuotes {
    /// Records that this hospital received a quote for this person.
    pub(crate) fn record(&self, hospital: &str, person: [u8; 16], at: Instant) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.expire_old(at);
        if generations.current.len() >= CAPACITY {
            generations.rotate(at);
        }
        generations.current.insert((hospital.into(), person));
    }

    /// Whether this hospital received a quote for this person recently.
    pub(crate) fn contains(&self, hospital: &str, person: [u8; 16], at: Instant) -> bool {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.expire_old(at);
        let pair = (hospital.into(), person);
        generations.current.contains(&pair) || generations.previous.contains(&pair)
    }
}

impl Generations {
    /// Drops the generations that are too old.
    fn expire_old(&mut self, now: Instant) {
        let since = *self.current_since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since).as_secs() / GENERATION.as_secs();
        for _ in 0..elapsed.min(2) {
            self.rotate(now);
        }
    }

    fn rotate(&mut self, now: Instant) {
        self.previous = std::mem::take(&mut self.current);
        self.current_since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_remembered_for_half_a_day_and_forgotten_after_a_whole_one() {
        let (quotes, start) = (RecentQuotes::default(), Instant::now());
        let later = |hours: u64| start + Duration::from_secs(hours * 3_600);
        quotes.record("H1", [1; 16], start);
        assert!(quotes.contains("H1", [1; 16], start) && !quotes.contains("H2", [1; 16], start));
        assert!(!quotes.contains("H1", [2; 16], start));
        assert!(quotes.contains("H1", [1; 16], later(13)));
        assert!(!quotes.contains("H1", [1; 16], later(26)));
        quotes.record("H1", [1; 16], later(30));
        assert!(!quotes.contains("H1", [1; 16], later(90)));
    }

    #[test]
    fn the_number_of_remembered_quotes_is_bounded() {
        let (quotes, start) = (RecentQuotes::default(), Instant::now());
        for number in 0..3 * CAPACITY as u128 {
            quotes.record("H1", number.to_be_bytes(), start);
        }
        let generations = quotes.0.lock().expect("the lock");
        assert!(generations.current.len() + generations.previous.len() <= 2 * CAPACITY);
        assert!(generations.current.contains(&("H1".into(), (3 * CAPACITY as u128 - 1).to_be_bytes())));
    }
}
