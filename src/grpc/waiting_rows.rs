//! The rows of reports that wait for their callers: an answer that is derived from a whole store may be long, and its rows are
//! in memory until the last of them is taken.
//!
//! Room is reserved before an answer is made, so that nothing is made that is then refused. How long it becomes is not known
//! then, so what counts is what waits: a caller of whose rows none waits may have a further answer while there is room at all, and
//! one that has not taken its rows only while they are few, and not in the last part of the room. One answer is made at a time:
//! so the rows of one caller never leave no room for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};

use crate::access::AccessError;

use super::error::CallError;

/// The part of the room, one of so many, that one caller may fill and have a further answer; and the part that is left to
/// callers of whose rows none waits.
const PARTS: usize = 4;

/// How long a caller that has not taken its rows is asked to wait.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// The rows that wait, of all answers together.
pub(super) struct WaitingRows {
    limit: usize,
    of_callers: Mutex<HashMap<Arc<str>, usize>>,
}

/// The room for an answer that is being made.
pub(super) struct ReservedRows {
    rows: Arc<WaitingRows>,
    caller: Arc<str>,
}

/// The rows of one answer.
pub(super) struct HeldRows {
    rows: Arc<WaitingRows>,
    caller: Arc<str>,
    count: usize,
}

impl WaitingRows {
    /// Room for so many rows.
    pub(super) fn new(limit: usize) -> Arc<WaitingRows> {
        Arc::new(WaitingRows { limit, of_callers: Mutex::default() })
    }

    /// Reserves room for a further answer of this caller, whatever its length.
    ///
    /// # Errors
    /// [`AccessError::LimitExceeded`] if the caller has not taken its earlier answers; [`CallError::Overloaded`] if too many
    /// rows of all callers wait.
    pub(super) fn reserve(self: &Arc<Self>, caller: &Arc<str>) -> Result<ReservedRows, CallError> {
        let of_callers = self.lock();
        let (own, all) = (of_callers.get(caller).copied(), of_callers.values().sum::<usize>());
        if own.is_some_and(|own| own >= self.limit / PARTS) {
            return Err(AccessError::LimitExceeded { retry_after: RETRY_DELAY }.into());
        }
        let left_to_others = if own.is_some() { self.limit / PARTS } else { 0 };
        if all >= self.limit - left_to_others {
            return Err(CallError::Overloaded);
        }
        Ok(ReservedRows { rows: Arc::clone(self), caller: Arc::clone(caller) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.of_callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReservedRows {
    /// Counts the rows of the answer that was made.
    pub(super) fn hold(self, count: usize) -> HeldRows {
        let ReservedRows { rows, caller } = self;
        if count > 0 {
            *rows.lock().entry(Arc::clone(&caller)).or_default() += count;
        }
        HeldRows { rows, caller, count }
    }
}

impl HeldRows {
    /// The parts of the answer, which hold the rows until all are taken or the caller is gone.
    pub(super) fn until_taken<T: Send + 'static>(self, parts: BoxStream<'static, T>) -> BoxStream<'static, T> {
        parts
            .map(move |part| {
                let _held = &self;
                part
            })
            .boxed()
    }
}

impl Drop for HeldRows {
    fn drop(&mut self) {
        let mut of_callers = self.rows.lock();
        match of_callers.get_mut(&self.caller) {
            Some(waiting) if *waiting > self.count => *waiting -= self.count,
            _ if self.count > 0 => drop(of_callers.remove(&self.caller)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[tokio::test]
    async fn rows_are_held_until_the_parts_of_their_answer_are_taken() {
        let rows = WaitingRows::new(100);
        let a = caller("a");
        let held = rows.reserve(&a).expect("room").hold(25);
        assert!(matches!(rows.reserve(&a), Err(CallError::Access(AccessError::LimitExceeded { .. }))));
        let mut parts = held.until_taken(futures_util::stream::iter([1, 2]).boxed());
        assert_eq!((parts.next().await, parts.next().await), (Some(1), Some(2)));
        assert!(rows.reserve(&a).is_err(), "the transport may not have sent the last one");
        drop(parts);
        assert!(rows.reserve(&a).is_ok());
        assert!(rows.lock().is_empty());
    }

    #[test]
    fn one_caller_leaves_room_for_another_and_the_last_part_of_it_to_those_of_whose_rows_none_waits() {
        let rows = WaitingRows::new(100);
        let [a, b, c] = ["a", "b", "c"].map(caller);
        let hold = |caller: &Arc<str>, count| rows.reserve(caller).map(|reserved| reserved.hold(count));
        let long = hold(&a, 74).expect("an answer is as long as it comes");
        assert!(matches!(hold(&a, 1), Err(CallError::Access(AccessError::LimitExceeded { .. }))));
        let first = hold(&b, 1).expect("room");
        assert!(matches!(hold(&b, 1), Err(CallError::Overloaded)), "75 wait, the last part is left to others");
        let of_other = hold(&c, 25).expect("room");
        assert!(matches!(hold(&caller("d"), 1), Err(CallError::Overloaded)), "100 wait");
        drop(long);
        let second = hold(&b, 1).expect("26 wait");
        drop((first, of_other));
        assert_eq!(rows.lock().get(&b), Some(&1));
        drop(second);
        assert!(rows.lock().is_empty());
    }

    #[test]
    fn an_answer_without_rows_holds_none() {
        let rows = WaitingRows::new(100);
        let a = caller("a");
        let held = rows.reserve(&a).expect("room").hold(10);
        drop(rows.reserve(&a).expect("room").hold(0));
        assert_eq!(rows.lock().get(&a), Some(&10));
        drop(held);
        assert!(rows.lock().is_empty());
    }
}
