//! `kill -9` while months are closed and claims of these months are reversed, on both stores: a month that was acknowledged as
//! closed stays closed, none is left out or closed twice, and every reversal is booked as the closings before it say.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use onestop::cli::client::Client;
use onestop::cli::error::client::leaves_outcome_unknown;
use onestop::domain::month::Month;
use onestop::engine::{Engine, EngineSettings};
use onestop::policy::shipped;
use onestop::store::Store;
use onestop::store::embedded::{Durability, EmbeddedStore};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::ended;
use crate::closing::{reversal, stamp_on};
use crate::support::claims::{claim, settle};
use crate::support::import_tables;
use crate::support::program::{Serve, run};
use crate::support::redis_server::{self, DURABLE, RedisServer};

const ROUNDS: usize = 3;

/// Claims of each month; a quarter of them is reversed in a round.
const CLAIMS: usize = 12;

/// The months with claims, which are closed one after another.
const MONTHS: [&str; 6] = ["2017-01", "2017-02", "2017-03", "2017-04", "2017-05", "2017-06"];

/// Where a server keeps its store, and what it needs to open it.
struct Place<'a> {
    store: &'a Path,
    more: &'a [&'a str],
    /// Whether all entries are in the order of their commits.
    has_one_order: bool,
}

fn claim_id(month: usize, number: usize) -> String {
    format!("{}-{number}", MONTHS[month])
}

fn person(number: usize) -> String {
    format!("P{}", 1 + number % 4)
}

/// Settles the claims of all months, each in its month.
async fn settled<S: Store>(store: S) {
    let book = shipped::book().expect("the shipped book");
    let engine = Engine::open(store, book, EngineSettings::default()).await.expect("an engine");
    import_tables(&engine).await;
    for (month, name) in MONTHS.iter().enumerate() {
        for number in 0..CLAIMS {
            let request = settle(claim(&claim_id(month, number), &person(number), "10.00"));
            let stamp = stamp_on(&format!("{name}-15"), 1 + (month * CLAIMS + number) as u64);
            let stamp = stamp.for_person(&person(number));
            engine.settle(request, stamp).await.expect("a settlement");
        }
    }
}

/// What the tasks of a round share: how much was acknowledged, and at how much the server is killed.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicUsize,
    kill_at: usize,
    reached: Notify,
}

impl Progress {
    fn note(&self) {
        if self.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 == self.kill_at {
            self.reached.notify_one();
        }
    }
}

/// Closes the months that are open, one after another, until the server is gone; returns the last that was acknowledged.
async fn close_months(mut client: Client, progress: Arc<Progress>) -> Option<Month> {
    let mut closed = None;
    for month in MONTHS {
        let month = self::month(month);
        match client.close_month(month).await {
            Ok(_) => closed = Some(month),
            Err(status) => {
                assert!(leaves_outcome_unknown(&status), "{status}");
                break;
            }
        }
        progress.note();
    }
    closed
}

/// Reverses claims of every month until the server is gone; returns those that were acknowledged.
async fn reverse_claims(mut client: Client, number: usize, progress: Arc<Progress>) -> Vec<String> {
    let mut reversed = Vec::new();
    for month in 0..MONTHS.len() {
        let id = claim_id(month, number);
        match client.reverse(&reversal(&id, &person(number)).reversal, &format!("V-{id}"), false).await {
            Ok(_) => reversed.push(id),
            Err(status) => {
                assert!(leaves_outcome_unknown(&status), "{status}");
                break;
            }
        }
        progress.note();
    }
    reversed
}

/// Kills the server, and what else is to be killed, while months are closed and claims are reversed.
async fn killed(place: &Place<'_>, round: usize, redis: Option<&RedisServer>) -> (Option<Month>, Vec<String>) {
    let serve = Serve::start(place.store, place.more);
    let client = serve.client().await;
    let progress = Arc::new(Progress { kill_at: 2 + 3 * round, ..Progress::default() });
    let closing = tokio::spawn(close_months(client.clone(), Arc::clone(&progress)));
    let mut reversals = JoinSet::new();
    for number in (0..CLAIMS).filter(|number| number % ROUNDS == round) {
        reversals.spawn(reverse_claims(client.clone(), number, Arc::clone(&progress)));
    }
    progress.reached.notified().await;
    redis.into_iter().for_each(RedisServer::kill);
    serve.kill();
    redis.into_iter().for_each(RedisServer::restart);
    (closing.await.expect("no panic"), reversals.join_all().await.concat())
}

/// What was answered to a test, over all rounds.
#[derive(Default)]
struct Acknowledged {
    /// The last month that was closed.
    through: Option<Month>,
    /// The claims that were reversed.
    reversed: Vec<String>,
    /// Those of them whose month was known to be closed before.
    reversed_after_closing: Vec<String>,
}

impl Acknowledged {
    fn add(&mut self, through: Option<Month>, reversed: Vec<String>) {
        let is_late = |id: &&String| self.through.is_some_and(|through| month_of_claim(id) <= through);
        self.reversed_after_closing.extend(reversed.iter().filter(is_late).cloned());
        self.reversed.extend(reversed);
        self.through = self.through.max(through);
    }
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn month_of_claim(id: &str) -> Month {
    month(&id[..7])
}

/// The last month that is closed, after everything was checked: closings one after another, each once; what was acknowledged
/// is there once; and each reversal is booked in the month of its claim, or in that of its commit if the other was closed
/// before it. On Redis the entries of a person are in no certain order with those of the administration.
fn checked(place: &Place<'_>, entries: &[Value], acknowledged: &Acknowledged) -> Option<Month> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let is_closing = |entry: &&Value| entry["kind"] == "month_closing";
    let closed: Vec<Month> = entries.iter().filter(is_closing).map(|entry| month(&text(&entry["month"]))).collect();
    let expected: Vec<Month> = MONTHS[..closed.len()].iter().map(|text| month(text)).collect();
    assert_eq!(closed, expected, "one after another, each once");
    let mut found = Vec::new();
    for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry["kind"] == "reversal") {
        let id = text(&entry["claim_id"]);
        let (settled, is_moved) = (month_of_claim(&id), month(&text(&entry["booking_month"])) != month_of_claim(&id));
        let closed_before = &closed[..entries[..at].iter().filter(is_closing).count()];
        match place.has_one_order {
            true => assert_eq!(is_moved, closed_before.contains(&settled), "{id} after {closed_before:?}"),
            false => assert!(!is_moved || closed.contains(&settled), "{id}, {closed:?}"),
        }
        assert!(is_moved || !acknowledged.reversed_after_closing.contains(&id), "{id} was reversed when it was closed");
        found.push(id);
    }
    assert!(acknowledged.reversed.iter().all(|id| found.contains(id)), "what was acknowledged is there");
    found.sort();
    assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "each is reversed once");
    let through = closed.last().copied();
    assert!(through >= acknowledged.through, "{through:?}, {:?}", acknowledged.through);
    through
}

fn entries(serve: &Serve) -> Vec<Value> {
    let (code, output, errors) = run(&["entries", "--json", "--server", &serve.url]);
    assert_eq!(code, Some(0), "{errors}");
    output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn survives_kills(place: Place<'_>, redis: Option<&RedisServer>) {
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let (through, reversed) = killed(&place, round, redis).await;
        acknowledged.add(through, reversed);
        let serve = Serve::start(place.store, place.more);
        let through = checked(&place, &entries(&serve), &acknowledged);
        let Acknowledged { through: known, reversed, reversed_after_closing } = &acknowledged;
        println!(
            "round {round}: closed through {known:?} as acknowledged, through {through:?} in all; {} reversals, {} of them late",
            reversed.len(),
            reversed_after_closing.len()
        );
        assert_eq!(ended(serve).await, Some(0));
    }
    // What was interrupted is completed by the same requests, and nothing is done twice.
    let serve = Serve::start(place.store, place.more);
    let (progress, through) = (Arc::new(Progress::default()), checked(&place, &entries(&serve), &acknowledged));
    acknowledged.add(close_months(serve.client().await, Arc::clone(&progress)).await, Vec::new());
    assert!(acknowledged.through == MONTHS.last().map(|text| month(text)) && through <= acknowledged.through);
    let is_reversal = |entry: &&Value| entry["kind"] == "reversal";
    let before: Vec<Value> =
        entries(&serve).iter().filter(is_reversal).map(|entry| entry["claim_id"].clone()).collect();
    for number in 0..CLAIMS {
        let again = reverse_claims(serve.client().await, number, Arc::clone(&progress)).await;
        assert_eq!(again.len(), MONTHS.len());
        acknowledged.add(None, again.into_iter().filter(|id| !before.contains(&id.as_str().into())).collect());
    }
    let all = entries(&serve);
    checked(&place, &all, &acknowledged);
    assert_eq!(all.iter().filter(is_reversal).count(), CLAIMS * MONTHS.len());
    assert!(!acknowledged.reversed_after_closing.is_empty());
    assert_eq!(ended(serve).await, Some(0));
    let store = place.store.to_str().expect("a path");
    let secret: Vec<&str> = place.more.iter().copied().skip_while(|word| *word != "--secret").take(2).collect();
    let (code, output, errors) = run(&[&["audit", "verify", "--store", store][..], &secret].concat());
    assert_eq!(code, Some(0), "{output}{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_month_stays_closed_when_a_server_on_a_directory_is_killed_meanwhile() {
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    settled(EmbeddedStore::open(&store, Durability::Synced).expect("a store")).await;
    survives_kills(Place { store: &store, more: &[], has_one_order: true }, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_month_stays_closed_when_a_server_and_its_redis_are_killed_meanwhile() {
    let (place, redis) = (tempfile::tempdir().expect("a directory"), RedisServer::start(DURABLE));
    let (url, secret) = (redis.url(), redis_server::secret_file(place.path()));
    settled(redis_server::open(&url).await).await;
    let place = Place { store: Path::new(&url), more: &["--secret", &secret], has_one_order: false };
    survives_kills(place, Some(&redis)).await;
}
