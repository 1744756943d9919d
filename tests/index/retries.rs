//! A file of the index that cannot be written is tried again by the threads: rows are taken while there is memory for them, and
//! again once the file can be written.

use super::support::{Frames, assert_equal, inline, open};
use crate::log::disk::{Crash, SimulatedDisk};
use crate::support::random::Random;
use onestop::store::embedded::index::{Index, IndexError, IndexOptions, LogEnd};

/// The rows of a generation, and the commits of five frames, which fill it.
const GENERATION: usize = 60;
const COMMITS: usize = 2;

fn start(disk: &SimulatedDisk) -> Index {
    let options = IndexOptions { generation_rows: GENERATION, ..IndexOptions::default() };
    open(disk, options).expect("an index").index
}

#[test]
fn on_a_full_disk_two_generations_are_taken_and_more_once_there_is_room() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(3));
    let index = start(&disk);
    disk.set_full(true);
    let refused = loop {
        if let Err(refused) = index.wait_for_room() {
            break refused;
        }
        let (rows, end) = frames.append(COMMITS, 20, &mut random);
        index.insert(&rows, end).expect("room");
    };
    assert!(matches!(&refused, IndexError::File { operation: "create", .. }), "{refused}");
    assert_eq!(frames.frames.len(), 10, "two generations");
    assert_eq!((index.failure(), index.is_failing(), index.covered()), (None, true, LogEnd::default()));
    assert!(index.checkpoint().is_err(), "it does not wait for a disk that is full");
    assert_equal(&index, &frames.rows(), &mut random);
    disk.set_full(false);
    while index.wait_for_room().is_err() {
        std::thread::yield_now();
    }
    for _ in 0..100 {
        let (rows, end) = frames.append(COMMITS, 20, &mut random);
        index.insert(&rows, end).expect("room");
    }
    index.checkpoint().expect("a checkpoint");
    assert_eq!((index.is_failing(), index.covered()), (false, frames.end()));
    assert_equal(&index, &frames.rows(), &mut random);
}

#[test]
fn what_a_failed_sync_left_in_memory_is_written_to_another_file() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(4));
    let index = start(&disk);
    disk.fail_next_sync();
    for _ in 0..GENERATION / (6 * COMMITS) {
        let (rows, end) = frames.append(COMMITS, 20, &mut random);
        index.insert(&rows, end).expect("room");
    }
    while index.covered() != frames.end() {
        assert_eq!(index.failure(), None);
        std::thread::yield_now();
    }
    drop(index);
    disk.crash(Crash::PowerFailure, &mut random);
    let opened = open(&disk, inline(GENERATION)).expect("an index");
    assert_eq!((opened.discarded, opened.index.covered()), (None, frames.end()));
    assert_eq!(disk.files().len(), opened.index.version().files().count() + 1, "the run and the manifest");
    assert_equal(&opened.index, &frames.rows(), &mut random);
}
