//! `onestop load`: plays the peak discharge morning against a server, with persons of its own, and tells how fast it
//! was answered. Bounded in number and time; to loopback only, unless it is told otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::domain::claim::{Item, Quantity, RawClaim, RawDate, UnitPrice};
use crate::domain::money::Money;
use crate::domain::vocabulary::Visit;
use crate::reference::table::ReferenceTable;
use crate::say;

use super::address::Server;
use super::connection::{self as client, Client};
use super::import;
use crate::cli::exit::{Ended, Failure};

/// The hospital, and what its codes and persons begin with.
const HOSPITAL: &str = "LOAD-H";
const CODES: u64 = 20;

/// What `load` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(flatten)]
    server: Server,
    /// Callers that settle at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    callers: u64,
    /// The most claims
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    claims: u64,
    /// The most seconds
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Persons, to be imported first
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    persons: u64,
    /// Import the tables and stop: as a registrar, where callers have roles
    #[arg(long, conflicts_with = "prepared")]
    prepare: bool,
    /// The tables were imported before: as a hospital with the id LOAD-H
    #[arg(long)]
    prepared: bool,
    /// Also against a server that is not on this machine
    #[arg(long)]
    anywhere: bool,
}

/// What the callers came to.
#[derive(Default)]
struct Told {
    micros: Vec<u32>,
    refused: BTreeMap<String, u64>,
}

/// Plays it.
///
/// # Errors
/// Exit 1 if a claim is refused, 2 if the server is elsewhere and that was not allowed, 3 if it is lost.
pub async fn run(options: &Options, json: bool) -> Ended {
    if !options.anywhere && !is_loopback(&options.server.server) {
        return Err(Failure::Usage(format!(
            "{} is not on this machine; --anywhere allows that",
            options.server.server
        )));
    }
    let mut client = options.server.connect().await?;
    if !options.prepared {
        tables(&mut client, options.persons).await?;
    }
    if options.prepare {
        return Ok(());
    }
    let (next, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let (run, until) = (uuid::Uuid::now_v7().simple().to_string(), start + Duration::from_secs(options.seconds));
    let mut callers = Vec::new();
    for _ in 0..options.callers {
        let caller = Caller { client: client.clone(), next: Arc::clone(&next), run: run.clone(), until };
        callers.push(tokio::spawn(caller.call(options.claims, options.persons)));
    }
    let mut all = Told::default();
    for caller in callers {
        let told = caller.await.map_err(|error| Failure::Unreachable(error.to_string()))??;
        all.micros.extend(told.micros);
        told.refused.into_iter().for_each(|(why, count)| *all.refused.entry(why).or_default() += count);
    }
    tell(all, start.elapsed(), json)
}

struct Caller {
    client: Client,
    next: Arc<AtomicU64>,
    run: String,
    until: Instant,
}

impl Caller {
    async fn call(mut self, claims: u64, persons: u64) -> Result<Told, Failure> {
        let mut told = Told::default();
        while Instant::now() < self.until {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= claims {
                break;
            }
            let id = format!("{}-{number}", self.run);
            let start = Instant::now();
            match self.client.settle(&claim(&id, number % persons), &id.as_str().into(), Vec::new()).await {
                Ok(_) => told.micros.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX)),
                Err(status) => match client::failure(&status) {
                    Failure::Refused(why) => *told.refused.entry(why).or_default() += 1,
                    lost => return Err(lost),
                },
            }
        }
        Ok(told)
    }
}

fn tell(mut told: Told, took: Duration, json: bool) -> Ended {
    told.micros.sort_unstable();
    let share = |thousandths: usize| {
        let at = (told.micros.len() * thousandths / 1_000).min(told.micros.len().saturating_sub(1));
        told.micros.get(at).copied().unwrap_or(0)
    };
    let [p50, p99, p999] = [500, 990, 999].map(share);
    let (settled, refused) = (told.micros.len() as u64, told.refused.values().sum::<u64>());
    let millis = took.as_millis().max(1) as u64;
    let rate = settled * 1_000 / millis;
    if json {
        say!(
            "{}",
            json!({
                "settled": settled, "millis": millis, "per_second": rate, "p50_micros": p50, "p99_micros": p99,
                "p999_micros": p999, "refused": told.refused,
            })
        );
    } else {
        say!("{settled} settled in {millis} ms: {rate} a second; p50 {p50} µs, p99 {p99} µs, p99.9 {p999} µs");
        told.refused.iter().for_each(|(why, count)| say!("{count} refused: {why}"));
    }
    if refused == 0 { Ok(()) } else { Err(Failure::Refused(format!("{refused} refused"))) }
}

fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn tables(client: &mut Client, persons: u64) -> Ended {
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
        (ReferenceTable::Hospitals, row(&[HOSPITAL, "a hospital of a load test", "tertiary", "370100"])),
        (ReferenceTable::Categories, each(&["registered_poor", "", ""])),
        (ReferenceTable::Enrolments, each(&["", ""])),
        (ReferenceTable::Persons, each(&["resident", "370100"])),
    ] {
        import::import_table(client, table, rows).await.map_err(|status| client::failure(&status))?;
    }
    Ok(())
}

/// A bill of twenty items of a registered poor person.
fn claim(id: &str, person: u64) -> RawClaim {
    let item = |at: u64| Item {
        code: format!("LOAD-{at}").into(),
        quantity: Quantity(20_000),
        unit_price: UnitPrice(61_700_000),
        amount: Money::from_fen(12_340),
    };
    let day = |day| Some(RawDate { year: 2017, month: 6, day });
    RawClaim {
        claim_id: id.into(),
        hospital_id: HOSPITAL.into(),
        person_id: format!("LOAD-P-{person}").into(),
        visit: Some(Visit::Inpatient),
        emergency: false,
        admitted: day(8),
        discharged: day(15),
        items: (0..CODES).map(item).collect(),
    }
}
