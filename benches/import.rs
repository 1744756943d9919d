//! The time to import a province's persons with the real program into the real server, while claims are settled.
//!
//! `cargo bench --bench import [-- PERSONS [CALLERS]]`: by default a million persons; ten million need 2 GB of disk for
//! the files and the store. Loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use local_server::{Failed, Server, claim, tables};
use onestop::cli::client::Client;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SETTLED_FOR: usize = 20_000;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let files = std::env::temp_dir().join(format!("onestop-files-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&files)?;
    let measured = runtime.block_on(measure(&files, number(1, 1_000_000), number(2, 16)));
    std::fs::remove_dir_all(&files)?;
    measured
}

async fn measure(files: &Path, persons: usize, callers: usize) -> Result<(), Failed> {
    let bytes = write_files(files, persons)?;
    limit(files)?;
    let server = Server::start()?;
    let mut client = Client::connect(&server.url).await.map_err(|failure| failure.to_string())?;
    tables(&mut client, SETTLED_FOR).await?;
    let before = (server.memory("VmRSS")?, server.bytes()?);
    println!("server before: {} MiB; {persons} persons in files of {} MB", before.0 >> 10, bytes / 1_000_000);
    let (over, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let quiet = settled(&server, callers, &over, &next, Duration::from_secs(5));
    print_times("settles alone", quiet.await?);
    for round in ["first", "again"] {
        let mut import = Command::new(env!("CARGO_BIN_EXE_onestop"))
            .args(["import", &files.display().to_string(), "--server", &server.url])
            .stdout(Stdio::inherit())
            .spawn()?;
        let start = Instant::now();
        let done = Arc::new(AtomicBool::new(false));
        let settles = tokio::spawn(settle_until(server.url.clone(), callers, Arc::clone(&done), Arc::clone(&next)));
        let (mut most, mut status) = (0, None);
        while status.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            most = most.max(peak(import.id()));
            status = import.try_wait()?;
        }
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        print_times(&format!("settles during the {round} import"), settles.await??);
        let rate = (2.08 * persons as f64 / took.as_secs_f64()) as u64;
        println!("{round} import: {took:.1?}, {rate} rows/s, client peak {} MiB", most >> 10);
        println!("  server peak {} MiB, {} MiB now", server.memory("VmHWM")? >> 10, server.memory("VmRSS")? >> 10);
        println!("  store grew by {} bytes a person", (server.bytes()? - before.1) / persons as u64);
    }
    Ok(())
}

fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).unwrap_or(0)
}

/// Writes the files of enrolments, and categories for 8 of 100 persons.
fn write_files(files: &Path, persons: usize) -> Result<u64, Failed> {
    let mut bytes = 0;
    for (name, header) in [
        ("enrolments", "person_id,from,insurance,insured_region,until"),
        ("categories", "person_id,category,from,until"),
    ] {
        let mut file = BufWriter::new(std::fs::File::create(files.join(format!("{name}.csv")))?);
        writeln!(file, "{header}")?;
        for number in 0..persons {
            // Not in order, like identity numbers.
            let id = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
            match name {
                "enrolments" => writeln!(file, "37{id:016},2014-01-01,resident,37{:02}00,", 1 + id % 16)?,
                _ if number % 100 < 8 => writeln!(file, "37{id:016},registered_poor,2016-01-01,")?,
                _ => {}
            }
        }
        let file = file.into_inner().map_err(|failed| failed.to_string())?;
        bytes += file.metadata()?.len();
    }
    Ok(bytes)
}

/// The limit: reads the same files, splits their cells, and writes their bytes once with one sync.
fn limit(files: &Path) -> Result<(), Failed> {
    let start = Instant::now();
    let mut rows = 0u64;
    let mut out = std::fs::File::create(files.join("copy"))?;
    for file in ["enrolments.csv", "categories.csv"] {
        for record in csv::Reader::from_path(files.join(file))?.into_byte_records() {
            rows += u64::from(!record?.is_empty());
        }
        let mut bytes = vec![0; 1 << 20];
        let mut input = std::fs::File::open(files.join(file))?;
        loop {
            let read = input.read(&mut bytes)?;
            if read == 0 {
                break;
            }
            out.write_all(&bytes[..read])?;
        }
    }
    out.sync_data()?;
    println!("limit: {rows} rows split, their bytes copied and synced once: {:.1?}", start.elapsed());
    Ok(std::fs::remove_file(files.join("copy"))?)
}

async fn settled(
    server: &Server,
    callers: usize,
    over: &Arc<AtomicBool>,
    next: &Arc<AtomicUsize>,
    time: Duration,
) -> Result<Vec<Duration>, Failed> {
    let settles = tokio::spawn(settle_until(server.url.clone(), callers, Arc::clone(over), Arc::clone(next)));
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    settles.await?
}

/// Runs callers that settle 20 times a second each until the import ends; returns the time of each settle.
async fn settle_until(
    url: String,
    callers: usize,
    over: Arc<AtomicBool>,
    next: Arc<AtomicUsize>,
) -> Result<Vec<Duration>, Failed> {
    let client = Client::connect(&url).await.map_err(|failure| failure.to_string())?;
    let mut tasks = Vec::new();
    for _ in 0..callers {
        let (mut client, over, next) = (client.clone(), Arc::clone(&over), Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            while !over.load(Ordering::Relaxed) {
                pace.tick().await;
                let number = next.fetch_add(1, Ordering::Relaxed);
                let start = Instant::now();
                let (claim, request_id) = (claim(number, SETTLED_FOR), format!("R{number}"));
                client.settle(&claim, &request_id, Vec::new()).await.map_err(|status| status.message().to_owned())?;
                times.push(start.elapsed());
            }
            Ok::<_, Failed>(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(times)
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1_000).copied().unwrap_or_default();
    println!("{what}: {} settles, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}", times.len(), at(500), at(990), at(999));
}
