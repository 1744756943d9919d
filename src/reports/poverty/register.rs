//! The registers: who holds a category of poverty when, and how many do.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::domain::day::{Day, Interval};
use crate::domain::month::Month;
use crate::store::{ReferenceStore, StoreError};

use super::{Group, PersonKey, PovertyQuestion, groups_of, is_in};

/// The persons that are read at once.
const PAGE: usize = 1_000;

/// How many persons a group has on the registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Persons who are on a register on some day of the group's months.
    pub registered: u64,
    /// Persons who left the last register on which they were.
    pub removed: u64,
}

/// The registers as they are now.
#[derive(Default)]
pub(super) struct Register {
    held: HashMap<PersonKey, Vec<Interval>>,
    counts: BTreeMap<Group, Counts>,
}

impl Register {
    /// Reads the records of all persons.
    ///
    /// # Errors
    /// If the store cannot be read, or a record is damaged.
    pub async fn read<S: ReferenceStore>(store: &S, question: &PovertyQuestion) -> Result<Register, StoreError> {
        let (mut register, mut after) = (Register::default(), None);
        loop {
            let page = store.person_records(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(register) };
            after = Some(*last);
            for (key, record) in page {
                let record = record?;
                let rows = record.categories().rows().filter(|(_, days)| !days.is_empty());
                let is_asked = |word: &str| question.categories.iter().any(|category| category == word);
                let held: Vec<Interval> =
                    rows.filter(|(held, _)| is_asked(held.as_str())).map(|(_, days)| days).collect();
                if held.is_empty() {
                    continue;
                }
                let region = |day: Day| -> Option<Arc<str>> {
                    let region: Arc<str> = record.enrolments().on(day)?.0.insured_region.as_str().into();
                    is_in(&question.regions, &region).then_some(region)
                };
                register.count(&held, question, region);
                register.held.insert(key, held);
            }
        }
    }

    /// Whether a person is on a register on a day.
    pub fn holds(&self, person: &PersonKey, day: Day) -> bool {
        self.held.get(person).is_some_and(|held| holds(held, day))
    }

    /// The counts, which are taken out.
    pub fn take_counts(&mut self) -> BTreeMap<Group, Counts> {
        std::mem::take(&mut self.counts)
    }

    /// Counts a person in every group in which the person is, once in each.
    fn count(&mut self, held: &[Interval], question: &PovertyQuestion, region: impl Fn(Day) -> Option<Arc<str>>) {
        let (mut registered, mut removed) = (HashSet::new(), HashSet::new());
        let mut month = Some(Month::of_day(question.from));
        while let Some(current) = month {
            let Some(days) = days_of(current, question) else { break };
            // The last day of the month on which a register has the person decides where the person is insured.
            if let Some(region) = last_held(held, days).and_then(&region) {
                registered.extend(groups_of(current, &region));
            }
            month = current.next();
        }
        for until in held.iter().filter_map(|days| days.until) {
            let left = question.from <= until && until < question.until && !holds(held, until);
            if let Some(region) = before(until).filter(|_| left).and_then(&region) {
                removed.extend(groups_of(Month::of_day(until), &region));
            }
        }
        for group in registered {
            self.counts.entry(group).or_default().registered += 1;
        }
        for group in removed {
            self.counts.entry(group).or_default().removed += 1;
        }
    }
}

fn holds(held: &[Interval], day: Day) -> bool {
    held.iter().any(|days| days.contains(day))
}

/// The days of a month that are asked about; none after the last.
fn days_of(month: Month, question: &PovertyQuestion) -> Option<(Day, Day)> {
    let first = Day::new(month.year(), month.month(), 1).ok()?.max(question.from);
    let next = month.next().and_then(|next| Day::new(next.year(), next.month(), 1).ok());
    let until = next.map_or(question.until, |next| next.min(question.until));
    (first < until).then_some((first, until))
}

/// The last day before `until`, and not before `from`, that one of the rows holds.
fn last_held(held: &[Interval], (from, until): (Day, Day)) -> Option<Day> {
    let last = |days: &Interval| {
        let last = before(days.until.map_or(until, |end| end.min(until)))?;
        (last >= from && days.contains(last)).then_some(last)
    };
    held.iter().filter_map(last).max()
}

/// The day before a day.
fn before(day: Day) -> Option<Day> {
    let number = day.number();
    let (year, month, of_month) = ((number / 10_000) as i32, (number / 100 % 100) as i32, (number % 100) as i32);
    let (year_before, month_before) = if month == 1 { (year - 1, 12) } else { (year, month - 1) };
    let last_of_month = || (28..=31).rev().find_map(|last| Day::new(year_before, month_before, last).ok());
    if of_month > 1 { Day::new(year, month, of_month - 1).ok() } else { last_of_month() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_before_the_first_of_a_month_is_the_last_of_the_month_before() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        for (of, expected) in [
            ("2017-06-15", "2017-06-14"),
            ("2017-03-01", "2017-02-28"),
            ("2016-03-01", "2016-02-29"),
            ("2017-01-01", "2016-12-31"),
        ] {
            assert_eq!(before(day(of)), Some(day(expected)));
        }
        assert_eq!(before(Day::FIRST), None);
    }
}
