//! `onestop load`: a load test. It imports persons of its own, settles claims with many callers at once, and reports rate
//! and latency. Claims and time are limited, and only a server on loopback is accepted unless `--anywhere` is given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::exit::{CommandError, CommandResult};
use crate::domain::claim::{Quantity, RawClaim, RawDate, RawItem, UnitPrice};
use crate::domain::money::Money;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::address::ServerOptions;
use super::connection::Client;
use super::import;
use super::interrupt;
use crate::cli::error::client::{ClientError, described, leaves_outcome_unknown};

/// The hospital.
const HOSPITAL: &str = "LOAD-H";

/// The number of codes in the catalogue, and of items in each claim.
const CODES: u64 = 20;

/// The size of a load test.
#[derive(clap::Args, Debug)]
pub(crate) struct LoadOptions {
    #[command(flatten)]
    server: ServerOptions,
    /// Concurrent callers
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    callers: u64,
    /// Maximum number of claims
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    claims: u64,
    /// Maximum duration in seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Number of persons to import before the load starts
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    persons: u64,
    /// Only import the tables; where callers have roles, call as a registrar
    #[arg(long, conflicts_with = "prepared")]
    prepare: bool,
    /// Skip the import; where callers have roles, call as the hospital LOAD-H
    #[arg(long)]
    prepared: bool,
    /// Allow a server that is not on this machine
    #[arg(long)]
    anywhere: bool,
}

/// The results of callers.
#[derive(Default)]
struct LoadResults {
    latency_micros: Vec<u32>,
    refused: BTreeMap<String, u64>,
}

/// Runs a load test.
///
/// # Errors
/// If a claim is refused, the server is not on loopback and that is not allowed, or the server is lost.
pub(crate) async fn run(options: &LoadOptions, json: bool) -> CommandResult {
    if !options.anywhere && !is_loopback(&options.server.server) {
        return Err(CommandError::Usage(format!(
            "{} is not on this machine; --anywhere allows that",
            options.server.server
        )));
    }
    let mut client = Client::connect_to(&options.server).await?;
    if !options.prepared {
        import_tables(&mut client, options.persons).await?;
    }
    if options.prepare {
        return Ok(());
    }
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let (run, until) = (uuid::Uuid::now_v7().simple().to_string(), start + Duration::from_secs(options.seconds));
    let mut callers = Vec::new();
    let interrupted = interrupt::flag();
    for _ in 0..options.callers {
        let (next, interrupted) = (Arc::clone(&next), Arc::clone(&interrupted));
        let caller = LoadCaller { client: client.clone(), next, run: run.clone(), until, interrupted };
        callers.push(tokio::spawn(caller.call(options.claims, options.persons)));
    }
    let mut results = LoadResults::default();
    for caller in callers {
        let of_caller = caller.await.map_err(ClientError::LoadTask)??;
        results.latency_micros.extend(of_caller.latency_micros);
        of_caller.refused.into_iter().for_each(|(why, count)| *results.refused.entry(why).or_default() += count);
    }
    print(results, start.elapsed(), json)
}

struct LoadCaller {
    client: Client,
    next: Arc<AtomicU64>,
    run: String,
    until: Instant,
    interrupted: Arc<AtomicBool>,
}

impl LoadCaller {
    async fn call(mut self, claims: u64, persons: u64) -> Result<LoadResults, ClientError> {
        let mut results = LoadResults::default();
        while Instant::now() < self.until && !self.interrupted.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= claims {
                break;
            }
            let id = format!("{}-{number}", self.run);
            let start = Instant::now();
            match self.client.settle(&load_claim(&id, number % persons), &id, Vec::new()).await {
                Ok(_) => results.latency_micros.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX)),
                Err(status) if leaves_outcome_unknown(&status) => return Err(status.into()),
                Err(status) => *results.refused.entry(described(&status)).or_default() += 1,
            }
        }
        Ok(results)
    }
}

fn print(mut results: LoadResults, took: Duration, json: bool) -> CommandResult {
    results.latency_micros.sort_unstable();
    let percentile = |thousandths: usize| {
        let at =
            (results.latency_micros.len() * thousandths / 1_000).min(results.latency_micros.len().saturating_sub(1));
        results.latency_micros.get(at).copied().unwrap_or(0)
    };
    let [p50, p99, p999] = [500, 990, 999].map(percentile);
    let (settled, refused) = (results.latency_micros.len() as u64, results.refused.values().sum::<u64>());
    let millis = took.as_millis().max(1) as u64;
    let rate = settled * 1_000 / millis;
    if json {
        say!(
            "{}",
            json!({
                "settled": settled, "millis": millis, "per_second": rate, "p50_micros": p50, "p99_micros": p99,
                "p999_micros": p999, "refused": results.refused,
            })
        );
    } else {
        say!("{settled} settled in {millis} ms: {rate} a second; p50 {p50} µs, p99 {p99} µs, p99.9 {p999} µs");
        results.refused.iter().for_each(|(why, count)| say!("{count} refused: {why}"));
    }
    if refused == 0 { Ok(()) } else { Err(CommandError::Refused(refused)) }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn import_tables(client: &mut Client, persons: u64) -> CommandResult {
    let row = |cells: &[&str]| vec![cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
    let each = |cells: &[&str]| {
        let cells: Vec<_> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        (0..persons).map(|number| [&[format!("LOAD-P-{number}")][..], &cells].concat()).collect::<Vec<_>>()
    };
    let codes = (0..CODES).map(|number| format!("LOAD-{number}"));
    let codes = codes.flat_map(|code| row(&[&code, "", "", "an item of a load test", "B", "0.10", "", ""])).collect();
    for (table, rows) in [
        (ReferenceTable::Catalogue, codes),
        (ReferenceTable::Designations, row(&[HOSPITAL, "", ""])),
        (ReferenceTable::Hospitals, row(&[HOSPITAL, "", "a hospital of a load test", "tertiary", "370100", "", ""])),
        (ReferenceTable::Categories, each(&["registered_poor", "", ""])),
        (ReferenceTable::Enrolments, each(&["", "resident", "370100", ""])),
    ] {
        import::import_table(client, table, rows).await?;
    }
    Ok(())
}

/// A claim of a registered poor person with one item per code.
fn load_claim(id: &str, person: u64) -> RawClaim {
    let item = |at: u64| RawItem {
        code: format!("LOAD-{at}"),
        quantity: Quantity(20_000),
        unit_price: UnitPrice(61_700_000),
        amount: Money::from_fen(12_340),
        day: None,
    };
    let day = |day| Some(RawDate { year: 2017, month: 6, day });
    RawClaim {
        claim_id: id.into(),
        hospital_id: HOSPITAL.into(),
        person_id: format!("LOAD-P-{person}"),
        visit: "inpatient".to_owned(),
        emergency: false,
        admitted: day(8),
        discharged: day(15),
        items: (0..CODES).map(item).collect(),
        total: None,
        diagnosis: None,
        continues: None,
    }
}
