//! The month in which an entry is booked. It is decided when the entry is committed and stays in it, so that what was
//! booked in a month when it was closed never changes.

use super::{Entry, EntryBody, EntryKindRef, Instant};
use crate::domain::month::{ClosedMonths, Month};

/// The month in which a revision or a reversal is booked (semantics section 6): that of the day of settlement; once that
/// month is closed, the month of the commit.
///
/// `settled` is the instant of the settlement, `committed` that of the entry, and `closed` are the months that are closed at
/// this point of the order of commits.
pub fn booking_month(settled: Instant, committed: Instant, closed: ClosedMonths) -> Month {
    let (own, commit) = (settled.china_month(), committed.china_month());
    if closed.contain(own) { closed.first_open().map_or(commit, |open| open.max(commit)) } else { own }
}

impl Instant {
    /// The month of the day in China Standard Time, UTC+8.
    pub fn china_month(self) -> Month {
        Month::of_day(self.china_day())
    }
}

impl<B: EntryBody> Entry<B> {
    /// The month in which it is booked; `None` for a fence, which moves no amount. A settlement is booked in the month of its
    /// day of settlement, which is never closed when it is committed.
    pub fn booking_month(&self) -> Option<Month> {
        match self.body.by_kind() {
            EntryKindRef::Settlement(_) => Some(self.committed.china_month()),
            EntryKindRef::Reversal(reversal) => Some(reversal.booking_month),
            EntryKindRef::Revision(revision) => Some(revision.booking_month),
            EntryKindRef::Fence(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::day::Day;

    fn at(text: &str) -> Instant {
        Instant(text.parse::<Day>().expect("a day").start_in_china_micros())
    }

    #[test]
    fn an_entry_is_booked_in_the_month_of_the_settlement_until_that_is_closed_and_then_in_that_of_its_commit() {
        let month = |text: &str| text.parse::<Month>().expect("a month");
        let booked = |through| booking_month(at("2017-06-30"), at("2017-08-03"), ClosedMonths { through });
        assert_eq!(booked(None), month("2017-06"));
        assert_eq!(booked(Some(month("2017-05"))), month("2017-06"));
        assert_eq!(booked(Some(month("2017-06"))), month("2017-08"));
        assert_eq!(booked(Some(month("2017-07"))), month("2017-08"));
        // A clock that is behind books nothing in a closed month.
        assert_eq!(booked(Some(month("2017-08"))), month("2017-09"));
    }

    #[test]
    fn the_month_begins_at_midnight_of_china_standard_time() {
        let midnight = at("2017-07-01");
        let months = [Instant(midnight.0 - 1), midnight].map(|instant| instant.china_month().to_string());
        assert_eq!(months, ["2017-06", "2017-07"]);
    }
}
