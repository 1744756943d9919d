//! Calendar months, in which a ledger is closed.

use std::fmt;
use std::str::FromStr;

use super::day::Day;

/// A month of the Gregorian calendar, of the years 1 to 9999, stored as the number `yyyymm`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(u32);

/// The text or the numbers are no month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a month of the calendar; months are written like 2017-06")]
pub struct NotAMonth;

impl Month {
    /// The month with these numbers.
    ///
    /// # Errors
    /// If the calendar has no such month, or the year is outside 1 to 9999.
    pub fn new(year: i32, month: i32) -> Result<Month, NotAMonth> {
        Day::new(year, month, 1).map(Month::of_day).map_err(|_| NotAMonth)
    }

    /// The month of a day.
    pub fn of_day(day: Day) -> Month {
        Month(day.number() / 100)
    }

    /// The month with this number `yyyymm`; `None` if the calendar has no such month.
    pub fn from_number(number: u32) -> Option<Month> {
        Day::from_number(number.checked_mul(100)?.checked_add(1)?).map(Month::of_day)
    }

    /// The number `yyyymm`.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The year.
    pub fn year(self) -> i32 {
        (self.0 / 100) as i32
    }

    /// The number of the month in its year, from 1.
    pub fn month(self) -> i32 {
        (self.0 % 100) as i32
    }

    /// The month after this one; `None` after the last.
    pub fn next(self) -> Option<Month> {
        Month::new(self.year(), self.month() + 1).or_else(|_| Month::new(self.year() + 1, 1)).ok()
    }
}

/// The months of a ledger that are closed: none, or every month up to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosedMonths {
    /// The last of them.
    pub through: Option<Month>,
}

impl ClosedMonths {
    /// Whether a month is closed.
    pub fn contain(self, month: Month) -> bool {
        self.through.is_some_and(|last| month <= last)
    }

    /// The first month that is open, if any is closed.
    pub fn first_open(self) -> Option<Month> {
        self.through.and_then(Month::next)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Month, NotAMonth> {
        let has_form = text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let (year, month) = text.split_once('-').filter(|(year, _)| has_form && year.len() == 4).ok_or(NotAMonth)?;
        let number = |text: &str| text.parse().map_err(|_| NotAMonth);
        Month::new(number(year)?, number(month)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_read_as_it_is_written_and_anything_else_is_refused() {
        for text in ["0001-01", "2017-06", "9999-12"] {
            let month: Month = text.parse().expect("a month");
            assert_eq!((month.to_string().as_str(), Month::from_number(month.number())), (text, Some(month)));
        }
        for text in ["", "2017", "2017-13", "2017-00", "0000-01", "17-06", "2017-6", "2017-+6", "2017-06-01", "-201-06"]
        {
            assert_eq!(text.parse::<Month>(), Err(NotAMonth), "{text}");
        }
        assert_eq!([0, 201_700, 201_713, u32::MAX].map(Month::from_number), [None; 4]);
    }

    #[test]
    fn the_month_after_december_is_january() {
        let month = |text: &str| text.parse::<Month>().expect("a month");
        assert_eq!(month("2017-11").next(), Some(month("2017-12")));
        assert_eq!(month("2017-12").next(), Some(month("2018-01")));
        assert_eq!(month("9999-12").next(), None);
    }
}
