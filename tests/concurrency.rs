//! Many concurrent claims of one person at several hospitals: in any order nothing is lost, nothing is paid twice and no
//! cap is exceeded. The checks read the journal of the person from its last entry backwards.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use onestop::domain::account::Account;
use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawReversal;
use onestop::domain::fixed_words::CapKind;
use onestop::domain::ids::{EntryId, PersonId};
use onestop::domain::invariants;
use onestop::domain::journal::{Entry, EntryKind, Settlement};
use onestop::domain::money::Money;
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
use crate::support::ids::id;
use crate::support::redis_server::RedisServer;
use crate::support::{import_tables, stamp};

/// The number of claims settled concurrently.
const TASKS: u64 = 64;

/// The number of concurrent copies of each request.
const COPIES: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claims_in_memory_are_neither_lost_nor_paid_twice() {
    assert_nothing_is_lost_or_paid_twice(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claims_in_a_directory_are_neither_lost_nor_paid_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(directory.path(), Durability::Synced).expect("a store");
    assert_nothing_is_lost_or_paid_twice(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claims_on_redis_are_neither_lost_nor_paid_twice() {
    let server = RedisServer::shared();
    assert_nothing_is_lost_or_paid_twice(server.store().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_claim_id_used_for_two_persons_at_once_is_settled_for_one() {
    let engine = open_engine(MemoryStore::default()).await;
    let claims = ["P1", "P2"].map(|person| spawn_settles(&engine, claim("C1", person, "5000.00"), 0));
    let replies = join_all(claims.into_iter().flatten().collect()).await;
    let (settled, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
    let persons: HashSet<_> = settled.iter().flatten().map(|reply| reply.entry.parties().1.clone()).collect();
    assert_eq!((persons.len(), settled.len(), refused.len()), (1, COPIES as usize, COPIES as usize));
    let others = refused.into_iter().map(|reply| Reason::from(&reply.expect_err("a refusal")));
    assert!(others.into_iter().all(|reason| reason == Reason::ClaimOfAnotherPerson));
}

pub async fn assert_nothing_is_lost_or_paid_twice<S: Store>(store: S) {
    let engine = open_engine(store).await;
    let claims = (0..TASKS).flat_map(|number| spawn_settles(&engine, bill(number), number));
    let reversals = (0..TASKS / 2).map(|number| {
        let engine = Arc::clone(&engine);
        let request = reverse_request(number, &format!("early-{number}"));
        tokio::spawn(async move { engine.reverse(request, stamp(1_000_000 + number)).await })
    });
    let (settlements, early) = tokio::join!(join_all(claims.collect()), join_all(reversals.collect()));
    let settlements: Vec<_> = settlements.into_iter().map(|reply| reply.expect("a settlement")).collect();
    let replies: Vec<_> = settlements.iter().map(|reply| (reply.entry.clone().into(), reply.replay)).collect();
    assert_one_entry_for_each_request(&replies, TASKS);
    for refused in early.into_iter().filter_map(Result::err) {
        assert!(matches!(Reason::from(&refused), Reason::NotFound | Reason::LaterSettlements), "{refused}");
    }
    reverse_newest(&engine).await;
    assert_journal_and_account_agree(&engine, &person_state(&engine).await).await;
}

/// An engine with enough retries for every conflict.
async fn open_engine<S: Store>(store: S) -> Arc<Engine<S>> {
    let settings = EngineSettings { conflict_retries: 10_000, ..EngineSettings::default() };
    let engine = Engine::open(store, shipped::book().expect("the shipped book"), settings).await.expect("an engine");
    import_tables(&engine).await;
    Arc::new(engine)
}

/// A claim of P2; amounts and hospitals differ, and together the claims exceed every cap.
fn bill(number: u64) -> RawClaim {
    let amount = Money::from_fen(2_500_001 + number as i64 * 1_003);
    let claim = claim(&format!("C{number}"), "P2", &amount.to_string());
    let visit = if number % 5 == 4 { "maternity" } else { "inpatient" }.to_owned();
    RawClaim { hospital_id: hospital_of_claim(number), visit, ..claim }
}

fn hospital_of_claim(number: u64) -> String {
    ["H1", "H2", "H3"][number as usize % 3].into()
}

fn reverse_request(number: u64, request: &str) -> ReverseRequest {
    let reversal = RawReversal {
        hospital_id: hospital_of_claim(number),
        person_id: "P2".into(),
        claim_id: format!("C{number}"),
        reason: "a wrong bill".to_owned(),
        readjudicate: false,
    };
    ReverseRequest { reversal, request_id: request.into(), dry_run: false }
}

/// The result of a request that runs as a task.
type Pending<T> = tokio::task::JoinHandle<Result<T, EngineError>>;

/// Sends the copies of one settle request concurrently, each with its own stamp.
fn spawn_settles<S: Store>(engine: &Arc<Engine<S>>, claim: RawClaim, number: u64) -> Vec<Pending<SettleOutcome>> {
    let copies = (0..COPIES).map(|copy| {
        let (engine, request) = (Arc::clone(engine), settle(claim.clone()));
        let person = u64::from(claim.person_id == "P1");
        let stamp = stamp(1 + number * COPIES + copy + person * 1_000);
        tokio::spawn(async move { engine.settle(request, stamp).await })
    });
    copies.collect()
}

async fn join_all<T>(replies: Vec<Pending<T>>) -> Vec<Result<T, EngineError>> {
    let mut results = Vec::new();
    for reply in replies {
        results.push(reply.await.expect("no panic"));
    }
    results
}

/// Asserts that all copies of a request return the same entry, and that exactly one of them is not a replay.
fn assert_one_entry_for_each_request(replies: &[(Entry, bool)], requests: u64) {
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

/// Reverses the newest eight settlements one after the other, each by concurrent copies of one request.
async fn reverse_newest<S: Store>(engine: &Arc<Engine<S>>) {
    let entries = person_entries(engine, &person_state(engine).await).await;
    let active = active_settlements(&entries);
    for (at, (_, settled)) in active.iter().rev().take(8).enumerate() {
        let number: u64 = settled.claim.claim_id.as_str()[1..].parse().expect("a number");
        let copies = (0..COPIES).map(|copy| {
            let (engine, request) = (Arc::clone(engine), reverse_request(number, &format!("newest-{number}")));
            let stamp = stamp(2_000_000 + at as u64 * COPIES + copy);
            tokio::spawn(async move { engine.reverse(request, stamp).await })
        });
        let replies = join_all(copies.collect()).await;
        let replies = replies.into_iter().map(|reply| reply.expect("a reversal"));
        let replies: Vec<_> = replies.map(|ReverseOutcome { entry, replay, .. }| (entry.into(), replay)).collect();
        assert_one_entry_for_each_request(&replies, 1);
    }
}

async fn person_state<S: Store>(engine: &Engine<S>) -> PersonState {
    engine.store().look_up(Scope::of_person(&id::<PersonId>("P2"))).await.expect("a look-up").state
}

/// The entries of the person, oldest first.
async fn person_entries<S: Store>(engine: &Engine<S>, state: &PersonState) -> Vec<Entry> {
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
fn active_settlements(entries: &[Entry]) -> Vec<(EntryId, &Settlement)> {
    let reversed: HashSet<_> = entries.iter().filter_map(|entry| Some(entry.as_reversal()?.settlement)).collect();
    let settled = entries.iter().filter_map(|entry| Some((entry.id, entry.as_settlement()?)));
    settled.filter(|(id, _)| !reversed.contains(id)).collect()
}

async fn assert_journal_and_account_agree<S: Store>(engine: &Engine<S>, state: &PersonState) {
    let entries = person_entries(engine, state).await;
    assert_eq!(entries.len() as u64, state.version);
    assert!(entries.iter().zip(1..).all(|(entry, number)| entry.link.number == number));
    assert!(entries.iter().filter_map(Entry::as_settlement).all(|settled| invariants::check(&settled.split).is_ok()));
    assert_never_settled_twice(&entries);
    let active = active_settlements(&entries);
    let [(_, account)] = state.accounts() else { panic!("one account") };
    let active: Vec<_> = active.into_iter().map(|(_, settled)| settled).collect();
    assert_account_is_the_sum(account, &active);
    assert_no_cap_is_exceeded(&active);
}

/// Asserts that a claim is settled only while it is not settled already.
fn assert_never_settled_twice(entries: &[Entry]) {
    let mut settled_claims = HashSet::new();
    for entry in entries {
        match &entry.body {
            EntryKind::Settlement(settled) => assert!(settled_claims.insert(settled.claim.claim_id.clone())),
            EntryKind::Reversal(reversed) => assert!(settled_claims.remove(&reversed.claim_id)),
            EntryKind::Fence(_) | EntryKind::Revision(_) => panic!("the test neither fences nor re-adjudicates"),
        }
    }
}

fn assert_account_is_the_sum(account: &Account, active: &[&Settlement]) {
    let mut sums: HashMap<&str, (Money, Money)> = HashMap::new();
    for layer in active.iter().flat_map(|settled| &settled.split.layers) {
        let sum = sums.entry(&layer.head().id).or_default();
        *sum = (sum.0 + layer.base, sum.1 + layer.pays);
    }
    for (layer, uses) in account.ledgers() {
        assert_eq!(sums.remove(&**layer), Some((uses.base, account.paid(layer))), "{layer}");
    }
    assert!(sums.values().all(|sum| *sum == (Money::ZERO, Money::ZERO)));
    let inpatient = active.iter().filter(|settled| settled.claim.visit.as_str() == "inpatient");
    assert_eq!(account.admissions as usize, inpatient.count());
    let charged: BTreeMap<_, _> = cap_charges(active).into_iter().filter(|(_, (sum, _))| *sum > Money::ZERO).collect();
    let caps: Vec<_> = charged.iter().map(|(account, (sum, _))| ((**account).into(), *sum)).collect();
    assert_eq!(account.caps(), caps);
}

/// The sum charged to each cap account, and its cap.
fn cap_charges<'a>(active: &[&'a Settlement]) -> BTreeMap<&'a str, (Money, Option<Money>)> {
    let mut charged = BTreeMap::new();
    for layer in active.iter().flat_map(|settled| &settled.split.layers) {
        for (cap, split) in layer.caps() {
            let amount = if cap.kind == CapKind::Base { layer.base } else { layer.pays };
            let account = charged.entry(&*cap.account).or_insert((Money::ZERO, split.limit));
            assert_eq!(account.1, split.limit, "the terms do not change");
            account.0 += amount;
        }
    }
    charged
}

fn assert_no_cap_is_exceeded(active: &[&Settlement]) {
    let charged = cap_charges(active);
    assert!(charged.values().all(|(sum, annual)| annual.is_none_or(|annual| *sum <= annual)));
    let full = charged.values().filter(|(sum, annual)| *annual == Some(*sum)).count();
    assert!(full > 0, "the claims reach a cap");
}
