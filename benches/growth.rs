//! What a settle costs as history and store grow: for a person with 1,000 outpatient settlements of the year, or with 1,000
//! stays, beside one with none, and on a store with many persons and settlements beside an empty one; the bytes of a
//! settlement, the memory of the server, and the time to open its store.
//!
//! `cargo bench --bench growth [-- PERSONS SETTLEMENTS [ROUNDS]]`, ten thousand persons at least: ten million persons, two
//! million settlements and five rounds by default, which take about 12 GB of disk. Loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;
#[allow(dead_code)]
mod measure;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use local_server::{Server, claim, tables};
use measure::{Failed, Limits, cpu_micros, median, ratios};
use onestop::cli::client::Client;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::reference::table::ReferenceTable;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Persons with a history, and the settlements of each.
const OLD: usize = 256;
const HISTORY: usize = 1_000;

/// The persons of the small store.
const SMALL: usize = 10_000;

const STREAMS: usize = 4;
const CALLERS: usize = 16;
const ROUND: Duration = Duration::from_secs(3);

fn main() -> Result<(), Failed> {
    let arguments: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, default| arguments.get(at).copied().unwrap_or(default);
    let (persons, settlements, rounds) = (number(0, 10_000_000).max(SMALL), number(1, 2_000_000), number(2, 5));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut limits = Limits::default();
    runtime.block_on(history("growth_history", "outpatient_serious", rounds, &mut limits))?;
    runtime.block_on(history("growth_stays", "inpatient", rounds, &mut limits))?;
    runtime.block_on(store(persons, settlements, rounds, &mut limits))?;
    limits.write()
}

/// A server with the tables of so many persons.
async fn server(persons: usize) -> Result<(Server, Client), Failed> {
    let server = Server::start()?;
    let mut client = client(&server).await?;
    tables(&mut client, persons).await?;
    Ok((server, client))
}

async fn client(server: &Server) -> Result<Client, Failed> {
    Ok(Client::connect(&server.url).await.map_err(|failure| failure.to_string())?)
}

/// A round of settles for some persons, 16 at once.
struct Settles<'a> {
    server: &'a Server,
    client: &'a Client,
    /// The first of the persons, and their number.
    persons: (usize, usize),
    visit: &'static str,
    next: &'a Arc<AtomicUsize>,
}

impl<'a> Settles<'a> {
    /// Stays of the first ten thousand persons: as many on a large store as on a small one, so that the same share of them
    /// has settlements.
    fn new(server: &'a Server, client: &'a Client, next: &'a Arc<AtomicUsize>) -> Settles<'a> {
        Settles { server, client, persons: (0, SMALL), visit: "inpatient", next }
    }

    /// Processor time of the server for a settle, in microseconds, and settles a second.
    async fn round(&self) -> Result<(f64, f64), Failed> {
        let (start, cpu) = (Instant::now(), cpu_micros(self.server.id())?);
        let ((first, count), visit) = (self.persons, self.visit);
        let mut tasks = Vec::new();
        for _ in 0..CALLERS {
            let (mut client, next) = (self.client.clone(), Arc::clone(self.next));
            tasks.push(tokio::spawn(async move {
                let mut settled = 0;
                while start.elapsed() < ROUND {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let mut claim = claim(number, 1);
                    claim.person_id = format!("B{}", first + number % count);
                    visit.clone_into(&mut claim.visit);
                    client.settle(&claim, &format!("R{number}"), Vec::new()).await?;
                    settled += 1;
                }
                Ok::<_, tonic::Status>(settled)
            }));
        }
        let mut settled = 0;
        for task in tasks {
            settled += task.await??;
        }
        let cpu = (cpu_micros(self.server.id())? - cpu) / f64::from(settled);
        let rate = f64::from(settled) / start.elapsed().as_secs_f64();
        eprintln!("persons {first} to {}: {rate:.0} settles a second, {cpu:.1} µs of server CPU", first + count - 1);
        Ok((cpu, rate))
    }
}

/// Settles this many claims over streams, for persons in turn; each person in one stream, where the number of persons is a
/// multiple of that of streams.
async fn fill(client: &Client, visit: &str, persons: usize, settlements: usize) -> Result<(), Failed> {
    let mut tasks = Vec::new();
    for stream in 0..STREAMS {
        let (mut client, visit) = (client.clone(), visit.to_owned());
        tasks.push(tokio::spawn(async move {
            let requests = (stream..settlements).step_by(STREAMS).map(move |number| {
                let mut claim = claim(number, persons);
                claim.visit.clone_from(&visit);
                let claim = Some(to_proto::claim(&claim));
                let (request_id, view) = (format!("R{number}"), pb::SettlementView::Summary.into());
                pb::SettleStreamRequest { claim, request_id, quote_digest: Vec::new(), view }
            });
            let mut answers = client.settle_stream(tokio_stream::iter(requests)).await?;
            while let Some(answer) = answers.message().await? {
                if let Some(Answer::Refusal(refusal)) = answer.answer {
                    return Err::<(), Failed>(refusal.message.into());
                }
            }
            Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Persons with many settlements of a kind of visit beside persons with none. Only stays are kept with a person, to name
/// those that overlap.
async fn history(key: &str, visit: &'static str, rounds: usize, limits: &mut Limits) -> Result<(), Failed> {
    // Enough persons that none of the new ones is settled for more than a few times.
    let persons = OLD + 200_000;
    let (server, mut client) = server(persons).await?;
    let approval = |number| [&format!("B{number}"), "outpatient_serious", "", ""].map(str::to_owned).to_vec();
    client.import_rows(ReferenceTable::Approvals, (0..persons).map(approval)).await?;
    fill(&client, visit, OLD, OLD * HISTORY).await?;
    await_rest(&server).await?;
    let next = Arc::new(AtomicUsize::new(OLD * HISTORY));
    let settles = |persons| Settles { server: &server, client: &client, persons, visit, next: &next };
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        old.push(settles((0, OLD)).round().await?.0);
        new.push(settles((OLD, 200_000)).round().await?.0);
    }
    let beside = [("server_cpu_us", median(&old)), ("without_history_server_cpu_us", median(&new))];
    limits.add(key, &ratios(&old, &new), &beside);
    Ok(())
}

async fn store(persons: usize, settlements: usize, rounds: usize, limits: &mut Limits) -> Result<(), Failed> {
    let (large, large_client) = server(persons).await?;
    let (small, small_client) = server(SMALL).await?;
    let (imported, next) = (bytes(&large.directory)?, Arc::new(AtomicUsize::new(settlements)));
    let start = Instant::now();
    fill(&large_client, "inpatient", persons, settlements).await?;
    println!("{settlements} settlements in {:.0?}", start.elapsed());
    let start = Instant::now();
    await_rest(&large).await?;
    println!("the index was merged {:.0?} later", start.elapsed());
    let each = (bytes(&large.directory)? - imported) as f64 / settlements as f64;
    limits.add("bytes_per_settlement", &[each], &[]);
    let small_next = Arc::new(AtomicUsize::new(0));
    let sides = [Settles::new(&large, &large_client, &next), Settles::new(&small, &small_client, &small_next)];
    compare("growth_store_since_import", &sides, rounds, limits).await?;
    let memory = |field| Ok::<_, Failed>(large.memory(field)? as f64 / 1_024.0);
    limits.add("rss_mib", &[memory("VmRSS")?], &[("peak", memory("VmHWM")?)]);
    // The same stores, without the age of a process that imported and settled all of it.
    let [mut large, small] = [large.killed_and_started()?, small.killed_and_started()?];
    let [large_client, small_client] = [client(&large).await?, client(&small).await?];
    let sides = [Settles::new(&large, &large_client, &next), Settles::new(&small, &small_client, &small_next)];
    compare("growth_store", &sides, rounds, limits).await?;
    let mut opened = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        large = large.killed_and_started()?;
        opened.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    limits.add("open_ms", &opened, &[]);
    Ok(())
}

/// Alternating rounds on a large store and a small one, after one that fills caches.
async fn compare(key: &str, sides: &[Settles<'_>; 2], rounds: usize, limits: &mut Limits) -> Result<(), Failed> {
    let [mut figures, mut rates] = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for round in 0..=rounds {
        for (at, side) in sides.iter().enumerate() {
            let (cpu, rate) = side.round().await?;
            if round > 0 {
                figures[at].push(cpu);
                rates[at].push(rate);
            }
        }
    }
    let beside = [
        ("server_cpu_us", median(&figures[0])),
        ("small_server_cpu_us", median(&figures[1])),
        ("per_second", median(&rates[0])),
        ("small_per_second", median(&rates[1])),
    ];
    limits.add(key, &ratios(&figures[0], &figures[1]), &beside);
    Ok(())
}

/// Waits until a server to which nobody calls does nothing: merges that settlements before left would count as theirs.
async fn await_rest(server: &Server) -> Result<(), Failed> {
    const SECOND: Duration = Duration::from_secs(1);
    for _ in 0..300 {
        let before = cpu_micros(server.id())?;
        tokio::time::sleep(SECOND).await;
        if cpu_micros(server.id())? - before < SECOND.as_micros() as f64 / 100.0 {
            return Ok(());
        }
    }
    Err("the server works on though nobody calls".into())
}

/// Bytes of the files of a directory that are on the disk.
fn bytes(directory: &Path) -> Result<u64, Failed> {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.blocks() * 512 };
    }
    Ok(sum)
}
