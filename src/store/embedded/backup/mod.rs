//! Backups of a store in a directory, and restoring them.
//!
//! A backup is the log and the secret: the log holds every settlement and every row of the reference tables, and what is
//! derived from it is made again when the backup is restored. A log only grows, so a backup is continued with what was
//! appended since, and a restore to a moment is the log up to it.
//!
//! # The directory of a backup
//!
//! | file | content |
//! | --- | --- |
//! | `BACKUP` | the manifest: which part of the log the backup holds, and a digest of each segment |
//! | `secret` | the secret of the store; without it nothing in the backup is found by a person's id |
//! | `log/` | the segments, with the names, lengths and bytes that they have in the store |
//!
//! All files are readable by their owner only. The manifest is text: a line `onestop-backup 1 IDENTITY`; for each segment
//! a line `segment NAME BYTES DIGEST` with the number of bytes that are used and their BLAKE3 digest; a line `end LSN CHAIN
//! ENTRIES TIME`, where the log ends, with the time of the newest commit in microseconds since 1970; and a line `digest
//! DIGEST` over all lines before. It is replaced by a rename after everything that it names is durable and was read back
//! and checked. What the log holds beyond the manifest is the rest of a call that was interrupted: it is ignored, and
//! written again by the next call.

mod directory;
mod error;
mod manifest;
mod reader;
mod restore;
mod verify;

pub use directory::BackupDirectory;
pub use error::{BackupError, BackupRefusal};
pub use manifest::Manifest;
pub use reader::{BackupCursor, BackupPart, BackupPosition, BackupReader};
pub use restore::{RestoreUntil, Restored, restore};
pub use verify::{Verified, verify};
