//! Many hospitals at once, for one person: whatever the order, nothing is lost, nothing is paid twice,
//! no cap is exceeded. What happened is read from the journal, entry by entry back from the last.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::ids::{EntryId, PersonId};
use onestop::domain::invariants;
use onestop::domain::journal::{Entry, EntryKind, Settlement};
use onestop::domain::money::Money;
use onestop::domain::vocabulary::{CapKind, Visit};
use onestop::engine::EngineError;
use onestop::engine::reverse::{ReverseOutcome, ReverseRequest};
use onestop::engine::settle::SettleOutcome;
use onestop::engine::{Engine, EngineSettings};
use onestop::grpc::status::Reason;
use onestop::policy::shipped;
use onestop::store::embedded::{Durability, EmbeddedStore};
use onestop::store::memory::MemoryStore;
use onestop::store::rows::PersonState;
use onestop::store::{Scope, Store};

use crate::support::claims::{claim, settle};
use crate::support::redis_server::RedisServer;
use crate::support::{TABLES, row, stamp};

/// How many claims are settled at once.
const TASKS: u64 = 64;

/// How often each request is sent at once.
const COPIES: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_once_in_memory_nothing_is_lost_or_paid_twice() {
    nothing_is_lost_or_paid_twice(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_once_in_a_directory_nothing_is_lost_or_paid_twice() {
    let place = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(place.path(), Durability::Synced).expect("a store");
    nothing_is_lost_or_paid_twice(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_once_on_redis_nothing_is_lost_or_paid_twice() {
    let server = RedisServer::shared();
    nothing_is_lost_or_paid_twice(server.store().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_persons_with_one_claim_id_one_is_settled() {
    let engine = engine(MemoryStore::default()).await;
    let claims = ["P1", "P2"].map(|person| settled(&engine, claim("C1", person, "5000.00"), 0));
    let replies = all(claims.into_iter().flatten().collect()).await;
    let (settled, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    let persons: HashSet<_> = settled.iter().flatten().map(|reply| reply.entry.parties().1.clone()).collect();
    assert_eq!((persons.len(), settled.len(), refused.len()), (1, COPIES as usize, COPIES as usize));
    let others = refused.into_iter().map(|reply| Reason::from(&reply.expect_err("a refusal")));
    assert!(others.into_iter().all(|reason| reason == Reason::ClaimOfAnotherPerson));
}

pub async fn nothing_is_lost_or_paid_twice<S: Store>(store: S) {
    let engine = engine(store).await;
    let claims = (0..TASKS).flat_map(|number| settled(&engine, bill(number), number));
    let reversals = (0..TASKS / 2).map(|number| {
        let engine = Arc::clone(&engine);
        let request = reversal(number, &format!("early-{number}"));
        tokio::spawn(async move { engine.reverse(request, stamp(1_000_000 + number)).await })
    });
    let (settlements, early) = tokio::join!(all(claims.collect()), all(reversals.collect()));
    let settlements: Vec<_> = settlements.into_iter().map(|reply| reply.expect("a settlement")).collect();
    let replies: Vec<_> = settlements.iter().map(|reply| (reply.entry.clone().into(), reply.replay)).collect();
    one_reply_for_each_request(&replies, TASKS);
    for refused in early.into_iter().filter_map(Result::err) {
        assert!(matches!(Reason::from(&refused), Reason::NotFound | Reason::LaterSettlements), "{refused}");
    }
    reverse_the_newest(&engine).await;
    audit(&engine, &state(&engine).await).await;
}

/// An engine that tries again as often as others win.
async fn engine<S: Store>(store: S) -> Arc<Engine<S>> {
    let settings = EngineSettings { conflict_retries: 10_000, ..EngineSettings::default() };
    let engine = Engine::open(store, shipped::book().expect("the shipped book"), settings).await.expect("an engine");
    for (table, rows) in TABLES {
        let rows = rows.iter().map(|cells| row(*table, cells)).collect();
        engine.import(rows).await.expect("sound tables");
    }
    Arc::new(engine)
}

/// A bill of P2's, of different sizes and hospitals; together they are above every cap.
fn bill(number: u64) -> RawClaim {
    let amount = Money::from_fen(2_500_001 + number as i64 * 1_003);
    let told = claim(&format!("C{number}"), "P2", &amount.to_string());
    let visit = if number % 5 == 4 { Visit::Maternity } else { Visit::Inpatient };
    RawClaim { hospital_id: hospital(number), visit: Some(visit), ..told }
}

fn hospital(number: u64) -> String {
    ["H1", "H2", "H3"][number as usize % 3].into()
}

fn reversal(number: u64, request: &str) -> ReverseRequest {
    let told = RawReversal {
        hospital_id: hospital(number),
        person_id: "P2".into(),
        claim_id: format!("C{number}").into(),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    ReverseRequest { reversal: told, request_id: request.into(), dry_run: false }
}

type Reply<T> = tokio::task::JoinHandle<Result<T, EngineError>>;

/// The copies of one request, each with a stamp of its own, all on their way.
fn settled<S: Store>(engine: &Arc<Engine<S>>, told: RawClaim, number: u64) -> Vec<Reply<SettleOutcome>> {
    let copies = (0..COPIES).map(|copy| {
        let (engine, request) = (Arc::clone(engine), settle(told.clone()));
        let person = u64::from(told.person_id == "P1");
        let stamp = stamp(1 + number * COPIES + copy + person * 1_000);
        tokio::spawn(async move { engine.settle(request, stamp).await })
    });
    copies.collect()
}

async fn all<T>(replies: Vec<Reply<T>>) -> Vec<Result<T, EngineError>> {
    let mut answers = Vec::new();
    for reply in replies {
        answers.push(reply.await.expect("no panic"));
    }
    answers
}

/// Every copy is answered with the same entry, and one of them made it.
fn one_reply_for_each_request(replies: &[(Entry, bool)], requests: u64) {
    let mut by_request: BTreeMap<&str, Vec<&(Entry, bool)>> = BTreeMap::new();
    for reply in replies {
        by_request.entry(reply.0.request_id.as_str()).or_default().push(reply);
    }
    assert_eq!(by_request.len() as u64, requests);
    for (request, replies) in by_request {
        assert_eq!(replies.len() as u64, COPIES);
        assert!(replies.iter().all(|reply| reply.0 == replies[0].0), "{request}");
        assert_eq!(replies.iter().filter(|reply| !reply.1).count(), 1, "{request}");
    }
}

/// The newest eight that stand, one after another, each by several copies of one request at once.
async fn reverse_the_newest<S: Store>(engine: &Arc<Engine<S>>) {
    let entries = entries(engine, &state(engine).await).await;
    let live = live(&entries);
    for (at, (_, settled)) in live.iter().rev().take(8).enumerate() {
        let number: u64 = settled.claim.claim_id.as_str()[1..].parse().expect("a number");
        let copies = (0..COPIES).map(|copy| {
            let (engine, request) = (Arc::clone(engine), reversal(number, &format!("newest-{number}")));
            let stamp = stamp(2_000_000 + at as u64 * COPIES + copy);
            tokio::spawn(async move { engine.reverse(request, stamp).await })
        });
        let replies = all(copies.collect()).await;
        let replies = replies.into_iter().map(|reply| reply.expect("a reversal"));
        let replies: Vec<_> = replies.map(|ReverseOutcome { entry, replay, .. }| (entry.into(), replay)).collect();
        one_reply_for_each_request(&replies, 1);
    }
}

async fn state<S: Store>(engine: &Engine<S>) -> PersonState {
    engine.store().look_up(Scope::of_person(&PersonId::from("P2"))).await.expect("a look-up").state
}

/// The person's chain, oldest first.
async fn entries<S: Store>(engine: &Engine<S>, state: &PersonState) -> Vec<Entry> {
    let (mut entries, mut next) = (Vec::new(), state.head);
    while let Some(id) = next {
        let entry = engine.store().entry(id).await.expect("a read").expect("the entry");
        next = entry.link.previous;
        entries.push(entry);
    }
    entries.reverse();
    entries
}

/// The settlements that no later entry reversed.
fn live(entries: &[Entry]) -> Vec<(EntryId, &Settlement)> {
    let reversed: HashSet<_> = entries.iter().filter_map(|entry| Some(entry.reversed()?.settlement)).collect();
    let settled = entries.iter().filter_map(|entry| Some((entry.id, entry.settled()?)));
    settled.filter(|(id, _)| !reversed.contains(id)).collect()
}

async fn audit<S: Store>(engine: &Engine<S>, state: &PersonState) {
    let entries = entries(engine, state).await;
    assert_eq!(entries.len() as u64, state.version);
    assert!(entries.iter().zip(1..).all(|(entry, number)| entry.link.number == number));
    assert!(entries.iter().filter_map(Entry::settled).all(|settled| invariants::check(&settled.split).is_ok()));
    never_twice(&entries);
    let live = live(&entries);
    let [(_, account)] = state.accounts() else { panic!("one account") };
    let live: Vec<_> = live.into_iter().map(|(_, settled)| settled).collect();
    account_is_the_sum(account, &live);
    no_cap_is_exceeded(&live);
}

/// A claim is settled only while it does not stand settled.
fn never_twice(entries: &[Entry]) {
    let mut standing = HashSet::new();
    for entry in entries {
        match &entry.body {
            EntryKind::Settlement(settled) => assert!(standing.insert(settled.claim.claim_id.clone())),
            EntryKind::Reversal(reversed) => assert!(standing.remove(&reversed.claim_id)),
            EntryKind::Fence(_) | EntryKind::Revision(_) => panic!("nobody fenced or re-adjudicated"),
        }
    }
}

fn account_is_the_sum(account: &Account, live: &[&Settlement]) {
    let mut sums: HashMap<&str, (Money, Money)> = HashMap::new();
    for layer in live.iter().flat_map(|settled| &settled.split.layers) {
        let sum = sums.entry(&layer.head.id).or_default();
        *sum = (sum.0 + layer.base, sum.1 + layer.pays);
    }
    for (layer, uses) in account.layers() {
        assert_eq!(sums.remove(&**layer), Some((uses.base, uses.paid)), "{layer}");
    }
    assert!(sums.values().all(|sum| *sum == (Money::ZERO, Money::ZERO)));
    let inpatient = live.iter().filter(|settled| settled.claim.visit == Visit::Inpatient);
    assert_eq!(account.admissions as usize, inpatient.count());
    let moved: BTreeMap<_, _> = moved(live).into_iter().filter(|(_, (sum, _))| *sum > Money::ZERO).collect();
    let caps: Vec<_> = moved.iter().map(|(account, (sum, _))| ((**account).into(), *sum)).collect();
    assert_eq!(account.caps(), caps);
}

/// What moved each cap account, and its cap.
fn moved<'a>(live: &[&'a Settlement]) -> BTreeMap<&'a str, (Money, Option<Money>)> {
    let mut moved = BTreeMap::new();
    for layer in live.iter().flat_map(|settled| &settled.split.layers) {
        for cap in &layer.terms.caps {
            let by = if cap.of == CapKind::Base { layer.base } else { layer.pays };
            let account = moved.entry(&*cap.account).or_insert((Money::ZERO, cap.annual));
            assert_eq!(account.1, cap.annual, "the terms do not change");
            account.0 += by;
        }
    }
    moved
}

fn no_cap_is_exceeded(live: &[&Settlement]) {
    let moved = moved(live);
    assert!(moved.values().all(|(sum, annual)| annual.is_none_or(|annual| *sum <= annual)));
    let full = moved.values().filter(|(sum, annual)| *annual == Some(*sum)).count();
    assert!(full > 0, "the bills reach a cap");
}
