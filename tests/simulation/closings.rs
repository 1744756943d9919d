//! The chain of the administration and the closed months in the ledger of the auditor: which months are closed is derived from the journal alone, and what is booked, and
//! what a closing answers, is checked against it.

use onestop::domain::ids::{Digest, EntryId};
use onestop::domain::journal::{AdministrationAct, AdministrationEntry, Entry, MonthClosing};
use onestop::domain::month::Month;
use onestop::engine::close_month::ClosedMonth;
use onestop::store::shard::Shard;

use super::auditor::{Auditor, CheckResult, ClientRequest, ensure};
use super::books::digest as book_digest;
use super::check_response::Window;
use super::scheduler::Time;

/// The chain of the administration.
#[derive(Default)]
pub struct AdministrationLedger {
    version: u64,
    /// The times at which its entries became durable.
    entries: Vec<Time>,
    head: Option<EntryId>,
    chained: Digest,
    /// The closings in their order, each with the time at which it became durable.
    closings: Vec<(Time, Month, EntryId)>,
}

impl AdministrationLedger {
    /// The number of entries.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// The last month that is closed.
    fn through(&self) -> Option<Month> {
        self.closings.last().map(|(_, month, _)| *month)
    }

    /// What the last closed month was at the moments of a window.
    fn through_within(&self, window: Window) -> impl Iterator<Item = Option<Month>> {
        let before = self.closings.iter().rev().find(|(at, ..)| *at < window.began).map(|(_, month, _)| *month);
        let within = self.closings.iter().filter(move |(at, ..)| *at >= window.began && *at <= window.ended);
        std::iter::once(before).chain(within.map(|(_, month, _)| Some(*month)))
    }
}

impl Auditor {
    /// Checks an entry of the administration that became durable: it was asked for, and follows the chain.
    pub fn check_administration(&mut self, entry: &AdministrationEntry, digest: Digest, at: Time) -> CheckResult {
        let asked = self.calls.iter().find(|(id, _)| Shard::ADMINISTRATION.set_in(**id) == entry.id);
        let (_, call) = asked.ok_or("an entry of the administration without a call")?;
        ensure(!call.answered, || format!("{} is durable after its call was answered", entry.id))?;
        let is_asked = match (&call.request, &entry.act) {
            (ClientRequest::Close { month }, AdministrationAct::MonthClosing(closing)) => *month == closing.month,
            (ClientRequest::Activate { book: number }, AdministrationAct::PolicyActivation(activation)) => {
                book_digest(*number) == activation.book
            }
            _ => false,
        };
        ensure(is_asked, || format!("{} is another act than was asked for", entry.id))?;
        let ledger = &mut self.ledger.administration;
        let link = (entry.link.number, entry.link.previous, entry.link.chained);
        let follows = link == (ledger.version + 1, ledger.head, ledger.chained);
        ensure(follows, || format!("{} does not follow the entry before it", entry.id))?;
        (ledger.version, ledger.head, ledger.chained) = (entry.link.number, Some(entry.id), digest);
        ledger.entries.push(at);
        match &entry.act {
            AdministrationAct::MonthClosing(closing) => self.check_closing(entry, closing, at),
            AdministrationAct::PolicyActivation(activation) => self.check_activation(entry, activation),
            AdministrationAct::ImportEnd(_) => Err(format!("{} is of another kind", entry.id)),
        }
    }

    /// Checks that a closing closes the next month, which is over.
    fn check_closing(&mut self, entry: &AdministrationEntry, closing: &MonthClosing, at: Time) -> CheckResult {
        let ledger = &mut self.ledger.administration;
        let is_next = ledger.through().is_none_or(|through| through.next() == Some(closing.month));
        ensure(is_next, || format!("{:?} is closed after {:?}", closing.month, ledger.through()))?;
        let is_over = closing.month < entry.committed.china_month();
        ensure(is_over, || format!("{:?} is closed before it is over", closing.month))?;
        ledger.closings.push((at, closing.month, entry.id));
        self.count("closed");
        Ok(())
    }

    /// Checks that an entry about a settlement is booked in its month; if that is closed, in the month of the commit, or in the
    /// first that is open if a server whose clock is ahead closed that one too.
    pub fn check_booking(&self, entry: &Entry, settlement: EntryId) -> CheckResult {
        let settled = self.journal.get(&settlement).ok_or("an entry about no settlement")?.committed.china_month();
        let closed = self.ledger.administration.through().filter(|through| settled <= *through);
        let expected = match closed {
            None => settled,
            Some(through) => through.next().map_or(through, |open| open.max(entry.committed.china_month())),
        };
        ensure(entry.booking_month() == Some(expected), || {
            format!("{} is booked in {:?}, and should be in {expected:?}", entry.id, entry.booking_month())
        })
    }

    /// Checks the answer to a request to close a month.
    pub fn check_closed(&mut self, request: &ClientRequest, closed: &ClosedMonth, window: Window) -> CheckResult {
        let ClientRequest::Close { month } = request else { return Err("no closing was requested".to_owned()) };
        let ledger = &self.ledger.administration;
        let is_right = match closed {
            ClosedMonth::Now(entry) => ledger.closings.iter().any(|(_, known, id)| known == month && *id == entry.id),
            ClosedMonth::Before(months) => {
                let mut known = ledger.through_within(window);
                months.contain(*month) && known.any(|through| through == months.through)
            }
        };
        ensure(is_right, || format!("{month:?} is answered as {closed:?}"))
    }

    /// Whether a month could not be closed at some moment of a window, which begins in this month of the calendar.
    pub fn is_not_closable(&self, month: Month, now: Month, window: Window) -> bool {
        let out_of_order = |through: Option<Month>| through.and_then(Month::next).is_some_and(|open| month > open);
        month >= now || self.ledger.administration.through_within(window).any(out_of_order)
    }

    /// The number of closings that became durable in a window.
    pub fn closings_within(&self, window: Window) -> usize {
        self.ledger.administration.through_within(window).count() - 1
    }

    /// The number of entries of the administration that became durable in a window.
    pub fn administered_within(&self, window: Window) -> usize {
        let entries = self.ledger.administration.entries.iter();
        entries.filter(|at| **at >= window.began && **at <= window.ended).count()
    }
}
