//! What the index of the embedded store costs beside its log: processor time of inserting, writing and merging for each
//! settle, and of a look-up. Nothing else runs, and no log is written.

use crate::embedded::disk::Directory;
use crate::embedded::index::{Index, IndexOptions, Key, LogEnd, LogPosition, Row};
use crate::store::Result;
use crate::usage::Usage;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PERSONS: u64 = 100_000;
const GROUP: u64 = 24;
const LOOK_UPS: u64 = 200_000;
const STORE: [u8; 16] = [7; 16];

/// In place of a keyed hash.
fn key(kind: u64, number: u64) -> [u8; 16] {
    fastrand::Rng::with_seed(kind << 56 | number).u128(..).to_be_bytes()
}

fn rows(settle: u64, random: &mut fastrand::Rng) -> [Row; 5] {
    let position = LogPosition { lsn: settle * 5_700, length: 5_600 };
    let entry = (u128::from(settle / 50) << 80 | u128::from(settle) << 40 | u128::from(random.u32(..))).to_be_bytes();
    let mut listed = [0; 28];
    listed[..16].copy_from_slice(&key(1, random.u64(..300)));
    listed[20..].copy_from_slice(&settle.to_be_bytes());
    [
        Key::person(key(2, random.u64(..PERSONS))),
        Key::request(key(3, settle)),
        Key::claim(key(4, settle)),
        Key::entry(entry),
        Key::list_position(listed),
    ]
    .map(|key| Row { key, position })
}

/// The cost of making the rows, which is not that of the index.
fn cost_of_rows(settles: u64) -> Result<u64> {
    let (before, mut random) = (Usage::now()?, fastrand::Rng::with_seed(1));
    (0..settles).for_each(|settle| {
        std::hint::black_box(rows(settle, &mut random));
    });
    Ok(Usage::now()?.since(before).cpu_micros)
}

/// Inserts so many settles in groups; prints the cost of each million.
fn insert(index: &Index, settles: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(1);
    let (mut before, mut begun, mut longest) = (Usage::now()?, Instant::now(), Duration::ZERO);
    let mut group = Vec::new();
    for settle in 1..=settles {
        group.extend(rows(settle, &mut random));
        if settle % GROUP == 0 {
            let started = Instant::now();
            index.insert(&group, LogEnd { lsn: settle * 5_700, chain: 0, sequence: settle })?;
            longest = longest.max(started.elapsed());
            group.clear();
        }
        if settle % 1_000_000 == 0 {
            let (used, elapsed) = (Usage::now()?.since(before), begun.elapsed());
            let nanos = (used.cpu_micros - cost_of_rows(1_000_000)?) / 1_000;
            println!(
                "{} million: {}.{:03} µs of CPU a settle, {:.0} settles/s, {} bytes written a settle, longest insert of a \
                 group {longest:?}, {} runs, {} KiB of fences and filters, peak RSS {} MiB",
                settle / 1_000_000,
                nanos / 1_000,
                nanos % 1_000,
                1e6 / elapsed.as_secs_f64(),
                used.written / 1_000_000,
                index.version().files().count(),
                index.version().memory() / 1_024,
                used.peak_memory >> 20,
            );
            (before, begun, longest) = (Usage::now()?, Instant::now(), Duration::ZERO);
        }
    }
    Ok(())
}

/// Waits until nothing is merged any more.
fn wait_for_merges(index: &Index) {
    let mut files = usize::MAX;
    while std::mem::replace(&mut files, index.version().files().count()) != files {
        std::thread::sleep(Duration::from_secs(3));
    }
}

/// The nanoseconds of processor time of a look-up of keys from this function.
fn look_up(name: &str, index: &Index, mut key: impl FnMut(&mut fastrand::Rng) -> Key) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(2);
    let keys: Vec<_> = (0..LOOK_UPS).map(|_| key(&mut random)).collect();
    let read =
        || -> Result<u64> { keys.iter().try_fold(0, |found, key| Ok(found + u64::from(index.get(*key)?.is_some()))) };
    read()?;
    let before = Usage::now()?;
    let found = read()?;
    let nanos = Usage::now()?.since(before).cpu_micros * 1_000 / LOOK_UPS;
    println!("look-up of {name}, warm: {nanos} ns, {found} of {LOOK_UPS} found");
    Ok(())
}

/// Measures this many millions of settles in this directory, which is emptied.
pub fn run(dir: &Path, millions: u64) -> Result<()> {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir)?;
    let open = || Index::open(Arc::new(Directory::new(dir.to_owned())), STORE, IndexOptions::default());
    let settles = millions * 1_000_000;
    let index = open()?.index;
    insert(&index, settles)?;
    index.checkpoint()?;
    wait_for_merges(&index);
    println!("merged: {} runs", index.version().files().count());
    look_up("a person", &index, |random| Key::person(key(2, random.u64(..PERSONS))))?;
    look_up("a request", &index, |random| Key::request(key(3, 1 + random.u64(..settles - GROUP))))?;
    look_up("a request that is not there", &index, |random| Key::request(key(5, random.u64(..))))?;
    drop(index);
    let begun = Instant::now();
    drop(open()?.index);
    println!("opening, warm: {:?}", begun.elapsed());
    Ok(())
}
