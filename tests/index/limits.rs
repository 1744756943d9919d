//! Limits: memory, and how much of the log an opening replays.

use super::support::{Frames, inline, open};
use crate::log::disk::SimulatedDisk;
use crate::support::random::Random;
use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::{Index, IndexOptions};
use std::sync::Arc;

/// The rows of a generation, and the generations of this test.
const GENERATION: usize = 6_000;
const GENERATIONS: usize = 72;

/// What a generation takes in memory for each row.
const ROW_BYTES: usize = 80;

/// What a merge takes: eight buffers of 64 KiB for reading, one of 256 KiB for writing, and pages.
const MERGE_BYTES: usize = 8 * (64 << 10) + (260 << 10) + (64 << 10);

#[test]
fn memory_is_bounded_by_the_generations_the_merges_and_a_megabyte_and_a_quarter_a_million_rows() {
    let place = tempfile::tempdir().expect("a directory");
    let mut random = Random(5);
    let mut replay = || {
        let disk = Arc::new(Directory::new(place.path().to_owned()));
        let index = Index::open(disk, super::support::STORE, inline(GENERATION)).expect("an index").index;
        let mut end = Default::default();
        for _ in 0..GENERATIONS * GENERATION / 60 {
            let mut frames = Frames::after(end);
            let (rows, next) = frames.append(10, usize::MAX >> 8, &mut random);
            index.insert(&rows, next).expect("rows inserted");
            end = next;
        }
        index
    };
    let mut memory = 0;
    let used = allocation_counter::measure(|| memory = replay().version().memory());
    let rows = GENERATIONS * GENERATION;
    println!("{rows} rows: {} bytes at most, {memory} of them for fences and filters", used.bytes_max);
    assert!(memory <= rows * 5 / 4, "{memory} bytes for {rows} rows");
    let most = GENERATION * ROW_BYTES + MERGE_BYTES + memory;
    assert!(used.bytes_max <= most as u64, "{} bytes; at most {most}", used.bytes_max);
}

#[test]
fn an_opening_replays_two_generations_and_one_frame_at_most() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(6));
    let options = IndexOptions { generation_rows: 600, ..IndexOptions::default() };
    let index = open(&disk, options).expect("an index").index;
    for _ in 0..200 {
        let (rows, end) = frames.append(10, 100, &mut random);
        index.insert(&rows, end).expect("rows inserted");
        let covered = index.covered().lsn;
        let tail: usize = frames.frames.iter().filter(|(_, end)| end.lsn > covered).map(|(rows, _)| rows.len()).sum();
        assert!(tail < 600 + 600 + 60, "{tail} rows are not covered");
    }
}

#[test]
fn a_generation_ends_at_its_bytes_of_log_too() {
    let (disk, mut frames, mut random) = (SimulatedDisk::default(), Frames::default(), Random(6));
    let options = IndexOptions { generation_log_bytes: 1 << 20, ..inline(usize::MAX) };
    let index = open(&disk, options).expect("an index").index;
    for _ in 0..1_000 {
        let (rows, end) = frames.append(1, 100, &mut random);
        index.insert(&rows, end).expect("rows inserted");
        assert!(end.lsn - index.covered().lsn < (1 << 20), "{end:?}");
    }
}
