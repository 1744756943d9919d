//! A file of the index that cannot be written is tried again by the threads: rows are taken while there is memory for them, and
//! again once the file can be written. Merges that the disk has no room for are put off, and write nothing.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::support::{Frames, assert_equal, inline, open, table};
use crate::log::disk::{Crash, SimulatedDisk};
use crate::support::random::Random;
use onestop::store::embedded::index::{Index, IndexError, IndexOptions, KeyRange, LogEnd, Table};

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

/// The reserve of a disk.
const RESERVE: u64 = 64 << 20;

/// The runs of level 0 that wait for merges when no more generations are written.
const WAITING: usize = 32;

fn run_name(number: usize) -> String {
    format!("run-{number:016x}")
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn merges_without_room_write_nothing_and_rows_are_refused_when_too_many_runs_wait_for_them() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(5));
    let index = start(&disk);
    index.set_disk_reserve(RESERVE);
    disk.set_free(RESERVE);
    let refused = loop {
        if let Err(refused) = index.wait_for_room() {
            break refused;
        }
        let (rows, end) = frames.append(COMMITS, 20, &mut random);
        index.insert(&rows, end).expect("room");
    };
    let written = WAITING * GENERATION / (6 * COMMITS);
    assert_eq!(frames.frames.len(), written + 10, "the generations of the runs, and two in memory");
    assert_eq!((index.failure(), index.is_failing(), index.covered()), (None, true, frames.frames[written - 1].1));
    let runs: Vec<_> = (0..WAITING).map(run_name).collect();
    assert_eq!(disk.files(), [&["manifest".to_owned()][..], &runs].concat(), "no merge was begun");
    assert!(index.checkpoint().is_err(), "it does not wait for a disk without room");
    assert_equal(&index, &frames.rows(), &mut random);
    let needed = runs[..8].iter().map(|run| disk.bytes(run).len() as u64).sum();
    assert_eq!(refused, IndexError::NoRoom { needed, reserve: RESERVE });
    disk.set_free(needed + RESERVE);
    wait_until("merges go on", || index.wait_for_room().is_ok());
    for _ in 0..100 {
        let (rows, end) = frames.append(COMMITS, 20, &mut random);
        index.insert(&rows, end).expect("room");
    }
    index.checkpoint().expect("a checkpoint");
    assert_eq!((index.is_failing(), index.covered()), (false, frames.end()));
    assert_equal(&index, &frames.rows(), &mut random);
}

#[test]
fn while_a_large_merge_has_no_room_smaller_ones_go_on() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(6));
    let options = IndexOptions { generation_rows: 600, ..IndexOptions::default() };
    // The disk looks at it for as long as its threads run.
    let index: &'static Index = Box::leak(Box::new(open(&disk, options).expect("an index").index));
    let mut insert_generation = || {
        let (rows, end) = frames.append(100, 20, &mut random);
        index.wait_for_room().expect("room, as the smaller merges have it");
        index.insert(&rows, end).expect("room");
    };
    insert_generation();
    index.checkpoint().expect("a run");
    // Room for what becomes of eight generations, and not for what becomes of sixty-four.
    disk.set_free(8 * disk.bytes(&run_name(0)).len() as u64);
    (1..80).for_each(|_| insert_generation());
    wait_until("a checkpoint", || index.checkpoint().is_ok());
    let runs = || index.version().files().count();
    wait_until("ten runs of eight generations each", || runs() == 10 && index.is_failing());
    assert_eq!(index.failure(), None);
    let seen = Arc::<Mutex<Vec<_>>>::default();
    disk.on_free({
        let seen = Arc::clone(&seen);
        move || seen.lock().expect("a lock").push((index.version().files().count(), index.is_failing()))
    });
    (0..8).for_each(|_| insert_generation());
    let has_looked = || seen.lock().expect("a lock").iter().any(|(runs, _)| *runs == 11);
    wait_until("room is looked for again after a smaller merge", has_looked);
    assert!(seen.lock().expect("a lock").iter().all(|(_, is_failing)| *is_failing), "the large merge has no room");
    disk.set_free(u64::MAX);
    wait_until("eight of them are merged", || runs() == 4 && !index.is_failing());
    let persons = index.range(KeyRange::all(Table::Person), usize::MAX).expect("rows");
    assert_eq!(persons, table(&frames.rows(), Table::Person));
}
