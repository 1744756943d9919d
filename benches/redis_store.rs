//! Settling over gRPC on Redis with 64 callers, beside the commit function called directly with as many calls in
//! flight on the same kind of server, rounds alternating; then the memory and disk of a person and a settlement.
//!
//! `cargo bench --bench redis_store [-- ROUNDS [CALLERS]]`; it starts two Redis servers (`redis-server`, `appendfsync
//! always`); a few seconds a round, loopback only.

#![allow(missing_docs)]

#[allow(dead_code)]
mod local_server;
#[allow(dead_code)]
mod measure;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use local_server::Failed;
use measure::{Limits, cpu_micros, median, ratios};
use onestop::cli::client::Client;
use redis::aio::MultiplexedConnection;
use redis::{IntoConnectionInfo, cmd, pipe};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PERSONS: usize = 20_000;
const ROUND: Duration = Duration::from_secs(3);

/// Connections; a store opens as many to one server.
const CONNECTIONS: usize = 8;

/// Sizes in bytes of the record and the state of a settlement of `local_server::claim`.
const RECORD: usize = 6_500;
const STATE: usize = 330;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    tokio::runtime::Runtime::new()?.block_on(measure(number(1, 5), number(2, 64)))
}

/// A process; dropping it kills it.
struct Process(Child);

impl Process {
    /// Processor time so far, in microseconds.
    fn cpu(&self) -> Result<f64, Failed> {
        cpu_micros(self.0.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The bench started it and is done with it.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A Redis that syncs every commit, and a connection to it.
struct Redis {
    process: Process,
    connection: MultiplexedConnection,
    others: Vec<MultiplexedConnection>,
    url: String,
    _directory: tempfile::TempDir,
}

impl Redis {
    async fn start() -> Result<Redis, Failed> {
        let directory = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let conf = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/redis/redis.conf"))?;
        let own = format!("{conf}\nport {port}\nbind 127.0.0.1\ndir {}\n", directory.path().display());
        let file = directory.path().join("redis.conf");
        std::fs::write(&file, own)?;
        let process = Process(Command::new("redis-server").arg(file).stdout(Stdio::null()).spawn()?);
        let url = format!("redis://127.0.0.1:{port}");
        let info = url.as_str().into_connection_info()?;
        let tcp = redis::io::tcp::TcpSettings::default().set_nodelay(true);
        let client = redis::Client::open(info.set_tcp_settings(tcp))?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let connection = loop {
            match client.get_multiplexed_async_connection_with_config(&config).await {
                Ok(connection) => break connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        let mut others = Vec::new();
        for _ in 0..CONNECTIONS {
            others.push(client.get_multiplexed_async_connection_with_config(&config).await?);
        }
        Ok(Redis { process, connection, others, url, _directory: directory })
    }

    /// A figure of `INFO`.
    async fn figure(&self, name: &str) -> Result<f64, Failed> {
        let text: String = cmd("INFO").arg("everything").query_async(&mut self.connection.clone()).await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).ok_or("no such figure")?;
        Ok(line.trim().parse()?)
    }
}

#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    p50: f64,
    p99: f64,
    redis: f64,
    onestop: f64,
}

async fn measure(rounds: usize, callers: usize) -> Result<(), Failed> {
    let (redis, bare) = (Redis::start().await?, Redis::start().await?);
    let secret = redis._directory.path().join("secret");
    let program = local_server::program();
    assert!(Command::new(&program).arg("secret").arg(&secret).status()?.success());
    let mut serve = Command::new(program);
    serve.args(["serve", "--create", "--listen", "127.0.0.1:0", "--store", &redis.url, "--secret"]).arg(&secret);
    let (onestop, url) = started(serve)?;
    let mut client = Client::connect(&url).await.map_err(|failure| failure.to_string())?;
    let empty = redis.figure("used_memory").await?;
    local_server::tables(&mut client, PERSONS).await?;
    let persons = redis.figure("used_memory").await?;
    let written = redis.figure("aof_current_size").await?;
    prepare(&bare).await?;
    let (next, turn) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let (mut settles, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        settles.push(
            round(&redis, Some(&onestop), callers, |end| settling(client.clone(), Arc::clone(&next), end)).await?,
        );
        bares.push(
            round(&bare, None, callers, |end| {
                committing(bare.others[turn.fetch_add(1, Ordering::Relaxed) % CONNECTIONS].clone(), end)
            })
            .await?,
        );
    }
    let each = |rounds: &[Figures], of: fn(&Figures) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
    let middle = |rounds: &[Figures], of| median(&each(rounds, of));
    let beside = [
        ("per_second", middle(&settles, |f| f.rate)),
        ("bare_per_second", middle(&bares, |f| f.rate)),
        ("onestop_cpu_us", middle(&settles, |f| f.onestop)),
        ("redis_cpu_us", middle(&settles, |f| f.redis)),
        ("bare_redis_cpu_us", middle(&bares, |f| f.redis)),
        ("p50_ms", middle(&settles, |f| f.p50)),
        ("p99_ms", middle(&settles, |f| f.p99)),
        ("bare_p99_ms", middle(&bares, |f| f.p99)),
    ];
    let mut limits = Limits::default();
    let rates = [&settles, &bares].map(|rounds| each(rounds, |f| f.rate));
    limits.add("redis_per_bare_function", &ratios(&rates[0], &rates[1]), &beside);
    limits.write()?;
    let settled = next.load(Ordering::Relaxed) as f64;
    let (memory, file) = (redis.figure("used_memory").await?, redis.figure("aof_current_size").await?);
    println!("a person takes {:.0} bytes of memory", (persons - empty) / PERSONS as f64);
    println!(
        "a settlement takes {:.0} bytes of memory, {:.0} of the file",
        (memory - persons) / settled,
        (file - written) / settled
    );
    Ok(())
}

fn started(mut command: Command) -> Result<(Process, String), Failed> {
    use std::io::BufRead;
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).ok_or("no address")?;
    Ok((Process(child), url.trim_end_matches(',').to_owned()))
}

/// Loads the functions and the marker of a store into the bare server.
async fn prepare(bare: &Redis) -> Result<(), Failed> {
    let mut commands = pipe();
    commands.cmd("FUNCTION").arg("LOAD").arg(include_str!("../src/store/redis/functions.lua")).ignore();
    commands.cmd("SET").arg("bare:{00}:store").arg("mark").ignore();
    Ok(commands.exec_async(&mut bare.connection.clone()).await?)
}

async fn round<T>(
    redis: &Redis,
    onestop: Option<&Process>,
    callers: usize,
    caller: impl Fn(Instant) -> T,
) -> Result<Figures, Failed>
where
    T: Future<Output = Result<Vec<Duration>, Failed>> + Send + 'static,
{
    let own = || onestop.map_or(Ok(0.0), Process::cpu);
    let (start, before, own_before) = (Instant::now(), redis.process.cpu()?, own()?);
    let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(caller(start + ROUND))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let (elapsed, calls) = (start.elapsed().as_secs_f64(), times.len() as f64);
    let (redis, onestop) = ((redis.process.cpu()? - before) / calls, (own()? - own_before) / calls);
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    Ok(Figures { rate: calls / elapsed, p50: at(0.5), p99: at(0.99), redis, onestop })
}

async fn settling(mut client: Client, next: Arc<AtomicUsize>, end: Instant) -> Result<Vec<Duration>, Failed> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let claim = local_server::claim(number, PERSONS);
        let start = Instant::now();
        client.settle(&claim, &format!("r{number}"), Vec::new()).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Commits records of the same size for persons without a state, one in a call.
async fn committing(mut connection: MultiplexedConnection, end: Instant) -> Result<Vec<Duration>, Failed> {
    let (record, state, mut times) = (vec![7u8; RECORD], vec![7u8; STATE], Vec::new());
    while Instant::now() < end {
        let id = uuid::Uuid::now_v7();
        let key = |kind: &str| [format!("bare:{{00}}:{kind}").as_bytes(), id.as_bytes()].concat();
        let shared = |kind: &str| format!("bare:{{00}}:{kind}").into_bytes();
        let keys = [
            shared("store"),
            shared("persons"),
            shared("journal"),
            shared("entries"),
            shared("clock"),
            shared("day"),
            shared("closed"),
            key("p"),
            shared("l"),
            key("e"),
            key("b"),
        ];
        let mut command = cmd("FCALL");
        command.arg("onestop_6_commit").arg(keys.len()).arg(&keys[..]);
        command.arg("mark").arg(1).arg(&[10u8][..]).arg(1).arg(4).arg(19);
        command.arg(&[0u8; 8][..]).arg(&state).arg(&id.as_bytes()[..]).arg(key("r")).arg(&id.as_bytes()[..]);
        command.arg(&[1u8, 51, 255, 10][..]).arg(1).arg(20_170_615).arg("live").arg("-").arg(1).arg("person");
        command.arg(&record).arg(id.to_string()).arg("settled").arg(id.to_string()).arg(1_497_484_800_000_000u64);
        command.arg(key("c")).arg(&state[..80]);
        let start = Instant::now();
        let reply: Vec<String> = command.query_async(&mut connection).await?;
        assert_eq!(reply, ["done"]);
        times.push(start.elapsed());
    }
    Ok(times)
}
