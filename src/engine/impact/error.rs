//! Why an impact cannot be found.

use crate::store::StoreError;
use crate::store::derived_files::DerivedFileError;

/// Why the impact of a book cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum ImpactError {
    /// The store cannot be read, or an entry is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the columns cannot be read or written.
    #[error(transparent)]
    File(#[from] DerivedFileError),
}
