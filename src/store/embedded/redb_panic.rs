//! redb stops a thread by a panic where a page is damaged; here that is an error.

use crate::store::StoreError;

/// redb panicked.
pub(super) struct Panicked;

/// Runs a read of the database; a panic of redb is an error.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(|_| Panicked)
}

/// Runs a read of rows; a panic of redb is damage.
pub(super) fn guarded_read<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let damaged = |Panicked| StoreError::Damaged("a page of the database of reference tables".to_owned());
    guarded(read).map_err(damaged)?
}
