//! Servers that do the same in two ways, beside each other with alternating rounds: another build, or telemetry exported
//! and not. Only the client's load is shared; each server has a store of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::calls::{CallKind, Load, Round};
use super::collector::Collector;
use super::measure::{Failed, Limits, median, ratios};
use super::processes::{Process, prepared};

const PROGRAM: &str = env!("CARGO_BIN_EXE_onestop");

/// One way to serve.
struct Side {
    key: &'static str,
    server: Process,
    load: Load,
    rounds: Vec<Round>,
    _store: tempfile::TempDir,
}

impl Side {
    async fn start(
        key: &'static str,
        program: &str,
        variables: &[(&str, &str)],
        callers: usize,
    ) -> Result<Side, Failed> {
        let store = tempfile::tempdir()?;
        let server = Process::onestop(program, store.path(), variables)?;
        let (request, _answers) = prepared(&server.url).await?;
        let load = Load { request, next: Arc::new(AtomicU64::new(1)), callers };
        Ok(Side { key, server, load, rounds: Vec::new(), _store: store })
    }

    fn figures(&self, of: fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(of).collect()
    }
}

/// Calls of this kind on each side in turn, every second time in the opposite order; then the ratios of the later sides to
/// the first, under their keys with this prefix.
async fn alternate(sides: &mut [Side], (prefix, kind): (&str, CallKind), rounds: usize) -> Result<(), Failed> {
    sides.iter_mut().for_each(|side| side.rounds.clear());
    for round in 1..=rounds {
        for turn in 0..sides.len() {
            let turn = if round % 2 == 0 { sides.len() - 1 - turn } else { turn };
            let side = &mut sides[turn];
            let measured = side.load.round(&side.server, kind).await?;
            eprintln!("round {round} of {rounds}, {prefix}{}: {measured}", side.key);
            side.rounds.push(measured);
        }
    }
    let Some((first, others)) = sides.split_first() else { return Ok(()) };
    let mut limits = Limits::default();
    for side in others {
        let rate = |round: &Round| round.rate;
        let cpu = |round: &Round| round.cpu;
        let beside = [
            ("per_second", median(&side.figures(rate))),
            ("first_per_second", median(&first.figures(rate))),
            ("server_cpu_us", median(&side.figures(cpu))),
            ("first_server_cpu_us", median(&first.figures(cpu))),
            ("first_cpu_over_this", median(&ratios(&first.figures(cpu), &side.figures(cpu)))),
        ];
        limits.add(&format!("{prefix}{}", side.key), &ratios(&side.figures(rate), &first.figures(rate)), &beside);
    }
    limits.write()
}

/// Settles, quotes and streams on this build beside another one.
pub async fn builds(other: &str, rounds: usize, callers: usize) -> Result<(), Failed> {
    let first = Side::start("other_build", other, &[], callers).await?;
    let second = Side::start("build_per_other", PROGRAM, &[], callers).await?;
    let mut sides = [first, second];
    for kind in [("", CallKind::Settle), ("quote_", CallKind::Quote), ("stream_", CallKind::Stream)] {
        alternate(&mut sides, kind, rounds).await?;
    }
    Ok(())
}

/// No telemetry, a hundredth of the calls traced, and every call traced; metrics and logs are exported with both.
pub async fn telemetry(rounds: usize, callers: usize) -> Result<(), Failed> {
    let [(sampled, to_sampled), (all, to_all)] = [Collector::start()?, Collector::start()?];
    let endpoint = |url| ("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    let ratio = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    let hundredth = [endpoint(&*to_sampled), ratio, ("OTEL_TRACES_SAMPLER_ARG", "0.01")];
    let every = [endpoint(&*to_all)];
    let mut sides = [
        Side::start("no_telemetry", PROGRAM, &[], callers).await?,
        Side::start("telemetry_sampled_per_none", PROGRAM, &hundredth, callers).await?,
        Side::start("telemetry_all_per_none", PROGRAM, &every, callers).await?,
    ];
    alternate(&mut sides, ("", CallKind::Settle), rounds).await?;
    for (side, collector) in sides[1..].iter().zip([sampled, all]) {
        let settled = side.load.next.load(std::sync::atomic::Ordering::Relaxed);
        let [spans, metrics, logs] = collector.counts();
        println!("{}: of {settled} settles {spans} spans, {metrics} metrics, {logs} log records received", side.key);
    }
    Ok(())
}
