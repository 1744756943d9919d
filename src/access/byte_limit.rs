//! A limit on bytes that calls hold in memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which bytes are counted.
pub(crate) const UNIT: usize = 1 << 10;

/// A number of bytes that may be held at once.
pub struct ByteLimit {
    free: Arc<Semaphore>,
    units: u32,
}

impl ByteLimit {
    /// A limit of this many bytes.
    pub fn new(bytes: usize) -> ByteLimit {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        ByteLimit { free: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// No limit.
    pub(crate) fn unlimited() -> ByteLimit {
        ByteLimit { free: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)), units: u32::MAX }
    }

    /// The number of bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.units as usize * UNIT
    }

    /// Holds so many bytes until the permit is dropped; `None` if they are not free. Whoever needs more than the limit
    /// needs all of it.
    pub(crate) fn try_acquire(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).try_acquire_many_owned(self.units(bytes)).ok()
    }

    /// The same as soon as they are free. `None` never occurs, because the semaphore is never closed.
    pub(crate) async fn acquire(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_many_owned(self.units(bytes)).await.ok()
    }

    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_up_to_the_limit_and_a_larger_need_takes_all_of_it() {
        let limit = ByteLimit::new(10 << 10);
        let held = limit.try_acquire(9 << 10).expect("room");
        assert!(limit.try_acquire(1025).is_none() && limit.try_acquire(1024).is_some());
        drop(held);
        let all = limit.try_acquire(1 << 30).expect("all of it");
        assert!(limit.try_acquire(1).is_none());
        drop(all);
        assert!(limit.try_acquire(1).is_some());
    }
}
