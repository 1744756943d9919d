//! The index of the log: from a key to the position of a record. It is derived and disposable: whatever happens to it,
//! the log rebuilds it.
//!
//! # What it is made of
//!
//! Rows of the newest part of the log are in memory: the active generation, which grows, and a frozen one, which is being
//! written. Older rows are in runs: files of sorted rows that never change, newest first. Eight runs of a level are
//! merged into one of the next; the newest row of a key wins, and no key is removed. A manifest lists the
//! runs, and says up to where they cover the log. The upkeep of generations and runs has threads of its own.
//!
//! A generation is written and published under one lock, so that readers see each group of commits whole or not at all:
//! in the active generation, in the frozen one, or in a run.
//!
//! What is in a file is checked when it is read: the manifest, heads, fences and filters at the opening, pages with rows
//! each time. A missing, emptied, foreign or damaged file is named, and the index is discarded: at once if the opening
//! finds it; at the next opening if a read does, which leaves the file `damaged` as a report. A discarded index is
//! rebuilt by replaying the whole log, generation by generation, as it was built the first time.
//!
//! # Bounds
//!
//! - What an opening replays: two generations and one group at most. A generation ends at 163,840 rows (32,768 settles) or
//!   256 MiB of log, whichever comes first. [`Index::wait_for_room`] waits while the frozen one is not written and the active
//!   one is full; it fails if a file cannot be written, which is tried again.
//! - Memory of the generations: 70 bytes a row at most, so 23 MB for two full ones, also while the index is rebuilt.
//! - Memory of the runs: 1 MB for a million rows (5 MB for a million settles): filters of 10.1 bits a key for four of the
//!   six tables, one fence for about 146 rows. Runs beyond about 18 million rows keep their filters on disk: all filters
//!   take 90 MB at most, and then a million rows add 0.2 MB.
//! - Processor time, measured with `benches/stores index`: 1.8 µs a settle for all upkeep; a look-up in two million
//!   settles takes 1.0 to 1.9 µs for a key that is found and 0.9 µs for one that is not.
//! - Room on the disk: a merge needs as much as its runs take until they are removed, and begins only if so much is free beside
//!   the reserve. While merges wait for room, commits are taken until 32 new runs wait for them.
//! - Memory of a merge: 0.8 MB for each level that is being merged, whatever the size of the runs.
//! - Bytes written: about 200 for a settle and each level, so 600 for two million settles.
//!
//! # How the log uses it
//!
//! ```text
//! let Opened { index, discarded } = Index::open(disk, identity, IndexOptions::default())?;
//! // `discarded` says which file was missing, foreign or damaged: then everything is replayed.
//! let mut from = index.covered();                     // LogEnd { lsn, chain, sequence }
//! for frame in log.replay(from) { index.insert(&rows, frame.end)?; }
//!
//! // The committing thread, before a group is appended to the log; and after its sync, before the answers:
//! index.wait_for_room()?;                             // an error refuses the group: nothing of it is in the log
//! index.insert(&rows, end)?;                          // one group becomes visible at once
//!
//! // Readers. Every key of one call is read at one moment, between two groups.
//! let [state, request] = index.look_up([Key::person(p), Key::request(r)])?;   // [Option<LogPosition>; 2]
//! let ([state], moment) = index.look_up_at([Key::person(p)])?;
//! index.has_changed_since(&Key::person(p), moment);   // Some(false) where the generations in memory tell
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
mod fences;
mod filter;
mod generation;
mod key;
mod manifest;
mod merged;
mod open;
mod options;
mod page;
mod run;
mod run_head;
mod run_writer;
mod shared;
mod upkeep;
mod version;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::disk::{self, Disk};
pub use error::{Damage, IndexError};
pub use key::{ADMINISTRATION_KEY, Key, KeyRange, LogEnd, LogPosition, Row, Table};
use merged::{Merged, Source};
pub use options::{IndexOptions, Upkeep};
use shared::Shared;
pub use version::Version;
use version::later;

/// The index of a log.
pub struct Index {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// A moment between two groups that were inserted: the end of the log then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(u64);

#[cfg(test)]
impl Moment {
    /// The moment at which the log ended here.
    pub(crate) fn at(end: u64) -> Moment {
        Moment(end)
    }
}

/// An index that was opened.
pub struct Opened {
    /// The index.
    pub index: Index,
    /// Why it was discarded and is empty, if it was: no manifest, or the first damage that was found.
    pub discarded: Option<IndexError>,
}

impl Index {
    /// Opens the index of a store in this directory. Leftovers of a crash are removed; an index with a missing, foreign
    /// or damaged file is discarded.
    ///
    /// # Errors
    /// If a file cannot be read, written or removed.
    pub fn open(disk: Arc<dyn Disk>, identity: [u8; 16], options: IndexOptions) -> Result<Opened, IndexError> {
        let (version, discarded) = open::open(&*disk, identity)?;
        let shared = Arc::new(Shared::new(disk, options, version));
        let mut index = Index { shared, threads: Vec::new() };
        if options.upkeep == Upkeep::Threads {
            index.spawn("index checkpoint", upkeep::checkpoint_thread)?;
            index.spawn("index merge", upkeep::merge_thread)?;
        }
        Ok(Opened { index, discarded })
    }

    fn spawn(&mut self, name: &'static str, run: fn(&Shared)) -> Result<(), IndexError> {
        let shared = Arc::clone(&self.shared);
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared));
        self.threads.push(spawned.map_err(|error| IndexError::file("start a thread for", name, &error))?);
        Ok(())
    }

    /// The end of the log that the runs on disk are of: replay from here.
    pub fn covered(&self) -> LogEnd {
        self.shared.read().version.covered()
    }

    /// Waits while two generations are full. Afterwards the thread that inserts rows has room for one group.
    ///
    /// # Errors
    /// If there is no room and upkeep fails; it is tried again. If upkeep failed for good, see [`Index::failure`].
    pub fn wait_for_room(&self) -> Result<(), IndexError> {
        let shared = &self.shared;
        shared.wait_for_upkeep(|memory| memory.frozen.is_none() || !shared.is_full(&memory.active))
    }

    /// Inserts the rows of the log up to its new end, which must be durable. Readers see all of them or none. Waits for room.
    ///
    /// # Errors
    /// As [`Index::wait_for_room`].
    pub fn insert(&self, rows: &[Row], end: LogEnd) -> Result<(), IndexError> {
        self.wait_for_room()?;
        let shared = &self.shared;
        let mut memory = shared.write();
        memory.active.insert(rows, end);
        let is_full = shared.is_full(&memory.active);
        if is_full {
            memory.freeze();
        }
        drop(memory);
        if is_full { self.keep_up() } else { Ok(()) }
    }

    /// Starts the upkeep of a frozen generation.
    fn keep_up(&self) -> Result<(), IndexError> {
        match self.shared.options.upkeep {
            Upkeep::Threads => self.shared.notify(),
            Upkeep::Inline => {
                upkeep::inline(&self.shared).inspect_err(|error| self.shared.stop_accepting_rows(error.clone()))?
            }
        }
        Ok(())
    }

    /// The position under a key.
    ///
    /// # Errors
    /// If a run cannot be read or is damaged.
    pub fn get(&self, key: Key) -> Result<Option<LogPosition>, IndexError> {
        self.look_up([key]).map(|[found]| found)
    }

    /// The positions under these keys, all at one moment.
    ///
    /// # Errors
    /// If a run cannot be read or is damaged.
    pub fn look_up<const N: usize>(&self, keys: [Key; N]) -> Result<[Option<LogPosition>; N], IndexError> {
        self.look_up_at(keys).map(|(found, _)| found)
    }

    /// The same, with the moment.
    ///
    /// # Errors
    /// As [`Index::look_up`].
    pub fn look_up_at<const N: usize>(&self, keys: [Key; N]) -> Result<([Option<LogPosition>; N], Moment), IndexError> {
        let memory = self.shared.read();
        let moment = Moment(memory.active.end().lsn);
        let mut found = keys.map(|key| memory.get(&key));
        let version = Arc::clone(&memory.version);
        drop(memory);
        for (at, key) in keys.iter().enumerate() {
            if found[at].is_none() {
                // A key that is asked for twice is read once.
                let before = keys[..at].iter().position(|known| known == key);
                found[at] = match before {
                    Some(before) => found[before],
                    None => self.shared.reported(version.get(key))?,
                };
            }
        }
        Ok((found, moment))
    }

    /// Whether a row of this key was inserted since a moment; `None` if rows of that time are in runs already.
    pub fn has_changed_since(&self, key: &Key, Moment(end): Moment) -> Option<bool> {
        let memory = self.shared.read();
        let is_in_memory = memory.version.covered().lsn <= end;
        is_in_memory.then(|| memory.get(key).is_some_and(|position| position.lsn >= end))
    }

    /// Up to `limit` rows of a range, in the order of keys, all at one moment.
    ///
    /// # Errors
    /// If a run cannot be read or is damaged.
    pub fn range(&self, range: KeyRange, limit: usize) -> Result<Vec<Row>, IndexError> {
        let memory = self.shared.read();
        let active: Vec<_> = memory.active.range(&range).take(limit).collect();
        let (frozen, version) = (memory.frozen.clone(), Arc::clone(&memory.version));
        drop(memory);
        let frozen: Vec<_> = frozen.iter().flat_map(|frozen| frozen.range(&range).take(limit)).collect();
        let memory = [active, frozen].map(|rows| Source::Memory(rows.into_iter()));
        let mut rows = Vec::new();
        let read = || {
            let mut merged = Merged::new(memory.into_iter().chain(version.sources(&range, limit)))?;
            while rows.len() < limit
                && let Some(row) = merged.next()?.filter(|row| range.reaches(&row.key))
            {
                rows.push(row);
            }
            Ok(())
        };
        self.shared.reported(read())?;
        Ok(rows)
    }

    /// The last row of a range.
    ///
    /// # Errors
    /// If a run cannot be read or is damaged.
    pub fn last(&self, range: KeyRange) -> Result<Option<Row>, IndexError> {
        let memory = self.shared.read();
        let active = memory.active.range(&range).next_back();
        let frozen = memory.frozen.as_ref().and_then(|frozen| frozen.range(&range).next_back());
        let version = Arc::clone(&memory.version);
        drop(memory);
        let in_runs = self.shared.reported(version.last(&range))?;
        Ok(later(later(active, frozen), in_runs))
    }

    /// The runs on disk at this moment. Their files are not removed while the version is held.
    pub fn version(&self) -> Arc<Version> {
        self.shared.version()
    }

    /// Writes everything that was inserted before to runs, and waits until they are durable.
    ///
    /// # Errors
    /// If upkeep fails.
    pub fn checkpoint(&self) -> Result<(), IndexError> {
        let end = self.shared.read().active.end();
        while self.covered().lsn < end.lsn {
            self.shared.wait_for_upkeep(|memory| memory.frozen.is_none() || memory.version.covered().lsn >= end.lsn)?;
            if self.covered().lsn < end.lsn {
                self.shared.write().freeze();
                self.keep_up()?;
            }
        }
        Ok(())
    }

    /// The bytes of the log that an opening would replay, and how long a complete generation has waited to be written.
    pub fn checkpoint_lag(&self) -> (u64, Duration) {
        let memory = self.shared.read();
        (memory.uncovered_bytes(), memory.frozen_for())
    }

    /// Whether upkeep is tried again, since a file cannot be read or written or since files are not merged for want of room, or
    /// the index accepts no more rows.
    pub fn is_failing(&self) -> bool {
        self.shared.is_failing()
    }

    /// Has merges leave so many bytes of the disk free.
    pub fn set_disk_reserve(&self, bytes: u64) {
        self.shared.reserve.store(bytes, Ordering::Relaxed);
    }

    /// Why the index accepts no more rows, if it does not.
    pub fn failure(&self) -> Option<IndexError> {
        self.shared.failure()
    }
}

impl Drop for Index {
    /// Stops the threads; what is not in runs is replayed from the log.
    fn drop(&mut self) {
        self.shared.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the index panicked");
            }
        }
    }
}
