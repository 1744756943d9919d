//! Dated values, of which several may hold on a day. The key of a row is its value and its first day.

use crate::domain::day::{Day, Interval};

/// Whether a row changed its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowChange {
    /// The table already contains the same row.
    Unchanged,
    /// The row is new, or it replaced another row with its key.
    Changed,
}

/// Values with the days on which each applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<T>(Vec<(T, Interval)>);

impl<T> Default for Dated<T> {
    fn default() -> Self {
        Dated(Vec::new())
    }
}

impl<T: PartialEq> Dated<T> {
    /// The values of the rows that apply on some day.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> + '_ {
        self.0.iter().filter(|(_, days)| !days.is_empty()).map(|(value, _)| value)
    }

    /// Adds a row, in place of one with the same value and first day.
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

    /// All rows, in the order in which they first came.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&T, Interval)> {
        self.0.iter().map(|(value, days)| (value, *days))
    }

    /// The values that apply on this day.
    pub fn on(&self, day: Day) -> impl Iterator<Item = &T> + '_ {
        self.rows_on(day).map(|(value, _)| value)
    }

    /// The rows that apply on this day.
    pub(crate) fn rows_on(&self, day: Day) -> impl Iterator<Item = (&T, Interval)> + '_ {
        let rows = self.0.iter().filter(move |(_, interval)| interval.contains(day));
        rows.map(|(value, interval)| (value, *interval))
    }

    /// Whether this value applies on this day.
    pub(crate) fn applies(&self, value: &T, day: Day) -> bool {
        self.on(day).any(|other| other == value)
    }
}
