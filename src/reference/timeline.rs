//! Values in succession, of which at most one holds on a day: a row without an end ends where the next one begins.

use crate::domain::day::{Day, Interval};

use super::dated::RowChange;

/// Rows in ascending order of their first days; the first day is the key of a row.
///
/// A row that contains no day is withdrawn: it holds on no day and ends no other row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline<T>(Vec<(T, Interval)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Timeline(Vec::new())
    }
}

impl<T: PartialEq> Timeline<T> {
    /// The values of the rows that were not withdrawn.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> + '_ {
        self.in_force().map(|(value, _)| value)
    }

    /// Adds a row, in place of one with the same first day.
    pub fn put(&mut self, value: T, days: Interval) -> RowChange {
        match self.0.binary_search_by_key(&days.from, |(_, known)| known.from) {
            Ok(at) if self.0[at].0 == value && self.0[at].1 == days => return RowChange::Unchanged,
            Ok(at) => self.0[at] = (value, days),
            Err(at) => self.0.insert(at, (value, days)),
        }
        RowChange::Changed
    }

    /// The row that holds on a day, with its days as imported.
    pub fn on(&self, day: Day) -> Option<(&T, Interval)> {
        let begun = self.in_force().rev().find(|(_, days)| days.from.is_none_or(|from| from <= day));
        begun.filter(|(_, days)| days.contains(day))
    }

    /// All rows, in the order of their first days.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&T, Interval)> {
        self.0.iter().map(|(value, days)| (value, *days))
    }

    /// Whether no row holds on any day.
    pub fn is_empty(&self) -> bool {
        self.in_force().next().is_none()
    }

    /// The first days of rows that share a day with another row; of every two such rows at least the later one.
    pub(crate) fn overlapping(&self) -> Vec<Option<Day>> {
        let mut overlapping = Vec::new();
        // Of the rows so far, the one with the latest stated end: rows without one end where the next begins.
        let mut longest: Option<Interval> = None;
        for (_, days) in self.in_force() {
            if let Some(before) = longest.filter(|before| before.until > days.from) {
                overlapping.extend([before.from, days.from]);
            }
            if longest.is_none_or(|longest| longest.until < days.until) {
                longest = Some(days);
            }
        }
        overlapping
    }

    /// The rows that hold on some day, in order.
    fn in_force(&self) -> impl DoubleEndedIterator<Item = (&T, Interval)> {
        self.0.iter().map(|(value, days)| (value, *days)).filter(|(_, days)| !days.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(rows: &[(u8, &str, &str)]) -> Timeline<u8> {
        let mut timeline = Timeline::default();
        for (value, from, until) in rows {
            timeline.put(*value, Interval { from: from.parse().ok(), until: until.parse().ok() });
        }
        timeline
    }

    fn value_on(timeline: &Timeline<u8>, day: &str) -> Option<u8> {
        timeline.on(day.parse().expect("a day")).map(|(value, _)| *value)
    }

    #[test]
    fn an_open_row_ends_where_the_next_row_begins() {
        let rows = timeline(&[(2, "2017-07-01", ""), (1, "", "")]);
        assert_eq!(
            ["0001-01-01", "2017-06-30", "2017-07-01", "9999-12-31"].map(|day| value_on(&rows, day)),
            [Some(1), Some(1), Some(2), Some(2)]
        );
        assert!(rows.overlapping().is_empty());
    }

    #[test]
    fn no_row_holds_between_a_stated_end_and_the_next_row() {
        let rows = timeline(&[(1, "2014-01-01", "2017-01-01"), (2, "2017-03-01", "")]);
        assert_eq!(
            ["2013-12-31", "2016-12-31", "2017-01-01", "2017-03-01"].map(|day| value_on(&rows, day)),
            [None, Some(1), None, Some(2)]
        );
    }

    #[test]
    fn a_withdrawn_row_leaves_no_trace() {
        let mut rows = timeline(&[(1, "2014-01-01", ""), (2, "2017-05-01", "")]);
        assert_eq!(value_on(&rows, "2017-06-01"), Some(2));
        let day = "2017-05-01".parse().ok();
        assert_eq!(rows.put(2, Interval { from: day, until: day }), RowChange::Changed);
        assert_eq!(value_on(&rows, "2017-06-01"), Some(1));
        assert!(rows.overlapping().is_empty());
        assert!(timeline(&[(1, "2017-05-01", "2017-05-01")]).is_empty());
        // A row without a first day ends before the first day of all.
        assert!(timeline(&[(1, "", "0001-01-01")]).is_empty());
    }

    #[test]
    fn rows_that_share_a_day_are_found_whatever_lies_between_them() {
        let first_days = |rows: &[(u8, &str, &str)]| timeline(rows).overlapping();
        let [one, two, three] = ["2017-01-01", "2017-02-01", "2017-03-01"].map(|day| day.parse().ok());
        assert_eq!(first_days(&[(1, "2017-01-01", "2017-02-02"), (2, "2017-02-01", "")]), [one, two]);
        assert_eq!(first_days(&[(1, "2017-01-01", "2017-02-01"), (2, "2017-02-01", "")]), []);
        let nested = [(1, "2017-01-01", "2018-01-01"), (2, "2017-02-01", "2017-02-03"), (3, "2017-03-01", "")];
        assert_eq!(first_days(&nested), [one, two, one, three]);
    }
}
