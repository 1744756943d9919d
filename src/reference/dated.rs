//! Dated values: a list of (value, interval) in which value and first day are the key.

use serde::{Deserialize, Serialize};

use crate::domain::day::{Day, Interval};

/// What a row did to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowChange {
    /// The table holds the same already.
    Unchanged,
    /// The row is new, or replaced one of its key.
    Changed,
}

/// Values that hold on some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T>(Vec<(T, Interval)>);

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Dated(Vec::new())
    }
}

impl<T: PartialEq + Copy> Dated<T> {
    /// Takes a row: one with the same value and first day is replaced.
    pub fn put(&mut self, value: T, interval: Interval) -> RowChange {
        let known = self.0.iter_mut().find(|(v, i)| *v == value && i.from == interval.from);
        match known {
            Some((_, known)) if *known == interval => RowChange::Unchanged,
            Some((_, known)) => {
                *known = interval;
                RowChange::Changed
            }
            None => {
                self.0.push((value, interval));
                RowChange::Changed
            }
        }
    }

    /// The values that hold on this day.
    pub fn on(&self, day: Day) -> impl Iterator<Item = T> + '_ {
        self.0.iter().filter(move |(_, interval)| interval.contains(day)).map(|(value, _)| *value)
    }

    /// The rows that hold on this day.
    pub fn rows_on(&self, day: Day) -> impl Iterator<Item = (T, Interval)> + '_ {
        self.0.iter().filter(move |(_, interval)| interval.contains(day)).copied()
    }

    /// Whether this value holds on this day.
    pub fn holds(&self, value: T, day: Day) -> bool {
        self.on(day).any(|held| held == value)
    }
}
