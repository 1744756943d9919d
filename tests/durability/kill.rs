//! `kill -9` under load, again and again: what was acknowledged is there and is answered with the same
//! bytes, what was not is whole or not seen, and the accounts are the sums.
//!
//! Does not show a missing sync: see `sync`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use onestop::cli::client::Client;
use onestop::cli::client::import::import_table;
use onestop::cli::error::client::leaves_outcome_unknown;
use onestop::domain::claim::RawClaim;
use onestop::pb::settlement as pb;
use onestop::reference::table::ReferenceTable;
use prost::Message;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::ended;
use crate::support::claims::claim;
use crate::support::program::Serve;
use crate::support::seeds;

/// Claims on their way at once.
const TASKS: usize = 32;

/// Persons; each has claims from two tasks.
const PERSONS: usize = 16;

/// How often the server is killed, unless `ONESTOP_SEEDS` asks for other rounds.
const ROUNDS: usize = 4;

/// A task sends at most so many in a round, so that the load ends even if nobody is killed.
const MOST: usize = 100;

const SEED: u64 = 0x5eed_2017;

/// A request, and the settlement that answered it, if it was answered.
struct Sent {
    claim: RawClaim,
    request: String,
    answer: Option<pb::Settlement>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_settlements_survive_every_kill() {
    println!("seed {SEED:#x}");
    let place = tempfile::tempdir().expect("a directory");
    let store = place.path().join("store");
    let mut sent = Vec::new();
    let rounds = seeds::asked(0..ROUNDS as u64);
    for round in rounds.clone().map(|round| round as usize) {
        sent.extend(killed_under_load(&store, round, acknowledgements(round)).await);
        sent = checked_after_restart(&store, sent).await;
    }
    assert!(sent.len() >= rounds.count() * TASKS);
}

/// How many acknowledgements a round waits for: 30 to 109.
fn acknowledgements(round: usize) -> usize {
    let mixed = (SEED + round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    30 + mixed as usize % 80
}

/// Settles from many tasks at once, and kills the server at so many acknowledgements.
async fn killed_under_load(store: &Path, round: usize, acknowledgements: usize) -> Vec<Sent> {
    let serve = Serve::start(store, &[]);
    let mut client = serve.with_tables().await;
    import_persons(&mut client).await;
    let reached = Arc::new((AtomicUsize::new(0), Notify::new()));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (client, reached) = (client.clone(), Arc::clone(&reached));
        tasks.spawn(async move { settle_until_broken(client, round, task, acknowledgements, &reached).await });
    }
    reached.1.notified().await;
    serve.kill();
    let sent: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let acknowledged = sent.iter().filter(|sent| sent.answer.is_some()).count();
    println!("round {round}: killed at {acknowledgements}, {acknowledged} acknowledged, {} sent", sent.len());
    assert!(acknowledged >= acknowledgements && acknowledged < sent.len());
    sent
}

async fn import_persons(client: &mut Client) {
    let row = |at| [&person(at), "2014-01-01", "resident", "370100", ""].map(str::to_owned).to_vec();
    import_table(client, ReferenceTable::Enrolments, (0..PERSONS).map(row).collect()).await.expect("enrolments");
}

fn person(at: usize) -> String {
    format!("K{at}")
}

/// The claims of one task, one after another, until the server is gone; the last has no answer.
async fn settle_until_broken(
    mut client: Client,
    round: usize,
    task: usize,
    enough: usize,
    reached: &(AtomicUsize, Notify),
) -> Vec<Sent> {
    let mut sent = Vec::new();
    for number in 0..MOST {
        let claim = claim(&format!("C-{round}-{task}-{number}"), &person(task % PERSONS), "9876.54");
        let request = format!("R-{round}-{task}-{number}");
        let answer = client.settle(&claim, &request, Vec::new()).await;
        let answer = answer.map_err(|status| assert!(leaves_outcome_unknown(&status), "{status}"));
        let answer = answer.ok().and_then(|settled| settled.settlement);
        let broken = answer.is_none();
        sent.push(Sent { claim, request, answer });
        if broken {
            break;
        }
        if reached.0.fetch_add(1, Ordering::SeqCst) + 1 == enough {
            reached.1.notify_one();
        }
    }
    sent
}

/// Everything as it should be after a restart; what had no answer has one now.
async fn checked_after_restart(store: &Path, mut sent: Vec<Sent>) -> Vec<Sent> {
    let serve = Serve::start(store, &[]);
    let mut client = serve.client().await;
    for sent in &mut sent {
        if sent.answer.is_none() {
            sent.answer = outcome(&mut client, sent).await;
        }
        let known = sent.answer.is_some();
        let settled = client.settle(&sent.claim, &sent.request, Vec::new()).await.expect("a settlement");
        assert_eq!(settled.replay, known, "{:?} is settled once", sent.claim.claim_id.as_str());
        let settlement = settled.settlement.expect("a settlement");
        same_bytes(sent.answer.get_or_insert(settlement.clone()), &settlement);
        same_bytes(&read(&mut client, &settlement).await, &settlement);
    }
    accounts_are_the_sums(&mut client, &sent).await;
    drop(client);
    assert_eq!(ended(serve).await, Some(0));
    sent
}

fn same_bytes(one: &pb::Settlement, other: &pb::Settlement) {
    assert_eq!(one.encode_to_vec(), other.encode_to_vec(), "{}", one.settlement_id);
}

async fn read(client: &mut Client, settlement: &pb::Settlement) -> pb::Settlement {
    let settlement_id = settlement.settlement_id.clone();
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    let answer = client.settlement(request).await.expect("the settlement is there");
    assert_eq!(answer.reversal, None);
    answer.settlement.expect("a settlement")
}

/// What became of a request without an answer: its settlement, whole, or nothing at all.
async fn outcome(client: &mut Client, sent: &Sent) -> Option<pb::Settlement> {
    let (hospital_id, person_id) = (sent.claim.hospital_id.as_str(), sent.claim.person_id.as_str());
    let (hospital_id, person_id) = (hospital_id.to_owned(), person_id.to_owned());
    let claim_id = sent.claim.claim_id.as_str().to_owned();
    let by_claim = pb::GetSettlementRequest {
        hospital_id: hospital_id.clone(),
        person_id: person_id.clone(),
        claim_id,
        ..pb::GetSettlementRequest::default()
    };
    let by_claim = client.settlement(by_claim).await.map(|found| found.settlement);
    let request_id = sent.request.as_str().to_owned();
    let outcome =
        client.outcome(pb::GetOutcomeRequest { hospital_id, person_id, request_id, of_readjudicate: false }).await;
    match outcome.expect("an outcome").outcome.expect("an outcome") {
        pb::outcome::Outcome::Committed(settlement) => {
            assert_eq!(by_claim.expect("the claim is known"), Some(settlement.clone()));
            Some(settlement)
        }
        pb::outcome::Outcome::NotSeen(_) => {
            assert_eq!(by_claim.expect_err("the claim is not known").code(), tonic::Code::NotFound);
            None
        }
        other => panic!("{other:?}"),
    }
}

async fn accounts_are_the_sums(client: &mut Client, sent: &[Sent]) {
    for person in (0..PERSONS).map(person) {
        let of_person = sent.iter().filter_map(|sent| sent.answer.as_ref()).filter(|s| s.person_id == person);
        let derivations: Vec<_> = of_person.filter_map(|settlement| settlement.derivation.as_ref()).collect();
        let request =
            pb::GetAccountRequest { person_id: person, insurance: "resident".to_owned(), year: 2017, on: None };
        let account = client.account(request).await.expect("an account");
        assert_eq!((account.version, account.admissions), (derivations.len() as u64, derivations.len() as u32));
        assert_eq!(layers(&account), sums(&derivations));
        assert_eq!(caps(&account), cap_sums(&derivations));
    }
}

type Sums = BTreeMap<String, (i64, i64)>;

fn layers(account: &pb::GetAccountResponse) -> Sums {
    let paid = |id: &str| account.layers.iter().find(|layer| layer.layer_id == id).map_or(0, |layer| layer.paid_fen);
    let ledgers = account.ledgers.iter();
    ledgers.map(|ledger| (ledger.ledger.clone(), (ledger.base_fen, paid(&ledger.ledger)))).collect()
}

fn sums(derivations: &[&pb::Derivation]) -> Sums {
    let mut sums = Sums::new();
    for layer in derivations.iter().flat_map(|derivation| &derivation.layers) {
        let sum = sums.entry(layer.id.clone()).or_default();
        *sum = (sum.0 + layer.base_fen, sum.1 + layer.pays_fen);
    }
    sums.retain(|_, sum| *sum != (0, 0));
    sums
}

fn caps(account: &pb::GetAccountResponse) -> BTreeMap<String, i64> {
    account.caps.iter().map(|cap| (cap.account.clone(), cap.amount_fen)).collect()
}

fn cap_sums(derivations: &[&pb::Derivation]) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for layer in derivations.iter().flat_map(|derivation| &derivation.layers) {
        for cap in &layer.caps {
            *sums.entry(cap.account.clone()).or_default() +=
                if cap.of() == pb::CapKind::Base { layer.base_fen } else { layer.pays_fen };
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}
