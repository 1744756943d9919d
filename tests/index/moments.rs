//! At every operation on the disk that upkeep does, readers find every row that was inserted, and nothing else.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::support::{Frames, STORE, each_seed, inline, table};
use crate::log::disk::SimulatedDisk;
use crate::support::random::Random;
use crate::support::seeds;
use onestop::store::embedded::disk::{Disk, DiskFile};
use onestop::store::embedded::index::{Index, KeyRange, Table};

/// What is done before each operation that changes the disk.
type Observer = Arc<dyn Fn() + Send + Sync>;

/// A disk with an observer.
#[derive(Clone, Default)]
struct ObservedDisk {
    disk: SimulatedDisk,
    observer: Arc<Mutex<Option<Observer>>>,
}

struct ObservedFile {
    file: Box<dyn DiskFile>,
    disk: ObservedDisk,
}

impl ObservedDisk {
    fn observe(&self) {
        let observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        observer.iter().for_each(|observer| observer());
    }

    fn set(&self, observer: Option<Observer>) {
        *self.observer.lock().unwrap_or_else(PoisonError::into_inner) = observer;
    }

    fn file(&self, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(ObservedFile { file, disk: self.clone() })
    }
}

impl Disk for ObservedDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.observe();
        Ok(self.file(self.disk.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.observe();
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.observe();
        self.disk.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.observe();
        self.disk.sync_directory()
    }

    fn free(&self) -> io::Result<u64> {
        self.disk.free()
    }
}

impl DiskFile for ObservedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buffer, offset)
    }

    fn pwrite(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.observe();
        self.file.pwrite(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.observe();
        self.file.sync()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.file.allocate(length)
    }

    fn next_data(&self, offset: u64) -> io::Result<Option<u64>> {
        self.file.next_data(offset)
    }
}

fn run(seed: u64) -> usize {
    let (mut random, mut frames, disk) = (Random(seed), Frames::default(), ObservedDisk::default());
    let options = inline(1 + random.below(60));
    let index = Arc::new(Index::open(Arc::new(disk.clone()), STORE, options).expect("an index").index);
    let moments = Arc::new(Mutex::new(0));
    for _ in 0..40 {
        let (rows, end) = frames.append(1 + random.below(4), 20, &mut random);
        let (expected, reader, seen) = (frames.rows(), Arc::clone(&index), Arc::clone(&moments));
        let observer = move || {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            for kind in Table::ALL {
                let found = reader.range(KeyRange::all(kind), usize::MAX);
                assert_eq!(found, Ok(table(&expected, kind)), "{kind:?}");
            }
        };
        disk.set(Some(Arc::new(observer)));
        index.insert(&rows, end).expect("rows inserted");
    }
    disk.set(None);
    *moments.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn at_every_moment_of_a_checkpoint_or_merge_readers_find_every_row_that_was_inserted() {
    let mut moments = 0;
    each_seed(seeds::asked(0..40), |seed| moments += run(seed));
    println!("{moments} moments");
    assert!(moments > 1_000, "{moments}");
}

#[test]
fn the_lag_is_the_log_that_is_not_covered_and_a_generation_waits_only_while_it_is_written() {
    let (mut random, mut frames, disk) = (Random(1), Frames::default(), ObservedDisk::default());
    let index = Arc::new(Index::open(Arc::new(disk.clone()), STORE, inline(60)).expect("an index").index);
    let waiting = Arc::new(Mutex::new(Vec::new()));
    let (reader, seen) = (Arc::clone(&index), Arc::clone(&waiting));
    disk.set(Some(Arc::new(move || {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(reader.checkpoint_lag());
    })));
    for _ in 0..9 {
        let (rows, end) = frames.append(1, 20, &mut random);
        index.insert(&rows, end).expect("rows inserted");
        assert_eq!(index.checkpoint_lag(), (end.lsn, Duration::ZERO));
    }
    assert!(waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    let (rows, end) = frames.append(1, 20, &mut random);
    index.insert(&rows, end).expect("rows inserted");
    assert_eq!(index.checkpoint_lag(), (0, Duration::ZERO), "a complete generation is written");
    let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let first = waiting.first().expect("a moment of the checkpoint");
    assert!(first.0 == end.lsn && first.1 > Duration::ZERO, "{first:?}");
    disk.set(None);
}
