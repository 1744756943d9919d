//! The time to import a province's persons with the real program into the real server, while claims are settled.
//!
//! `cargo bench --bench import [-- PERSONS [CALLERS [ROUNDS]]]`: by default a million persons once; each round imports other
//! persons. Ten million need 2 GB of disk for the files and the store. Loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;
#[allow(dead_code)]
mod measure;

use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use local_server::{Failed, Server, claim, program, tables};
use measure::{Limits, cpu_micros, median, ratios};
use onestop::cli::client::Client;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SETTLED_FOR: usize = 20_000;

const FILES: [&str; 3] = ["enrolments.csv", "categories.csv", "approvals.csv"];

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let files = std::env::temp_dir().join(format!("onestop-files-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&files)?;
    let measured = runtime.block_on(measure_all(&files, number(1, 1_000_000), number(2, 16), number(3, 1)));
    std::fs::remove_dir_all(&files)?;
    measured
}

/// What a round measured.
struct Round {
    rows_per_second: f64,
    /// Rows a second of the limit.
    limit: f64,
    /// Processor time of server and client for a row, in microseconds.
    cpu: f64,
    /// Latency of a settle at 99%, in milliseconds, alone and during the import.
    p99: (f64, f64),
}

async fn measure_all(files: &Path, persons: usize, callers: usize, rounds: usize) -> Result<(), Failed> {
    let server = Server::start()?;
    let mut client = Client::connect(&server.url).await.map_err(|failure| failure.to_string())?;
    tables(&mut client, SETTLED_FOR).await?;
    let (before, next) = (server.bytes()?, Arc::new(AtomicUsize::new(0)));
    let mut measured = Vec::new();
    for number in 0..rounds {
        let bytes = write_files(files, persons, number)?;
        println!("{persons} persons in files of {} MB", bytes / 1_000_000);
        measured.push(round(&server, files, (persons, callers), &next).await?);
    }
    println!("server peak {} MiB, {} MiB now", server.memory("VmHWM")? >> 10, server.memory("VmRSS")? >> 10);
    println!("the tables take {} bytes a person", (server.bytes()? - before) / (persons * rounds) as u64);
    let each = |of: fn(&Round) -> f64| measured.iter().map(of).collect::<Vec<_>>();
    let mut limits = Limits::default();
    let beside =
        [("limit_rows_per_s", median(&each(|one| one.limit))), ("cpu_us_per_row", median(&each(|one| one.cpu)))];
    limits.add("import_rows_per_s", &each(|one| one.rows_per_second), &beside);
    let (alone, during) = (each(|one| one.p99.0), each(|one| one.p99.1));
    let beside = [("alone_ms", median(&alone)), ("over_alone", median(&ratios(&during, &alone)))];
    limits.add("import_settle_p99", &during, &beside);
    limits.write()
}

async fn round(
    server: &Server,
    files: &Path,
    (persons, callers): (usize, usize),
    next: &Arc<AtomicUsize>,
) -> Result<Round, Failed> {
    let limit = limit(files)?;
    let over = Arc::new(AtomicBool::new(false));
    let alone = settled(server, callers, &over, next, Duration::from_secs(5)).await?;
    let alone = print_times("settles alone", alone);
    let (start, cpu) = (Instant::now(), cpu_micros(server.id())?);
    let mut import = Command::new(program())
        .args(["import", &files.display().to_string(), "--server", &server.url])
        .stdout(Stdio::inherit())
        .spawn()?;
    let done = Arc::new(AtomicBool::new(false));
    let settles = tokio::spawn(settle_until(server.url.clone(), callers, Arc::clone(&done), Arc::clone(next)));
    let (mut most, mut client_cpu, mut status) = (0, 0.0, None);
    while status.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        most = most.max(peak(import.id()));
        // Once it has ended, the client has no threads any more.
        client_cpu = cpu_micros(import.id()).map_or(client_cpu, |micros| f64::max(client_cpu, micros));
        status = import.try_wait()?;
    }
    let (took, cpu) = (start.elapsed(), cpu_micros(server.id())? - cpu + client_cpu);
    done.store(true, Ordering::Relaxed);
    let during = print_times("settles during the import", settles.await??);
    let (rows, taken) = (rows(files)?, took.as_secs_f64());
    println!("import: {took:.1?}, {:.0} rows/s, client peak {} MiB", rows / taken, most >> 10);
    println!("  {persons} persons");
    Ok(Round { rows_per_second: rows / taken, limit, cpu: cpu / rows, p99: (alone, during) })
}

/// Lines of the files, without heads.
fn rows(files: &Path) -> Result<f64, Failed> {
    let mut rows = 0;
    for file in FILES {
        rows += std::fs::read(files.join(file))?.iter().filter(|byte| **byte == b'\n').count() - 1;
    }
    Ok(rows as f64)
}

fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|figure| figure.parse().ok()).unwrap_or(0)
}

/// Writes the files of enrolments and approvals, and of categories for 8 of 100 persons.
fn write_files(files: &Path, persons: usize, round: usize) -> Result<u64, Failed> {
    let mut bytes = 0;
    for (name, header) in [
        ("enrolments", "person_id,from,insurance,insured_region,until"),
        ("categories", "person_id,category,from,until"),
        ("approvals", "person_id,kind,from,until"),
    ] {
        let mut file = BufWriter::new(std::fs::File::create(files.join(format!("{name}.csv")))?);
        writeln!(file, "{header}")?;
        for number in 0..persons {
            // Not in order, like identity numbers.
            let id = ((round * persons + number) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
            match name {
                "enrolments" => writeln!(file, "37{id:016},2014-01-01,resident,37{:02}00,", 1 + id % 16)?,
                "approvals" => writeln!(file, "37{id:016},cross_region,2016-01-01,2017-01-01")?,
                _ if number % 100 < 8 => writeln!(file, "37{id:016},registered_poor,2016-01-01,")?,
                _ => {}
            }
        }
        let file = file.into_inner().map_err(|failed| failed.to_string())?;
        bytes += file.metadata()?.len();
    }
    Ok(bytes)
}

/// The limit: reads the same files, splits their cells, and writes their bytes once with one sync; rows a second.
fn limit(files: &Path) -> Result<f64, Failed> {
    let start = Instant::now();
    let mut rows = 0u64;
    let mut out = std::fs::File::create(files.join("copy"))?;
    for file in FILES {
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
    let took = start.elapsed();
    println!("limit: {rows} rows split, their bytes copied and synced once: {took:.1?}");
    std::fs::remove_file(files.join("copy"))?;
    Ok(rows as f64 / took.as_secs_f64())
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

/// Prints the times, and returns the one at 99% in milliseconds.
fn print_times(what: &str, mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1_000).copied().unwrap_or_default();
    println!("{what}: {} settles, p50 {:.1?}, p99 {:.1?}, p99.9 {:.1?}", times.len(), at(500), at(990), at(999));
    at(990).as_secs_f64() * 1_000.0
}
