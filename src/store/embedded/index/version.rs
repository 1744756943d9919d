//! A version of the index on disk: runs that never change, and up to where they cover the log.

use std::sync::Arc;

use super::error::IndexError;
use super::filter::KeyHash;
use super::key::{Key, KeyRange, LogEnd, LogPosition, Row};
use super::manifest::{MANIFEST, Manifest};
use super::merged::Source;
use super::run::{Run, RunCursor};

/// How many runs of a level are merged into one of the next.
pub(super) const FAN_IN: usize = 8;

/// The number of runs of level 0 from which on generations wait for merges, and so commits do.
const STALLED: usize = 4 * FAN_IN;

/// The runs of the index at one moment. Their files are not removed while the version is held.
pub struct Version {
    pub(super) identity: [u8; 16],
    pub(super) covered: LogEnd,
    pub(super) next_run: u64,
    /// The runs, newest first.
    pub(super) runs: Vec<Arc<Run>>,
}

impl Version {
    /// The end of the log that the runs are of.
    pub fn covered(&self) -> LogEnd {
        self.covered
    }

    /// The names of the files of the runs. Together with [`Version::manifest`] under the name `manifest` they are a
    /// complete index.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|run| run.name())
    }

    /// The name of the file for [`Version::manifest`].
    pub const MANIFEST: &'static str = MANIFEST;

    /// The content of the manifest of this version.
    pub fn manifest(&self) -> Vec<u8> {
        let runs = self.runs.iter().map(|run| (run.head().id, run.checksum())).collect();
        Manifest { covered: self.covered, next_run: self.next_run, runs }.encode(&self.identity)
    }

    /// The bytes of memory that fences and filters take.
    pub fn memory(&self) -> usize {
        self.runs.iter().map(|run| run.memory()).sum()
    }

    /// The number of runs at a level.
    pub(super) fn runs_at(&self, level: u64) -> usize {
        self.runs.iter().filter(|run| run.head().id.level == level).count()
    }

    /// Whether there are so many new runs that no generation is written before some are merged.
    pub(super) fn waits_for_merges(&self) -> bool {
        self.runs_at(0) >= STALLED
    }

    /// The position under a key.
    pub(super) fn get(&self, key: &Key) -> Result<Option<LogPosition>, IndexError> {
        let hash = KeyHash::new(key);
        for run in &self.runs {
            if let Some(position) = run.get(key, hash)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// The rows of each run in a range or after it, newest run first; `limit` is how many will be read.
    pub(super) fn sources(&self, range: &KeyRange, limit: usize) -> impl Iterator<Item = Source> {
        let from = range.from().into_iter();
        let pages = (limit / 100 + 1).min(16) as u64;
        from.flat_map(move |from| {
            self.runs.iter().map(move |run| Source::Run(RunCursor::new(Arc::clone(run), from, pages)))
        })
    }

    /// The last row in a range.
    pub(super) fn last(&self, range: &KeyRange) -> Result<Option<Row>, IndexError> {
        let mut last = None;
        for run in &self.runs {
            last = later(last, run.last(range)?);
        }
        Ok(last)
    }
}

/// The row with the greater key; of the same key, the newer row.
pub(super) fn later(newer: Option<Row>, older: Option<Row>) -> Option<Row> {
    match (newer, older) {
        (Some(newer), Some(older)) if older.key > newer.key => Some(older),
        (None, older) => older,
        (newer, _) => newer,
    }
}
