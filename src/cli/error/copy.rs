//! Why a store was not copied.

use crate::engine::copy::CopyError;
use crate::store::StoreError;

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyCommandError {
    /// Both locations are the same store.
    #[error("--from and --to name the same store")]
    SameStore,
    /// Years move only from a Redis to a directory.
    #[error("--move-years-before requires --from a Redis and --to a directory")]
    NotRedisToDirectory,
    /// Only closed years move.
    #[error("the benefit year {0} is not over")]
    YearNotOver(i32),
    /// A store is damaged, or the target holds something else.
    #[error(transparent)]
    Refused(CopyError),
    /// Another copy or an import writes to the target.
    #[error(transparent)]
    InUse(CopyError),
    /// A store cannot be read or written.
    #[error("{0}; run the same command again to continue")]
    Interrupted(CopyError),
}

impl From<CopyError> for CopyCommandError {
    fn from(error: CopyError) -> CopyCommandError {
        match error {
            CopyError::Store(_, StoreError::Unavailable(_) | StoreError::Unknown(_) | StoreError::ImportLeaseLost) => {
                CopyCommandError::Interrupted(error)
            }
            CopyError::TargetInUse => CopyCommandError::InUse(error),
            error => CopyCommandError::Refused(error),
        }
    }
}
