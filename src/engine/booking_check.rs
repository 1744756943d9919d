//! The check of booking months for an audit: a reversal and a revision are booked as the closings before them say.
//!
//! A chain alone does not tell where its entries stand among the closings of the same day, so on such a day both months are
//! allowed. On every other day one is: the days of commits follow the order of commits.

use crate::domain::day::Day;
use crate::domain::journal::{AdministrationAct, Instant, booking_month};
use crate::domain::month::{ClosedMonths, Month};

use super::administration_chain::ChainedAdministration;

/// The closings of a store in their order, each with its day.
#[derive(Default)]
pub(super) struct Closings(Vec<(Day, Month)>);

impl Closings {
    /// The closings in the chain of the administration.
    pub fn of(chain: &[ChainedAdministration]) -> Closings {
        let closing = |one: &ChainedAdministration| match &one.entry.act {
            AdministrationAct::MonthClosing(closing) => Some((one.entry.committed.china_day(), closing.month)),
            _ => None,
        };
        Closings(chain.iter().filter_map(closing).collect())
    }

    /// Whether an entry about a settlement may be booked in a month.
    pub fn allow(&self, settled: Instant, committed: Instant, booked: Month) -> bool {
        let day = committed.china_day();
        let before = self.0.iter().rev().find(|(closed_on, _)| *closed_on < day).map(|(_, month)| *month);
        let same_day = self.0.iter().filter(|(closed_on, _)| *closed_on == day).map(|(_, month)| Some(*month));
        let booked_if = |through| booking_month(settled, committed, ClosedMonths { through }) == booked;
        std::iter::once(before).chain(same_day).any(booked_if)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant(text.parse::<Day>().expect("a day").start_in_china_micros())
    }

    #[test]
    fn only_the_day_of_a_closing_leaves_two_months() {
        let month = |text: &str| text.parse::<Month>().expect("a month");
        let closings = Closings(vec![("2017-07-05".parse().expect("a day"), month("2017-06"))]);
        let allowed =
            |day: &str| ["2017-06", "2017-07"].map(|text| closings.allow(at("2017-06-20"), at(day), month(text)));
        assert_eq!(allowed("2017-07-04"), [true, false]);
        assert_eq!(allowed("2017-07-05"), [true, true]);
        assert_eq!(allowed("2017-07-06"), [false, true]);
        assert!(!closings.allow(at("2017-06-20"), at("2017-07-06"), month("2017-08")));
    }
}
