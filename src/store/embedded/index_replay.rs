//! Replays the log to its index when a store is opened.

use std::time::Duration;

use super::commit_record::add_index_rows;
use super::index::{Index, IndexError, LogEnd};
use super::log::{Frame, LogError};
use crate::store::StoreError;

/// The pauses of an opening before a frame is tried again that finds no room in the index because a file cannot be written: 12.7
/// seconds together, for all frames, so that a store whose index stays so, or becomes so again and again, is refused, by the name
/// of the file, while whoever starts it looks on.
pub const PAUSES: [Duration; 7] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
    Duration::from_millis(3_200),
    Duration::from_millis(6_400),
];

/// Why the log and its index cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index cannot be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A record does not have the form of a commit.
    #[error(transparent)]
    Record(#[from] StoreError),
}

/// Inserts the rows of a frame that is replayed. If a file of the index cannot be written, it is tried again after each of the
/// pauses that are left.
///
/// # Errors
/// If a record does not have the form of a commit, or the index has no room after the last pause, or accepts no more rows.
pub fn replay(
    index: &Index,
    frame: &Frame,
    end: LogEnd,
    pauses: &mut impl Iterator<Item = Duration>,
) -> Result<(), ReplayError> {
    let mut rows = Vec::new();
    for (position, record) in frame.records() {
        add_index_rows(&mut rows, record, position)?;
    }
    while let Err(error) = index.insert(&rows, end) {
        // Nothing was inserted, unless the index accepts no more rows.
        let pause = if index.failure().is_none() { pauses.next() } else { None };
        let Some(pause) = pause else { return Err(error.into()) };
        tracing::warn!(%error, ?pause, "the index takes no rows, which is tried again after a pause");
        std::thread::sleep(pause);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::store::embedded::commit_record::RecordBuilder;
    use crate::store::embedded::disk::Directory;
    use crate::store::embedded::index::{IndexOptions, Key, KeyRange, Table};
    use crate::store::embedded::log::{Group, Log, LogOptions, LogSizes, OpenedLog, SegmentMaker, Syncing};

    const STORE: [u8; 16] = [7; 16];

    const SIZES: LogSizes = LogSizes { segment: 1 << 20, frame: 64 << 10 };

    const OPTIONS: LogOptions = LogOptions { sizes: SIZES, maker: SegmentMaker::Caller, syncing: Syncing::Synced };

    /// An index with generations of four rows.
    fn open_index(path: &Path) -> Index {
        let options = IndexOptions { generation_rows: 4, ..IndexOptions::default() };
        Index::open(Arc::new(Directory::new(path.to_owned())), STORE, options).expect("an index").index
    }

    /// Opens the log, and replays all of it with at most so many short pauses; those that it does not use are left.
    fn replay_log(log: &Path, index: &Index, pauses: &mut usize) -> Result<Log, ReplayError> {
        let disk = Arc::new(Directory::new(log.to_owned()));
        let mut next = std::iter::from_fn(|| {
            *pauses = pauses.checked_sub(1)?;
            Some(Duration::from_millis(10))
        });
        let opened = Log::open(disk, STORE, OPTIONS, LogEnd::default(), |frame| {
            replay(index, frame, frame.end(SIZES), &mut next)
        });
        opened.map(|OpenedLog { log, .. }| log)
    }

    /// Makes a log with a row of each of so many persons, in a frame of its own.
    fn make_log(path: &Path, index: &Index, persons: u8) {
        Log::create(Arc::new(Directory::new(path.to_owned())), STORE, SIZES).expect("a log");
        let mut log = replay_log(path, index, &mut 0).expect("the log");
        for person in 0..persons {
            let (mut record, mut group) = (RecordBuilder::default(), Group::new(SIZES));
            record.keyed(Table::Person, &[person; 16], |rows| rows.push(person));
            group.push(&record.finish(&[]).expect("a record")).expect("room");
            log.append(&mut group).expect("an append");
        }
    }

    #[test]
    fn an_index_that_cannot_be_written_for_a_while_is_completed_and_one_that_stays_so_is_named() {
        let place = tempfile::tempdir().expect("a directory");
        let [log, path, away] = ["log", "index", "away"].map(|name| place.path().join(name));
        [&log, &path].iter().for_each(|path| std::fs::create_dir(path).expect("a directory"));
        let index = open_index(&path);
        make_log(&log, &index, 12);
        std::fs::rename(&path, &away).expect("renamed");
        let mut pauses = 3;
        let refused = replay_log(&log, &index, &mut pauses).err().expect("a refusal").to_string();
        assert!(refused.starts_with("cannot create the index file run-"), "{refused}");
        assert_eq!(pauses, 0, "all of them are used");
        drop(index);
        std::fs::rename(&away, &path).expect("renamed");
        let index = open_index(&path);
        std::fs::rename(&path, &away).expect("renamed");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !index.is_failing() {
                    std::thread::yield_now();
                }
                std::fs::rename(&away, &path).expect("renamed");
            });
            replay_log(&log, &index, &mut 2_000).expect("the log");
        });
        index.checkpoint().expect("a checkpoint");
        let persons = index.range(KeyRange::all(Table::Person), 100).expect("rows");
        assert!(persons.iter().map(|row| row.key).eq((0..12).map(|person| Key::person([person; 16]))));
    }
}
