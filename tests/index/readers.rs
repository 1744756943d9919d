//! Readers beside commits, checkpoints and merges in threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{STORE, spread};
use onestop::store::embedded::disk::Directory;
use onestop::store::embedded::index::{Index, IndexOptions, Key, KeyRange, LogEnd, LogPosition, Row, Table};

const PERSONS: u64 = 5;

fn index(path: &std::path::Path) -> Index {
    let options = IndexOptions { generation_rows: 300, ..IndexOptions::default() };
    Index::open(Arc::new(Directory::new(path.to_owned())), STORE, options).expect("an index").index
}

/// Commits that write every person at once, so that all have the same position after each.
fn insert(index: &Index, commit: u64) {
    let position = LogPosition { lsn: commit, length: 1 };
    let keys =
        (0..PERSONS).map(|person| Key::person(spread(person))).chain([Key::entry(u128::from(commit).to_be_bytes())]);
    let rows: Vec<_> = keys.map(|key| Row { key, position }).collect();
    index.insert(&rows, LogEnd { lsn: commit, chain: 0, sequence: commit }).expect("rows inserted");
}

/// Reads until the end; returns how many commits were seen between the first and the last read.
fn read(index: &Index, is_over: &AtomicBool) -> u64 {
    let persons: [Key; PERSONS as usize] = std::array::from_fn(|person| Key::person(spread(person as u64)));
    let (mut newest, mut reads) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let [first, others @ ..] = index.look_up(persons).expect("a look-up");
        assert!(others.iter().all(|other| *other == first), "a part of a commit: {first:?}, {others:?}");
        let listed = index.range(KeyRange::all(Table::Person), 10).expect("rows");
        assert!(listed.iter().all(|row| row.position == listed[0].position), "a part of a commit: {listed:?}");
        let last = index.last(KeyRange::all(Table::Entry)).expect("a row");
        for found in [first, listed.first().map(|row| row.position), last.map(|row| row.position)] {
            let found = found.map_or(0, |position| position.lsn);
            assert!(newest <= found, "commit {found} after {newest}");
            newest = found;
        }
        reads += 1;
    }
    reads
}

#[test]
fn readers_see_all_or_none_of_a_commit_across_freezes_checkpoints_and_merges() {
    let place = tempfile::tempdir().expect("a directory");
    let index = index(place.path());
    let is_over = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| read(&index, &is_over))).collect();
        (1..=10_000).for_each(|commit| insert(&index, commit));
        index.checkpoint().expect("a checkpoint");
        is_over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().expect("a reader")).sum::<u64>()
    });
    println!("{reads} reads");
    assert!(reads > 0);
    assert_eq!(index.covered(), LogEnd { lsn: 10_000, chain: 0, sequence: 10_000 });
    let commits = index.range(KeyRange::all(Table::Entry), usize::MAX).expect("rows");
    assert_eq!(commits.iter().map(|row| row.position.lsn).collect::<Vec<_>>(), (1..=10_000).collect::<Vec<_>>());
    // 200 generations are merged until no level has eight runs.
    while index.version().files().count() > 3 * 7 {
        assert_eq!(index.failure(), None);
        std::thread::yield_now();
    }
}

#[test]
fn the_files_of_a_held_version_stay_until_it_is_released_and_are_a_complete_index() {
    let (place, copy) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let index = index(place.path());
    (1..=1_000).for_each(|commit| insert(&index, commit));
    index.checkpoint().expect("a checkpoint");
    let held = index.version();
    (1_001..=9_000).for_each(|commit| insert(&index, commit));
    index.checkpoint().expect("a checkpoint");
    for file in held.files() {
        std::fs::copy(place.path().join(file), copy.path().join(file)).expect("a file of the held version");
    }
    std::fs::write(copy.path().join(onestop::store::embedded::index::Version::MANIFEST), held.manifest())
        .expect("a manifest");
    let copied = Index::open(Arc::new(Directory::new(copy.path().to_owned())), STORE, IndexOptions::default());
    let copied = copied.expect("an index");
    assert_eq!((copied.discarded, copied.index.covered()), (None, held.covered()));
    let last = copied.index.last(KeyRange::all(Table::Entry)).expect("a row").expect("a row");
    assert_eq!((last.position.lsn, held.covered().lsn), (1_000, 1_000));
    let files: Vec<_> = held.files().map(str::to_owned).collect();
    drop(held);
    (9_001..=12_000).for_each(|commit| insert(&index, commit));
    index.checkpoint().expect("a checkpoint");
    drop(index);
    let replaced = files.iter().filter(|file| !place.path().join(file).exists()).count();
    assert!(replaced > 0, "files that are merged and not held are removed");
}
