//! The registers: who holds a category of poverty when, and how many do, for a part of the persons after the other.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::domain::day::{Day, Interval};
use crate::domain::month::Month;
use crate::store::keys::StoreKey;
use crate::store::{ReferenceStore, StoreError};

use super::groups::Groups;
use super::{PovertyQuestion, is_in};

/// The persons that are read at once.
const PAGE: usize = 1_000;

/// When a person is on a register.
type Held = SmallVec<[Interval; 1]>;

/// The registers of a part of the persons, as they are now: of those whose keys come after one key and not after another.
#[derive(Default)]
pub(super) struct Register {
    held: HashMap<StoreKey, Held>,
    after: Option<StoreKey>,
    /// None of the last part.
    last: Option<StoreKey>,
}

impl Register {
    /// The registers of the persons after those of this part, up to one with so many persons on a register. They are counted in
    /// their groups.
    ///
    /// # Errors
    /// If the store cannot be read, or a record is damaged.
    pub async fn read_next<S: ReferenceStore>(
        &self,
        store: &S,
        question: &PovertyQuestion,
        (limit, groups): (usize, &mut Groups),
    ) -> Result<Register, StoreError> {
        let mut register = Register { after: self.last, ..Register::default() };
        let (mut after, mut on_registers) = (self.last, 0);
        while on_registers < limit {
            let page = store.person_records(after, PAGE.min(limit)).await?;
            after = page.last().map(|(last, _)| *last);
            if after.is_none() {
                return Ok(register);
            }
            for (key, record) in page {
                let record = record?;
                let is_asked = |word: &str| question.categories.iter().any(|category| category == word);
                let rows = record.categories().rows().filter(|(held, _)| is_asked(held.as_str()));
                let rows: Held = rows.map(|(_, days)| days).collect();
                // A row that was withdrawn stays: the person may have been settled as registered.
                on_registers += usize::from(!rows.is_empty());
                let region = |day: Day| -> Option<Arc<str>> {
                    let region: Arc<str> = record.enrolments().on(day)?.0.insured_region.as_str().into();
                    is_in(&question.regions, &region).then_some(region)
                };
                register.add(key, rows, (question, &mut *groups), region);
            }
        }
        Ok(Register { last: after, ..register })
    }

    /// Whether no person comes after those of this part.
    pub fn is_last(&self) -> bool {
        self.last.is_none()
    }

    /// Whether a person is one of this part.
    pub fn covers(&self, person: &StoreKey) -> bool {
        self.after.is_none_or(|after| after < *person) && self.last.is_none_or(|last| *person <= last)
    }

    /// Whether a person is on a register on a day.
    pub fn holds(&self, person: &StoreKey, day: Day) -> bool {
        self.held.get(person).is_some_and(|held| holds(held, day))
    }

    /// Adds a person with the rows of the registers, and counts the person.
    fn add(
        &mut self,
        key: StoreKey,
        rows: Held,
        (question, groups): (&PovertyQuestion, &mut Groups),
        region: impl Fn(Day) -> Option<Arc<str>>,
    ) {
        let held: Held = rows.into_iter().filter(|days| !days.is_empty()).collect();
        if !held.is_empty() {
            count(&held, question, groups, region);
            self.held.insert(key, held);
        }
    }
}

/// Counts a person in every group in which the person is, once in each.
fn count(held: &[Interval], question: &PovertyQuestion, groups: &mut Groups, region: impl Fn(Day) -> Option<Arc<str>>) {
    let (mut registered, mut removed) = (Vec::new(), Vec::new());
    let first = held.iter().map(|days| days.from).min().flatten().unwrap_or(Day::FIRST).max(question.from);
    let mut month = Some(Month::of_day(first));
    while let Some(days) = month.and_then(|month| days_of(month, question)) {
        // The last day of the month on which a register has the person decides where the person is insured.
        if let Some((month, region)) = month.zip(last_held(held, days).and_then(&region)) {
            let county = groups.county(month, &region);
            registered.extend(groups.of_county(county));
        }
        month = month.and_then(Month::next).filter(|month| is_begun(held, *month));
    }
    for until in held.iter().filter_map(|days| days.until) {
        let left = question.from <= until && until < question.until && !holds(held, until);
        if let Some(region) = before(until).filter(|_| left).and_then(&region) {
            let county = groups.county(Month::of_day(until), &region);
            removed.extend(groups.of_county(county));
        }
    }
    groups.change(registered, |measures| measures.registered += 1);
    groups.change(removed, |measures| measures.removed += 1);
}

/// Whether a register has the person on a day of a month or after it.
fn is_begun(held: &[Interval], month: Month) -> bool {
    held.iter().any(|days| days.until.is_none_or(|until| Month::of_day(until) >= month))
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
