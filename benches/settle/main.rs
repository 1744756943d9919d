//! Calls over gRPC of 64 callers, beside a bare tonic service that decodes the same claim and returns the same bytes: same
//! flags, same allocator, each server in its own process, rounds alternating. Quotes, settles, settles with a summary,
//! streams; then settles in an open loop at half of what each side does at most. It takes two minutes, and reports each
//! round on standard error.
//!
//! `cargo bench --bench settle [-- ROUNDS [CALLERS]]`: 5 rounds with 64 callers by default; loopback only.
//! `cargo bench --bench settle -- builds PROGRAM [ROUNDS [CALLERS]]`: this build beside another one of the server.
//! `cargo bench --bench settle -- overload [ROUNDS [CALLERS]]`: half and twice of what the server does at most.
//! `cargo bench --bench settle -- sustained [SECONDS [CALLERS]]`: at 70% of it, for ten minutes by default, a bare service for two.
//! `cargo bench --bench settle -- telemetry [ROUNDS [CALLERS]]`: telemetry exported to a collector beside none.

#![allow(missing_docs)]

mod bare;
#[allow(dead_code)]
#[path = "../bills.rs"]
mod bills;
mod calls;
mod collector;
mod light_client;
#[allow(dead_code)]
#[path = "../measure.rs"]
mod measure;
mod open_loop;
#[path = "../../tests/support/otlp.rs"]
mod otlp;
mod processes;
mod sides;
#[allow(dead_code)]
#[path = "../straight_line.rs"]
mod straight_line;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bare::Answers;
use calls::{CallKind, Load, Round};
use measure::{Failed, Limits, median, ratios};
use open_loop::{SECONDS, open_loop, overload, sustained};
use processes::{Process, prepared, sync_p99};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let number = |at: usize, default| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    runtime.block_on(async {
        match arguments.get(1).map(String::as_str) {
            Some("bare") => bare::serve().await,
            Some("builds") => {
                let other = arguments.get(2).ok_or("builds PROGRAM [ROUNDS [CALLERS]]")?;
                sides::builds(other, number(3, 5), number(4, 64)).await
            }
            Some("overload") => {
                let store = tempfile::tempdir()?;
                let onestop = Process::onestop(env!("CARGO_BIN_EXE_onestop"), store.path(), &[])?;
                let (request, _answers) = prepared(&onestop.url).await?;
                let load = Load { request, next: Arc::new(AtomicU64::new(1)), callers: number(3, 64) };
                overload(&load, &onestop, number(2, 3)).await
            }
            Some("sustained") => {
                let store = tempfile::tempdir()?;
                let (onestop, bare, load) = both(store.path(), number(3, 64)).await?;
                let mut limits = Limits::default();
                sustained(&load, (&onestop, &bare), number(2, 600) as f64, &mut limits).await?;
                limits.write()
            }
            Some("telemetry") => sides::telemetry(number(2, 5), number(3, 64)).await,
            _ => measure_all(number(1, 5), number(2, 64)).await,
        }
    })
}

async fn measure_all(rounds: usize, callers: usize) -> Result<(), Failed> {
    let store = tempfile::tempdir()?;
    let (onestop, bare, load) = both(store.path(), callers).await?;
    let mut limits = Limits::default();
    let (own, limit) = closed(&load, &onestop, &bare, rounds, &mut limits).await?;
    latency(&load, (&onestop, own), (&bare, limit), (rounds, store.path()), &mut limits).await?;
    limits.write()
}

/// The service over a new store in a directory, a bare service that returns the same bytes, and the load of both.
async fn both(store: &std::path::Path, callers: usize) -> Result<(Process, Process, Load), Failed> {
    let onestop = Process::onestop(env!("CARGO_BIN_EXE_onestop"), store, &[])?;
    let (request, answers) = prepared(&onestop.url).await?;
    let bare = Process::start(Command::new(std::env::current_exe()?).arg("bare"), &answers.line())?;
    print_sizes(&request, &answers, callers);
    Ok((onestop, bare, Load { request, next: Arc::new(AtomicU64::new(1)), callers }))
}

fn print_sizes(request: &onestop::pb::settlement::SettleRequest, answers: &Answers, callers: usize) {
    use prost::Message;
    let [quote, full, summary] =
        [answers.quote.encoded_len(), answers.full.encoded_len(), answers.summary.encoded_len()];
    println!(
        "request {} bytes; quote {quote}, full {full}, summary {summary} bytes; {callers} callers",
        request.encoded_len()
    );
}

/// What each side does at most, in settles a second with the full answer.
async fn closed(
    load: &Load,
    onestop: &Process,
    bare: &Process,
    rounds: usize,
    limits: &mut Limits,
) -> Result<(f64, f64), Failed> {
    let kinds = [
        ("quote_per_bare", CallKind::Quote),
        ("settle_per_bare", CallKind::Settle),
        ("settle_summary_per_bare", CallKind::SettleSummary),
    ];
    let (mut own, mut limit, mut streams) = (vec![Vec::new(); 3], vec![Vec::new(); 3], Vec::new());
    for round in 1..=rounds {
        for (at, (key, kind)) in kinds.iter().enumerate() {
            own[at].push(load.round(onestop, *kind).await?);
            limit[at].push(load.round(bare, *kind).await?);
            if let (Some(own), Some(bare)) = (own[at].last(), limit[at].last()) {
                eprintln!("round {round} of {rounds}, {key}: {own}; bare {bare}");
            }
        }
        streams.push(load.round(onestop, CallKind::Stream).await?);
    }
    let each = |rounds: &[Round], of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
    let rate = |round: &Round| round.rate;
    for (at, (key, _)) in kinds.iter().enumerate() {
        let middle = |rounds: &[Round], of| median(&each(rounds, of));
        let beside = [
            ("per_second", middle(&own[at], rate)),
            ("bare_per_second", middle(&limit[at], rate)),
            ("server_cpu_us", middle(&own[at], |round| round.cpu)),
            ("bare_server_cpu_us", middle(&limit[at], |round| round.cpu)),
            ("p50_ms", middle(&own[at], |round| round.p50)),
            ("p99_ms", middle(&own[at], |round| round.p99)),
            ("bare_p99_ms", middle(&limit[at], |round| round.p99)),
        ];
        limits.add(key, &ratios(&each(&own[at], rate), &each(&limit[at], rate)), &beside);
    }
    let bare_cpu = median(&each(&limit[1], |round| round.cpu));
    limits.add("settle_server_cpu_us", &each(&own[1], |round| round.cpu), &[("bare_server_cpu_us", bare_cpu)]);
    let stream_cpu = median(&each(&streams, |round| round.cpu));
    limits.add("stream_settles_per_s", &each(&streams, rate), &[("server_cpu_us", stream_cpu)]);
    let unary_cpu = median(&each(&own[1], |round| round.cpu));
    let cpu = [("server_cpu_us", stream_cpu), ("unary_server_cpu_us", unary_cpu)];
    limits.add("stream_per_unary", &ratios(&each(&streams, rate), &each(&own[1], rate)), &cpu);
    Ok((median(&each(&own[1], rate)), median(&each(&limit[1], rate))))
}

/// Latency at 99% in an open loop at half of what each side does at most.
async fn latency(
    load: &Load,
    (onestop, most): (&Process, f64),
    (bare, bare_most): (&Process, f64),
    (rounds, directory): (usize, &std::path::Path),
    limits: &mut Limits,
) -> Result<(), Failed> {
    let (mut own, mut limit, mut sync) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}, open loop");
        own.push(open_loop(load, onestop, most / 2.0, SECONDS).await?.at(0.99));
        limit.push(open_loop(load, bare, bare_most / 2.0, SECONDS).await?.at(0.99));
        sync.push(sync_p99(directory)?);
    }
    let beside = [
        ("p99_ms", median(&own)),
        ("bare_p99_ms", median(&limit)),
        ("sync_p99_ms", median(&sync)),
        ("per_second", most / 2.0),
        ("bare_per_second", bare_most / 2.0),
    ];
    limits.add("settle_p99_over_bare_p99", &ratios(&own, &limit), &beside);
    Ok(())
}

/// Latency at a share of all calls, in milliseconds.
fn at(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    times.get(((times.len().max(1) - 1) as f64 * share) as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}

/// The end of a round that begins now.
fn end_of_round() -> Instant {
    Instant::now() + Duration::from_secs(2)
}
