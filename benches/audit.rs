//! The audit of a store with many settlements of 20 items, chains alone and with recomputation: entries a second and
//! processor time, beside reading the files of the log and digesting them, on as many threads.
//!
//! `cargo bench --bench audit -- SETTLEMENTS PERSONS ROUNDS [DIRECTORY]` (200000 20000 3). A directory is made once, and
//! stays.

#![allow(missing_docs)]

mod generated_journal;
mod process_usage;

use std::io::Read;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use generated_journal::{Failed, generate};
use onestop::engine::log_audit::{LogAuditOptions, LogAuditReport, audit_log};
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use process_usage::{peak_mib, processor_time};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |at: usize, default: u64| words.get(at).map_or(Ok(default), |word| word.parse());
    let (settlements, persons, rounds) = (number(0, 200_000)?, number(1, 20_000)?, number(2, 3)?);
    let temporary = std::env::temp_dir().join(format!("onestop-bench-{}", std::process::id()));
    let directory = words.get(3).map_or(temporary.clone(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if !directory.exists() {
        runtime.block_on(generate(&directory, settlements, persons))?;
    }
    let measured = runtime.block_on(measure(&directory, rounds));
    if directory == temporary {
        std::fs::remove_dir_all(&directory)?;
    }
    measured
}

async fn measure(directory: &Path, rounds: u64) -> Result<(), Failed> {
    let start = Instant::now();
    let store = EmbeddedStore::open(directory, Durability::Volatile)?;
    println!("opened in {:?}", start.elapsed());
    let (mut chains, mut whole, mut limit) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        limit.push(measured(async { digest_log(&directory.join("log")) }).await?);
        chains.push(measured(audit(&store, false)).await?);
        whole.push(measured(audit(&store, true)).await?);
    }
    let entries = audit(&store, false).await?.entries;
    for (name, figures) in [("digests alone", limit), ("chains and checksums", chains), ("with recomputation", whole)] {
        print(name, entries, figures);
    }
    println!("resident at most: {} MiB", peak_mib()?);
    Ok(())
}

async fn audit(store: &EmbeddedStore, recompute: bool) -> Result<LogAuditReport, Failed> {
    let options = LogAuditOptions { threads: threads(), memory: 256 << 20, recompute };
    let log = store.commit_log().ok_or("the store has a log")?;
    let report = audit_log(store, &*log, options, &|_, _| false).await?;
    if report.findings.is_empty() { Ok(report) } else { Err("the audit found something".into()) }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Reads all files of a log, and digests them in pieces of the size of an entry.
fn digest_log(log: &Path) -> Result<(), Failed> {
    let files = std::fs::read_dir(log)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>, Failed>>()?;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let digest = || -> std::io::Result<()> {
            let mut bytes = vec![0; 1 << 20];
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut file = std::fs::File::open(file)?;
                while let read @ 1.. = file.read(&mut bytes)? {
                    for piece in bytes[..read].chunks(6_500) {
                        std::hint::black_box((crc32c::crc32c(piece), blake3::hash(piece)));
                    }
                }
            }
            Ok(())
        };
        let threads: Vec<_> = (0..threads()).map(|_| scope.spawn(digest)).collect();
        threads.into_iter().try_for_each(|thread| Ok(thread.join().map_err(|_panic| "a thread panicked")??))
    })
}

async fn measured<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<(Duration, Duration), Failed> {
    let (start, before) = (Instant::now(), processor_time()?);
    work.await?;
    Ok((start.elapsed(), processor_time()? - before))
}

fn print(name: &str, entries: u64, mut figures: Vec<(Duration, Duration)>) {
    figures.sort();
    let (elapsed, used) = figures[figures.len() / 2];
    println!(
        "{name:22} {:>9.0} entries a second, {:.2} µs of processor time each ({elapsed:.2?})",
        entries as f64 / elapsed.as_secs_f64(),
        used.as_secs_f64() * 1e6 / entries as f64,
    );
}
