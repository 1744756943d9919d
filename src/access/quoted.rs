//! For whom a hospital asked for a quote lately: that opens the person's account to it.
//!
//! Held in memory and bounded in number and age. A server that was started anew has forgotten; a quote more is a
//! call more.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A quote opens an account for this long at least, and for twice as long at most.
const HALF: Duration = Duration::from_secs(12 * 3_600);

/// The most that either half holds.
const MOST: usize = 100_000;

/// A hospital and the key of a person.
type Pair = (Box<str>, [u8; 16]);

/// The quotes of the last hours.
#[derive(Default)]
pub struct Quoted(Mutex<Halves>);

#[derive(Default)]
struct Halves {
    now: HashSet<Pair>,
    before: HashSet<Pair>,
    since: Option<Instant>,
}

impl Quoted {
    /// Notes that this hospital was given a quote for this person.
    pub fn note(&self, hospital: &str, person: [u8; 16], at: Instant) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.turn(at);
        if halves.now.len() >= MOST {
            halves.shift(at);
        }
        halves.now.insert((hospital.into(), person));
    }

    /// Whether it was, lately.
    pub fn holds(&self, hospital: &str, person: [u8; 16], at: Instant) -> bool {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        halves.turn(at);
        let pair = (hospital.into(), person);
        halves.now.contains(&pair) || halves.before.contains(&pair)
    }
}

impl Halves {
    /// Forgets what is too old.
    fn turn(&mut self, at: Instant) {
        let since = *self.since.get_or_insert(at);
        let halves = at.saturating_duration_since(since).as_secs() / HALF.as_secs();
        for _ in 0..halves.min(2) {
            self.shift(at);
        }
    }

    fn shift(&mut self, at: Instant) {
        self.before = std::mem::take(&mut self.now);
        self.since = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_opens_an_account_for_a_day_and_no_longer() {
        let (quoted, start) = (Quoted::default(), Instant::now());
        let later = |hours: u64| start + Duration::from_secs(hours * 3_600);
        quoted.note("H1", [1; 16], start);
        assert!(quoted.holds("H1", [1; 16], start) && !quoted.holds("H2", [1; 16], start));
        assert!(!quoted.holds("H1", [2; 16], start));
        assert!(quoted.holds("H1", [1; 16], later(13)));
        assert!(!quoted.holds("H1", [1; 16], later(26)));
        quoted.note("H1", [1; 16], later(30));
        assert!(!quoted.holds("H1", [1; 16], later(90)));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (quoted, start) = (Quoted::default(), Instant::now());
        for number in 0..3 * MOST as u128 {
            quoted.note("H1", number.to_be_bytes(), start);
        }
        let halves = quoted.0.lock().expect("the halves");
        assert!(halves.now.len() + halves.before.len() <= 2 * MOST);
        assert!(halves.now.contains(&("H1".into(), (3 * MOST as u128 - 1).to_be_bytes())));
    }
}
