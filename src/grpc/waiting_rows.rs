//! The rows of reports that wait for their callers: an answer that is derived from a whole store may be long, and its rows are
//! in memory until the last of them is taken.

use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::CallError;

/// Rows are counted in units of so many.
const UNIT: usize = 1_000;

/// The rows that may wait, of all answers together.
pub(super) struct WaitingRows {
    units: Arc<Semaphore>,
    limit: usize,
}

/// The rows of one answer.
pub(super) struct HeldRows(OwnedSemaphorePermit);

impl WaitingRows {
    /// Up to so many rows.
    pub(super) fn new(limit: usize) -> WaitingRows {
        let limit = limit.div_ceil(UNIT);
        WaitingRows { units: Arc::new(Semaphore::new(limit)), limit }
    }

    /// Counts the rows of an answer; one with more than may wait takes all the room.
    ///
    /// # Errors
    /// [`CallError::Overloaded`] if the callers of earlier answers have not taken theirs.
    pub(super) fn hold(&self, rows: usize) -> Result<HeldRows, CallError> {
        let units = u32::try_from(rows.div_ceil(UNIT).min(self.limit)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.units).try_acquire_many_owned(units);
        held.map(HeldRows).map_err(|_full| CallError::Overloaded)
    }
}

impl HeldRows {
    /// The parts of the answer, which hold the rows until all are taken or the caller is gone.
    pub(super) fn until_taken<T: Send + 'static>(self, parts: BoxStream<'static, T>) -> BoxStream<'static, T> {
        parts
            .map(move |part| {
                let _held = &self.0;
                part
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_are_held_until_the_parts_of_their_answer_are_taken() {
        let rows = WaitingRows::new(10_000);
        let held = rows.hold(9_001).expect("room");
        assert!(matches!(rows.hold(1), Err(CallError::Overloaded)), "9,001 rows take ten units");
        let mut parts = held.until_taken(futures_util::stream::iter([1, 2]).boxed());
        assert_eq!((parts.next().await, parts.next().await), (Some(1), Some(2)));
        assert!(rows.hold(1).is_err(), "the transport may not have sent the last one");
        drop(parts);
        let all = rows.hold(1_000_000).expect("an answer alone");
        assert!(rows.hold(1).is_err());
        assert!(rows.hold(0).is_ok(), "an answer without rows waits for nothing");
        drop(all);
        assert!(rows.hold(10_000).is_ok());
    }
}
