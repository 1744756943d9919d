//! fjall's read views: what one costs, and whether it is whole while tables are flushed and compacted.
//!
//! A flush or a compaction that ends while a batch is between its number and its last row moves the visible
//! number past the batch; a snapshot opened then sees the batch arrive row by row. A snapshot that the only
//! writer takes between two batches cannot.

use crate::store::Result;
use fjall::{Database, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};
use std::path::Path;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_secs(8);
const VIEWS: u32 = 1_000_000;

pub fn views(dir: &Path) -> Result<()> {
    let db = Database::builder(dir).max_journaling_size(64 << 20).open()?;
    let rows = || KeyspaceCreateOptions::default().max_memtable_size(1 << 20);
    let [first, filler, last] = [db.keyspace("first", rows)?, db.keyspace("filler", rows)?, db.keyspace("last", rows)?];
    let commit = |number: u64| -> Result<()> {
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        batch.insert(&first, "number", number.to_be_bytes());
        for row in 0..200_u64 {
            let key = (number * 200 + row).to_be_bytes();
            batch.insert(&filler, key, [row as u8; 1_000]);
        }
        batch.insert(&last, "number", number.to_be_bytes());
        Ok(batch.commit()?)
    };
    commit(0)?;
    let published = RwLock::new(db.snapshot());

    let fresh = cost(|| db.snapshot());
    let shared = cost(|| published.read().unwrap().clone());
    println!("a fresh snapshot {fresh:.0} ns, a clone of the published one {shared:.0} ns");

    let done = AtomicBool::new(false);
    let watch = |view: &(dyn Fn() -> Snapshot + Sync)| -> Result<(u64, u64)> {
        let (mut seen, mut torn) = (0, 0);
        while !done.load(Ordering::Relaxed) {
            let view = view();
            seen += 1;
            torn += u64::from(view.get(&first, "number")? != view.get(&last, "number")?);
        }
        Ok((seen, torn))
    };
    let commits = AtomicU64::new(0);
    let (opened, cloned) = std::thread::scope(|scope| {
        let opened = scope.spawn(|| watch(&|| db.snapshot()));
        let cloned = scope.spawn(|| watch(&|| published.read().unwrap().clone()));
        let start = Instant::now();
        let mut number = 0;
        while start.elapsed() < TIME {
            number += 1;
            commit(number)?;
            *published.write().unwrap() = db.snapshot();
        }
        commits.store(number, Ordering::Relaxed);
        done.store(true, Ordering::Relaxed);
        let opened = opened.join().map_err(|_| "a reader panicked")??;
        let cloned = cloned.join().map_err(|_| "a reader panicked")??;
        Result::Ok((opened, cloned))
    })?;
    println!("{} batches", commits.into_inner());
    println!("fresh snapshots: {} opened, {} torn", opened.0, opened.1);
    println!("published snapshots: {} cloned, {} torn", cloned.0, cloned.1);
    Ok(())
}

/// Nanoseconds to take a view and drop it.
fn cost(view: impl Fn() -> Snapshot) -> f64 {
    let start = Instant::now();
    for _ in 0..VIEWS {
        std::hint::black_box(view());
    }
    start.elapsed().as_nanos() as f64 / f64::from(VIEWS)
}
