//! What a report is asked for.

use crate::domain::day::Day;
use crate::domain::ids::{CanonicalDigest, Digest};
use crate::domain::journal::Instant;

use super::chunk::{CATEGORY_SEPARATOR, ChunkLine};
use super::dimension::Dimension;
use super::error::ReportError;

/// The day of a line that a report goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DayOf {
    /// The day of settlement: reversals and revisions count on the day of their settlement.
    #[default]
    Settlement,
    /// The day of discharge.
    Discharge,
    /// The day of the commit: reversals and revisions count on their own day.
    Commit,
    /// The month in which it is booked, as its first day: after a month was closed, what changes it is booked later.
    Booked,
}

impl DayOf {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            DayOf::Settlement => "settlement",
            DayOf::Discharge => "discharge",
            DayOf::Commit => "commit",
            DayOf::Booked => "booked",
        }
    }

    /// All of them.
    pub const ALL: [DayOf; 4] = [DayOf::Settlement, DayOf::Discharge, DayOf::Commit, DayOf::Booked];

    /// The one with this word.
    pub fn from_word(word: &str) -> Option<DayOf> {
        DayOf::ALL.into_iter().find(|day| day.word() == word)
    }

    /// The day of a line.
    pub fn day(self, line: &ChunkLine) -> Day {
        match self {
            DayOf::Settlement => line.settled_on,
            DayOf::Discharge => line.discharged,
            DayOf::Commit => line.committed.china_day(),
            DayOf::Booked => Day::new(line.booked.year(), line.booked.month(), 1).unwrap_or(Day::FIRST),
        }
    }
}

/// A condition on lines: one of these values must be the line's value of the dimension. Of a region, a value is a prefix; of
/// categories, the person must hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub(super) dimension: Dimension,
    pub(super) values: Vec<String>,
}

impl Condition {
    /// A condition; none on a dimension that a report can be broken down by and not be restricted to.
    pub fn new(dimension: Dimension, values: Vec<String>) -> Option<Condition> {
        let is_possible = !matches!(dimension, Dimension::Day | Dimension::Month | Dimension::Person);
        is_possible.then_some(Condition { dimension, values })
    }

    /// The word of the dimension, and the values.
    pub fn parts(&self) -> (&'static str, &[String]) {
        (self.dimension.word(), &self.values)
    }

    /// Whether a value of the dimension satisfies it.
    pub(super) fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|asked| match self.dimension {
            Dimension::Region | Dimension::HospitalRegion => value.starts_with(&**asked),
            Dimension::City => value.get(..CITY_DIGITS) == Some(asked),
            Dimension::Category => value.split(CATEGORY_SEPARATOR).any(|category| category == asked),
            _ => value == asked,
        })
    }
}

/// The digits of a region's code that name its city.
pub const CITY_DIGITS: usize = 4;

/// What a report is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The day that the report goes by.
    pub day_of: DayOf,
    /// The first day; from the first of all without it.
    pub from: Option<Day>,
    /// The first day no longer reported; to the last of all without it.
    pub until: Option<Day>,
    /// What the rows stand for, from the left.
    pub by: Vec<Dimension>,
    /// The conditions, all of which must hold.
    pub only: Vec<Condition>,
    /// The moment in the order of commits: entries from the first one on that was committed later are left out. Without it
    /// nothing is.
    pub as_of: Option<Instant>,
    /// Only the first so many lines of the ledger: where a report ended, exactly. A moment does not name that, because a commit
    /// that was stamped before it may come after it.
    pub first_lines: Option<u64>,
}

impl Question {
    /// Whether a day is asked about.
    pub fn includes(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// How many of these lines are asked about, of which `before` others come before in the ledger; `None` if the end is not
    /// among them.
    ///
    /// # Errors
    /// [`ReportError::EndsWithinRevision`] if the first so many lines end between the two of a revision.
    pub(super) fn end_within(&self, lines: &[ChunkLine], before: u64) -> Result<Option<usize>, ReportError> {
        let later = lines.iter().position(|line| self.as_of.is_some_and(|as_of| line.committed > as_of));
        let first = self.first_lines.and_then(|first| usize::try_from(first.saturating_sub(before)).ok());
        let first = first.filter(|first| *first < lines.len());
        if first.is_some_and(|first| lines[first].completes_revision) {
            return Err(ReportError::EndsWithinRevision);
        }
        Ok(later.into_iter().chain(first).min())
    }

    /// Whether rows stand for what is paid, and not for whole bills.
    pub fn is_of_payments(&self) -> bool {
        let asked = self.by.iter().copied().chain(self.only.iter().map(|condition| condition.dimension));
        asked.into_iter().any(Dimension::is_of_payment)
    }

    /// The digest of everything that is asked, but for the moment.
    pub fn digest(&self) -> Digest {
        let day = |day: Option<Day>| u64::from(day.map_or(0, Day::number));
        let mut form = CanonicalDigest::new("report question/1").text(self.day_of.word());
        form = form.number(day(self.from)).number(day(self.until)).number(self.by.len() as u64);
        for dimension in &self.by {
            form = form.text(dimension.word());
        }
        for Condition { dimension, values } in &self.only {
            form = form.text(dimension.word()).number(values.len() as u64);
            form = values.iter().fold(form, |form, value| form.text(value));
        }
        form.finish()
    }
}
