//! What the service needs for a backup of a store that has a log, whatever keeps it.

pub use super::embedded::backup::{BackupCursor, BackupPart, BackupPosition, BackupReader, BackupRefusal};
pub use super::embedded::index::LogEnd;
