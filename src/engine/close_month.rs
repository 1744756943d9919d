//! Closing of a month (月结): from then on, reversals and revisions of its settlements are booked in the month in which they are
//! committed, so that what a ledger said of it stays.
//!
//! Months are closed in order: the first closing may be of any month that is over, and closes every month before it; then each
//! month follows the one before. A month that is closed stays closed.

use crate::domain::fault::{FaultReason, FieldFault};
use crate::domain::journal::{AdministrationAct, AdministrationEntry, Instant, MonthClosing};
use crate::domain::month::{ClosedMonths, Month};
use crate::store::administration::AdministrationState;
use crate::store::{Store, StoreError};

use super::administration::{Recorded, StampSource};
use super::{Engine, EngineError};

/// A month that is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedMonth {
    /// It was closed with this entry.
    Now(Box<AdministrationEntry>),
    /// It was closed before; all these months are.
    Before(ClosedMonths),
}

impl<S: Store> Engine<S> {
    /// Closes a month; what is closed already is answered, and no entry is written.
    ///
    /// # Errors
    /// [`EngineError::MonthNotClosable`] if the month is not over in China Standard Time, or an earlier one is open; if the store cannot
    /// be read or written.
    pub async fn close_month(
        &self,
        month: Month,
        closed_by: &str,
        stamps: StampSource<'_>,
    ) -> Result<ClosedMonth, EngineError> {
        let act = |state: &AdministrationState, now: Instant| {
            if state.closed_months.contain(month) {
                return Ok(None);
            }
            check_may_close(month, state.closed_months, now)?;
            Ok(Some(AdministrationAct::MonthClosing(MonthClosing { closed_by: closed_by.to_owned(), month })))
        };
        Ok(match self.record(act, stamps).await? {
            Recorded::Entry(entry) => ClosedMonth::Now(Box::new(entry)),
            Recorded::Already(state) => ClosedMonth::Before(self.restore_closed_months(state).await?),
        })
    }

    /// Closes the months again that the chain has as closed, wherever the store lost that; if an entry was appended to the chain
    /// meanwhile, again. Returns the months.
    ///
    /// # Errors
    /// If the store cannot be read or written; [`EngineError::Conflict`] if others came first at every attempt.
    async fn restore_closed_months(&self, mut state: AdministrationState) -> Result<ClosedMonths, EngineError> {
        for _ in 0..=self.settings.conflict_retries {
            match self.store.restore_closed_months(&state).await {
                Ok(()) => return Ok(state.closed_months),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(EngineError::from_write_error(error)),
            }
            state = self.store.administration().await.map_err(EngineError::from_read_error)?;
        }
        Err(EngineError::Conflict)
    }
}

fn check_may_close(month: Month, closed: ClosedMonths, now: Instant) -> Result<(), EngineError> {
    if month >= now.china_month() {
        let message = format!("is not over: in China Standard Time it is {}", now.china_day());
        return Err(not_closable(FaultReason::MonthNotOver, message));
    }
    match closed.first_open() {
        Some(open) if month != open => {
            let message = format!("is not the next month to close: that is {open}");
            Err(not_closable(FaultReason::MonthOutOfOrder, message))
        }
        _ => Ok(()),
    }
}

fn not_closable(reason: FaultReason, message: String) -> EngineError {
    EngineError::MonthNotClosable(FieldFault::new("month", reason, message).into())
}
