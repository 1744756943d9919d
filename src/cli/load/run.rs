//! Runs a load from the start of its server to its report.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::audit::Audit;
use super::claims::Claims;
use super::committed::Committed;
use super::connections::Connections;
use super::drive::{Stop, closed_loop, open_loop};
use super::knee::{RampLimits, Step};
use super::options::LoadOptions;
use super::own_server::OwnServer;
use super::page;
use super::player::Player;
use super::population::Population;
use super::recorder::Recorder;
use super::report::{Audited, End, Report, millis};
use crate::cli::client::{Client, interrupt};
use crate::cli::error::load::LoadError;
use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::output::progress::Progress;
use crate::policy::Book;
use crate::reference::table::ReferenceTable;
use crate::say;
use crate::server::run::load_book;

/// How long no server may answer before the load ends.
const SERVERS_LOST_AFTER: Duration = Duration::from_secs(3);

/// How often the live view is drawn and the end of the load is looked for.
const TICK: Duration = Duration::from_millis(250);

/// The tables, in the order in which they are imported.
const TABLES: [ReferenceTable; 6] = [
    ReferenceTable::Hospitals,
    ReferenceTable::Designations,
    ReferenceTable::Catalogue,
    ReferenceTable::Enrolments,
    ReferenceTable::Categories,
    ReferenceTable::Approvals,
];

/// Runs a load test.
///
/// # Errors
/// If a call failed, an answer is wrong or the audit finds something; if a server is not on loopback and that is not
/// allowed, or no server answers any more.
pub(crate) async fn run(options: &LoadOptions, json: bool) -> CommandResult {
    options.check_servers()?;
    let book = load_book(options.policies.as_deref())?;
    let own_server = match options.servers.is_empty() {
        true => Some(OwnServer::start(book.clone())?),
        false => None,
    };
    let servers = own_server.as_ref().map_or_else(|| options.servers.clone(), |server| vec![server.url.clone()]);
    let ran = run_on(options, &servers, book, json).await;
    let stopped = own_server.map_or(Ok(()), OwnServer::stop);
    ran?;
    Ok(stopped?)
}

async fn run_on(options: &LoadOptions, servers: &[String], book: Book, json: bool) -> CommandResult {
    let is_own = options.servers.is_empty();
    let claims = claims_to_play(options, is_own);
    let progress = Progress::in_stages();
    if !options.prepared {
        import(options, servers, &claims.population, &progress).await?;
    }
    if options.prepare {
        return Ok(());
    }
    let each = options.connections as usize;
    let connections = Connections::open(servers, &options.tls, each, options.transport()).await?;
    let (start, step) = (Instant::now(), options.ramp().map(|(_, step)| step));
    let recorder = Recorder::new(start, step).map_err(LoadError::Histogram)?;
    let player = Player { claims, connections, recorder, committed: Committed::default(), view: options.view() };
    let player = Arc::new(player);
    let interrupted = interrupt::flag();
    let end = play(options, &player, &interrupted, &progress).await;
    let time = start.elapsed();
    let measured = player.recorder.measured();
    let audited = audit(options, &player, book, end, &progress).await;
    drop(progress);
    let steps = steps(options, &player);
    report(options, &Report { setup: setup(options, servers), end, time, measured, steps, audited }, json)
}

/// The claims of this run; on a server of its own they are the same each time.
fn claims_to_play(options: &LoadOptions, has_own_server: bool) -> Claims {
    let unique = || format!("{:x}", uuid::Uuid::now_v7().as_u128() >> 80);
    let name = options.name.clone().unwrap_or_else(|| if has_own_server { "LOAD".to_owned() } else { unique() });
    let run = if has_own_server { "1".to_owned() } else { unique() };
    let population = Population { seed: options.seed, name, persons: options.persons, hospitals: options.hospitals };
    Claims { population, run, profile: options.profile }
}

async fn import(
    options: &LoadOptions,
    servers: &[String],
    population: &Population,
    progress: &Progress,
) -> Result<(), LoadError> {
    let Some(server) = servers.first() else { return Ok(()) };
    let mut client = Client::over(options.tls.connect(server).await?);
    for (at, table) in TABLES.into_iter().enumerate() {
        progress.set_stage(table.as_str(), at as u64, TABLES.len() as u64);
        client.import_rows(table, population.rows(table)).await?;
    }
    Ok(())
}

/// Plays the arrivals, and stops when Ctrl-C, a ramp past its knee or lost servers end the load.
async fn play(options: &LoadOptions, player: &Arc<Player>, interrupted: &AtomicBool, progress: &Progress) -> End {
    let (stop, limit) = (Arc::new(Stop::default()), options.claims);
    let playing = async {
        match options.schedule() {
            None => closed_loop(player, &stop, options.callers as usize, limit, options.time()).await,
            Some(arrivals) => open_loop(player, &stop, arrivals, options.in_flight as usize, limit).await,
        }
    };
    tokio::pin!(playing);
    let mut end = End::Done;
    loop {
        tokio::select! {
            () = &mut playing => return end,
            () = tokio::time::sleep(TICK) => {
                show(player, options.time(), progress);
                if end == End::Done {
                    end = reached_end(options, player, interrupted);
                }
                if end != End::Done {
                    stop.set();
                }
            }
        }
    }
}

fn reached_end(options: &LoadOptions, player: &Player, interrupted: &AtomicBool) -> End {
    if interrupted.load(Ordering::Relaxed) {
        return End::Interrupted;
    }
    if player.recorder.is_server_lost(SERVERS_LOST_AFTER) {
        return End::ServersLost;
    }
    let over =
        options.ramp().map(|(_, step)| (player.recorder.start().elapsed().as_secs_f64() / step.as_secs_f64()) as usize);
    let steps = steps(options, player);
    // A step is judged when the one after it is over: by then its arrivals are answered, or late.
    let is_past = |over: usize| steps.iter().take(over.saturating_sub(1)).any(|step| !step.is_carried);
    if over.is_some_and(is_past) { End::KneeFound } else { End::Done }
}

fn steps(options: &LoadOptions, player: &Player) -> Vec<Step> {
    let Some((start, _)) = options.ramp() else { return Vec::new() };
    RampLimits { start, p99_micros: options.p99_limit * 1_000 }.steps(&player.recorder.steps())
}

/// The live view.
fn show(player: &Player, time: Duration, progress: &Progress) {
    let Some(second) = player.recorder.end_second() else { return };
    let [p50, _, p99, ..] = second.percentiles.map(millis);
    progress.set_seconds(second.number, time.as_secs(), || {
        format!("{} calls a second, p50 {p50} ms, p99 {p99} ms, {} failed", second.answered, second.errors)
    });
}

async fn audit(options: &LoadOptions, player: &Player, book: Book, end: End, progress: &Progress) -> Audited {
    if options.audit == 0 {
        return Audited::Not("not asked for".to_owned());
    }
    if end == End::ServersLost {
        return Audited::Not("no server answers".to_owned());
    }
    let sent = player.committed.take_sorted();
    let Some(connection) = player.connections.pick(0) else { return Audited::Not("no server".to_owned()) };
    let audit = Audit { client: connection.client(), claims: &player.claims, book };
    let audited = async {
        match audit.has_same_book().await? {
            false => Ok(Audited::Not("the server applies other policies; --policies names them".to_owned())),
            true => {
                let shown = |persons| progress.set_stage("persons audited", persons, options.audit);
                audit.run(&sent, options.audit, shown).await.map(Audited::Done)
            }
        }
    };
    audited.await.unwrap_or_else(|error: LoadError| Audited::Not(error.to_string()))
}

fn setup(options: &LoadOptions, servers: &[String]) -> Vec<(&'static str, String)> {
    let own = if options.servers.is_empty() { " (its own, on a temporary store)" } else { "" };
    let arrivals = match options.schedule() {
        None => format!("closed loop, {} callers", options.callers),
        Some(arrivals) => format!("{arrivals:?}, at most {} in flight", options.in_flight),
    };
    vec![
        ("servers", format!("{}{own}", servers.join(" "))),
        ("arrivals", arrivals),
        ("transport", format!("{:?}, {} connections to each server", options.transport(), options.connections)),
        ("answers", format!("{:?}", options.view())),
        ("profile", format!("{:?}", options.profile)),
        ("persons", options.persons.to_string()),
        ("hospitals", options.hospitals.to_string()),
        ("seed", options.seed.to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

fn report(options: &LoadOptions, report: &Report, json: bool) -> CommandResult {
    if json {
        say!("{}", report.json());
    } else {
        write_page(&report.text());
    }
    if let Some(path) = &options.html {
        std::fs::write(path, page::html(report)).map_err(CommandError::file(path))?;
    }
    if report.end == End::ServersLost {
        return Err(LoadError::ServersLost.into());
    }
    // A ramp goes past what the servers carry.
    let failed = if options.ramp().is_some() { 0 } else { report.sums().2 };
    match (report.wrong(), failed) {
        (0, 0) => Ok(()),
        (0, failed) => Err(CommandError::Refused(failed)),
        (wrong, _) => Err(CommandError::Differs(wrong)),
    }
}
