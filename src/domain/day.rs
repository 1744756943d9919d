//! Calendar days and half-open intervals of them. A day has no clock and no time zone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A date of the Gregorian calendar, year 1 to 9999, stored as the number `yyyymmdd`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(u32);

/// The text or the numbers are no day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a day of the calendar; days are written like 2017-06-15")]
pub struct NotADay;

impl Day {
    /// The earliest day: 0001-01-01.
    pub const FIRST: Day = Day(10101);

    /// The latest day: 9999-12-31.
    pub const LAST: Day = Day(99991231);

    /// The day with these numbers.
    ///
    /// # Errors
    /// If the calendar has no such day, or the year is outside 1 to 9999.
    pub fn new(year: i32, month: i32, day: i32) -> Result<Day, NotADay> {
        let narrow = |n: i32| i8::try_from(n).map_err(|_| NotADay);
        let year = i16::try_from(year).map_err(|_| NotADay)?;
        Day::from_date(jiff::civil::Date::new(year, narrow(month)?, narrow(day)?).map_err(|_| NotADay)?)
    }

    /// The day in China Standard Time (UTC+8) at this many microseconds since 1970, UTC; 1970-01-01 for
    /// instants outside the years 1 to 9999.
    pub fn in_china_at(micros: i64) -> Day {
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
        let day = jiff::tz::Offset::constant(8).to_datetime(instant).date();
        Day::from_date(day).unwrap_or(Day(19700101))
    }

    /// The instant at which the day begins in China Standard Time (UTC+8), in microseconds since 1970, UTC.
    pub fn start_in_china_micros(self) -> i64 {
        let narrow = |number: i32| i8::try_from(number).unwrap_or(1);
        let midnight = i16::try_from(self.year())
            .ok()
            .and_then(|year| jiff::civil::Date::new(year, narrow(self.month()), narrow(self.day())).ok())
            .map(|date| date.at(0, 0, 0, 0))
            .and_then(|midnight| jiff::tz::Offset::constant(8).to_timestamp(midnight).ok());
        midnight.unwrap_or_default().as_microsecond()
    }

    /// The day with this number `yyyymmdd`; `None` if the calendar has no such day.
    pub fn from_number(number: u32) -> Option<Day> {
        let [year, month, day] = [number / 10_000, number / 100 % 100, number % 100].map(|part| part as i32);
        Day::new(year, month, day).ok()
    }

    fn from_date(date: jiff::civil::Date) -> Result<Day, NotADay> {
        let year = u32::try_from(date.year()).ok().filter(|year| *year >= 1).ok_or(NotADay)?;
        Ok(Day(year * 10_000 + date.month() as u32 * 100 + date.day() as u32))
    }

    /// The day after this one; `None` after the last.
    pub fn next(self) -> Option<Day> {
        let (year, month) = (self.year(), self.month());
        let next = Day::new(year, month, self.day() + 1).or_else(|_| Day::new(year, month + 1, 1));
        next.or_else(|_| Day::new(year + 1, 1, 1)).ok()
    }

    /// The number of days from this day to a later one; negative to an earlier one.
    pub fn days_to(self, later: Day) -> i32 {
        later.days_since_year_0() - self.days_since_year_0()
    }

    /// The days since 0000-03-01: a year that begins in March ends with its leap day.
    fn days_since_year_0(self) -> i32 {
        let (year, month) =
            if self.month() > 2 { (self.year(), self.month() - 3) } else { (self.year() - 1, self.month() + 9) };
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + self.day()
    }

    /// The number `yyyymmdd`, by which days sort.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The calendar year.
    pub const fn year(self) -> i32 {
        (self.0 / 10_000) as i32
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> i32 {
        (self.0 / 100 % 100) as i32
    }

    /// The day of the month.
    pub const fn day(self) -> i32 {
        (self.0 % 100) as i32
    }
}

/// Exactly `2017-06-15`.
impl FromStr for Day {
    type Err = NotADay;
    fn from_str(text: &str) -> Result<Day, NotADay> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { *b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(NotADay);
        }
        let number = |part: &str| part.parse::<i32>().map_err(|_| NotADay);
        Day::new(number(&text[..4])?, number(&text[5..7])?, number(&text[8..])?)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}-{:02}", self.year(), self.month(), self.day()))
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The days `from <= day < until`; an absent end is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The first day, if any.
    pub from: Option<Day>,
    /// The first day after it, if any.
    pub until: Option<Day>,
}

impl Interval {
    /// Whether it contains a day.
    pub fn contains(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Whether it contains every day of another one.
    pub fn covers(&self, other: &Interval) -> bool {
        let begins = self.from.is_none_or(|from| other.from.is_some_and(|other| from <= other));
        let ends = self.until.is_none_or(|until| other.until.is_some_and(|other| other <= until));
        other.is_empty() || begins && ends
    }

    /// Whether it contains no day.
    pub fn is_empty(&self) -> bool {
        self.until.is_some_and(|until| until <= self.from.unwrap_or(Day::FIRST))
    }

    /// Whether both contain a common day.
    pub fn overlaps(&self, other: &Interval) -> bool {
        let common =
            Interval { from: self.from.max(other.from), until: [self.until, other.until].into_iter().flatten().min() };
        !common.is_empty() && !self.is_empty() && !other.is_empty()
    }

    /// Whether the other contains every day of this one.
    pub fn is_within(&self, other: &Interval) -> bool {
        let starts = other.from.is_none_or(|outer| self.from.is_some_and(|from| from >= outer));
        let ends = other.until.is_none_or(|outer| self.until.is_some_and(|until| until <= outer));
        starts && ends
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |day: Option<Day>| day.map_or_else(|| "open".to_owned(), |d| d.to_string());
        write!(f, "{} until {}", end(self.from), end(self.until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(from: &str, until: &str) -> Interval {
        Interval { from: from.parse().ok(), until: until.parse().ok() }
    }

    #[test]
    fn an_interval_contains_its_start_and_not_its_end() {
        let year = interval("2017-01-01", "2018-01-01");
        let holds = |text: &str| text.parse().is_ok_and(|day| year.contains(day));
        assert!(holds("2017-01-01") && holds("2017-12-31"));
        assert!(!holds("2016-12-31") && !holds("2018-01-01"));
    }

    #[test]
    fn a_day_in_china_begins_eight_hours_before_that_of_utc() {
        let midnight = 1_497_456_000_000_000; // 2017-06-14T16:00:00Z
        let days = [-1, 0].map(|more| Day::in_china_at(midnight + more).to_string());
        assert_eq!(days, ["2017-06-14", "2017-06-15"]);
        assert_eq!(Day::in_china_at(0).to_string(), "1970-01-01");
        assert_eq!(Day::in_china_at(i64::MAX).to_string(), "1970-01-01");
        assert_eq!(Day::in_china_at(midnight).start_in_china_micros(), midnight);
        for day in [
            Day::new(1, 1, 2).expect("a day"),
            Day::new(2024, 2, 29).expect("a day"),
            Day::new(9999, 12, 30).expect("a day"),
        ] {
            assert_eq!(Day::in_china_at(day.start_in_china_micros()), day);
            assert_eq!(Day::from_number(day.number()), Some(day));
        }
        assert_eq!(Day::from_number(20170229), None);
    }

    #[test]
    fn adjacent_intervals_do_not_overlap_and_open_ones_do() {
        assert!(!interval("2017-01-01", "2018-01-01").overlaps(&interval("2018-01-01", "")));
        assert!(interval("", "").overlaps(&interval("2018-01-01", "")));
        assert!(interval("", "").covers(&interval("2018-01-01", "")));
        assert!(!interval("2018-01-01", "").covers(&interval("", "2019-01-01")));
        assert!(!interval("", "2018-01-01").covers(&interval("2017-01-01", "")));
        assert!(interval("2017-01-01", "2018-01-01").covers(&interval("2017-01-01", "2018-01-01")));
        assert!(!interval("2017-01-01", "2018-01-01").covers(&interval("2017-04-01", "2018-01-02")));
        assert!(interval("2017-01-01", "2018-01-01").covers(&interval("2019-01-01", "2019-01-01")));
        assert!(!interval("2018-01-01", "2018-01-01").overlaps(&interval("", "")));
    }

    #[test]
    fn only_iso_dates_of_the_calendar_are_parsed() {
        for text in
            ["2017-02-29", "2017-6-15", "20170615", "2017-06-15T00:00", "0000-01-01", "+017-01-01", "２017-01-1"]
        {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
        assert_eq!("0001-01-01".parse::<Day>().map(|d| d.to_string()), Ok("0001-01-01".into()));
        assert_eq!("9999-12-31".parse::<Day>().map(Day::year), Ok(9999));
    }
}
