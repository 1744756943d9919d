//! The index of the log: from a key to the position of a record. It is derived and disposable: whatever happens to it,
//! the log rebuilds it.
//!
//! # How the log uses it
//!
//! ```text
//! let Opened { index, discarded } = Index::open(disk, identity, IndexOptions::default())?;
//! // `discarded` says which file was missing, foreign or damaged: then everything is replayed.
//! let mut from = index.covered();                     // LogEnd { lsn, chain, sequence }
//! for frame in log.replay(from) { index.insert(&rows, frame.end)?; }
//!
//! // The committing thread, after the sync of a group and before the answers:
//! index.insert(&rows, end)?;                          // one group becomes visible at once
//!
//! // Readers. Every key of one call is read at one moment, between two groups.
//! let [state, request] = index.look_up([Key::person(p), Key::request(r)])?;   // [Option<LogPosition>; 2]
//! let rows = index.range(from_key, end_key, limit)?;  // Vec<Row> of one table, from <= key < end, in order
//! let last = index.last(from_key, end_key)?;          // Option<Row>: the last one of the same range
//!
//! // Backup: the files of a held version are not removed.
//! let version = index.version();                      // Arc<Version>
//! version.covered(); version.files(); version.manifest();
//!
//! index.checkpoint()?;                                // everything inserted is in runs: before closing, in tests
//! ```

mod error;
mod key;

pub use super::disk::{Directory, Disk, DiskFile};
pub use error::{Damage, IndexError};
pub use key::{Key, LogEnd, LogPosition, Row, Table};
