//! Corrections over gRPC: in one commit what reverse, re-adjudicate and settle do one after the other.

use onestop::domain::claim::RawClaim;
use onestop::domain::content::RawCorrection;
use onestop::domain::day::Day;
use onestop::domain::ids::AccountKey;
use onestop::engine::account::AccountName;
use onestop::engine::audit::Audit;
use onestop::engine::correct::CorrectRequest;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::outcome::Outcome;
use onestop::store::memory::MemoryStore;
use onestop::store::{JournalStore, Scope, Store};
use tonic::{Code, Status};

use super::{Server, code_and_reason, reverse_request};
use crate::copying::{copy, open};
use crate::support::claims::{claim, item, settle};
use crate::support::ids::id;
use crate::support::redis_server::RedisServer;
use crate::support::{engine, stamp};

/// The claim of P1 with this number, of 50,000.00 yuan; the second is of hospital H2.
fn bill(number: usize) -> RawClaim {
    let hospital = if number == 1 { "H2" } else { "H3" };
    RawClaim { hospital_id: hospital.into(), ..claim(&format!("C{number}"), "P1", "50000.00") }
}

/// The first claim as it should have been.
fn corrected() -> RawClaim {
    RawClaim { items: vec![item("A", "30000.00"), item("C", "200.00")], ..bill(0) }
}

fn request(claim: &RawClaim, request_id: &str) -> pb::CorrectRequest {
    pb::CorrectRequest {
        claim: Some(onestop::grpc::to_proto::claim(claim)),
        request_id: request_id.to_owned(),
        reason: "a wrong bill".to_owned(),
        dry_run: false,
    }
}

async fn correct(server: &Server, request: pb::CorrectRequest) -> Result<pb::CorrectResponse, Status> {
    Ok(server.settlement_client().correct(request).await?.into_inner())
}

async fn server_with_bills() -> Server {
    let server = Server::start().await;
    for number in 0..3 {
        server.settle_ok(&bill(number), &format!("S{number}")).await;
    }
    server
}

async fn account(server: &Server) -> onestop::domain::account::Account {
    let key = AccountKey { insurance: "resident".into(), year: 2017 };
    server.engine.account(&AccountName { person_id: id("P1"), key, on: None }).await.expect("an account").account
}

/// What is decided by a revision, without ids.
fn figures(revised: &pb::RevisedSettlement) -> (String, u32, Vec<pb::PayerShare>, i64, Option<pb::Differences>) {
    let pb::RevisedSettlement { claim_id, revision, payers, patient_fen, differences, .. } = revised.clone();
    (claim_id, revision, payers, patient_fen, differences)
}

#[tokio::test]
async fn a_correction_equals_reverse_readjudicate_and_settle() {
    let (one, other) = (server_with_bills().await, server_with_bills().await);
    let response = correct(&one, request(&corrected(), "K1")).await.expect("a correction");
    let reversal = pb::ReverseRequest { readjudicate: true, ..reverse_request(&bill(0), "V1") };
    let reversed = other.settlement_client().reverse(reversal).await.expect("a reversal").into_inner();
    let settled = other.settle_ok(&corrected(), "S9").await;
    let settlement = response.settlement.expect("a settlement");
    assert_eq!(settlement.split, settled.split);
    assert!(response.revised.iter().map(figures).eq(reversed.revised.iter().map(figures)));
    assert_eq!((response.revised.len(), response.others), (1, reversed.others));
    let mut accounts = [account(&one).await, account(&other).await];
    // A correction is one version of the person's account where the three calls are several.
    accounts.iter_mut().for_each(|account| account.version = 0);
    assert_eq!(accounts[0], accounts[1]);
    // The reversed settlement names its reversal; the claim leads to the new settlement.
    let listed = pb::ListSettlementsRequest { hospital_id: "H3".to_owned(), ..Default::default() };
    let listed = one.settlement_client().list_settlements(listed).await.expect("a list").into_inner().settlements;
    assert_eq!(listed.len(), 3, "C0, C2 and the new settlement of C0");
}

#[tokio::test]
async fn a_correction_sent_again_gets_the_same_answer_and_its_outcome_is_the_new_settlement() {
    let server = server_with_bills().await;
    let first = correct(&server, request(&corrected(), "K1")).await.expect("a correction");
    let again = correct(&server, request(&corrected(), "K1")).await.expect("a correction");
    assert_eq!(again, pb::CorrectResponse { replay: true, ..first.clone() });
    let Outcome::Committed(settlement) = server.outcome(&bill(0), "K1").await else { panic!("committed") };
    assert_eq!(Some(settlement), first.settlement);
    let mut other = request(&corrected(), "K1");
    other.reason = "another reason".to_owned();
    assert_eq!(code_and_reason(correct(&server, other).await).1, "REQUEST_ID_REUSED");
    assert_eq!(code_and_reason(server.settle(&corrected(), "K1").await).1, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_dry_run_answers_what_a_correction_does_and_changes_nothing() {
    let server = server_with_bills().await;
    let before = account(&server).await;
    let dry = pb::CorrectRequest { dry_run: true, ..request(&corrected(), "K1") };
    let mut dry = correct(&server, dry).await.expect("a dry run");
    assert!(dry.dry_run && dry.settlement.as_ref().is_some_and(|settlement| settlement.settlement_id.is_empty()));
    assert_eq!(account(&server).await, before);
    assert!(matches!(server.outcome(&bill(0), "K1").await, Outcome::NotSeen(_)));
    let mut done = correct(&server, request(&corrected(), "K1")).await.expect("a correction");
    let splits = [&mut dry, &mut done].map(|response| response.settlement.take().and_then(|one| one.split));
    assert_eq!(splits[0], splits[1]);
    assert!(dry.revised.iter().map(figures).eq(done.revised.iter().map(figures)));
}

#[tokio::test]
async fn a_refused_correction_changes_nothing() {
    let server = server_with_bills().await;
    server.reverse(&bill(2), "V2").await.expect("a reversal");
    let before = account(&server).await;
    let faulty = RawClaim { items: Vec::new(), ..bill(0) };
    let unknown = RawClaim { items: vec![item("NONE", "1.00")], ..bill(0) };
    let of_another = RawClaim { person_id: "P2".into(), ..corrected() };
    for (request, wanted) in [
        (request(&faulty, "K1"), (Code::InvalidArgument, "INVALID_REQUEST")),
        (
            pb::CorrectRequest { reason: String::new(), ..request(&corrected(), "K1") },
            (Code::InvalidArgument, "INVALID_REQUEST"),
        ),
        (request(&corrected(), ""), (Code::InvalidArgument, "INVALID_REQUEST")),
        (request(&unknown, "K1"), (Code::InvalidArgument, "UNKNOWN_ITEM")),
        (request(&of_another, "K1"), (Code::NotFound, "NOT_FOUND")),
        (request(&claim("C9", "P1", "1.00"), "K1"), (Code::NotFound, "NOT_FOUND")),
        (request(&bill(2), "K1"), (Code::FailedPrecondition, "ALREADY_REVERSED")),
        (request(&corrected(), "S0"), (Code::AlreadyExists, "REQUEST_ID_REUSED")),
    ] {
        let (code, reason) = code_and_reason(correct(&server, request).await);
        assert_eq!((code, reason.as_str()), wanted);
    }
    server.fence(&bill(0), "K2").await.expect("a fence");
    assert_eq!(code_and_reason(correct(&server, request(&corrected(), "K2")).await).1, "REQUEST_FENCED");
    assert_eq!(account(&server).await, before);
}

/// Corrects two claims on a store, audits the chain, and copies the store.
async fn correct_on(store: impl Store) {
    let engine = engine(store).await;
    for number in 0..3 {
        engine.settle(settle(bill(number)), stamp(10 + number as u64)).await.expect("a settlement");
    }
    for (at, number) in [(20, 0), (21, 1)] {
        let claim = RawClaim { items: vec![item("A", "30000.00")], ..bill(number) };
        let correction = RawCorrection { claim, reason: "录入有误".to_owned() };
        let request = || CorrectRequest {
            correction: correction.clone(),
            request_id: format!("K{at}"),
            dry_run: false,
            today: Day::LAST,
        };
        let first = engine.correct(request(), stamp(at)).await.expect("a correction");
        let again = engine.correct(request(), stamp(at + 100)).await.expect("a replay");
        assert!(again.replay && again.settlement == first.settlement && again.reversal == first.reversal);
        assert_eq!((first.revisions.len(), again.revisions == first.revisions), (2, true));
    }
    let seen = engine.store().look_up(Scope::of_person(&id("P1"))).await.expect("a read");
    // Three settlements, and twice a reversal, two revisions and a settlement.
    assert_eq!(seen.state.version, 11);
    Audit::new(engine.store()).verify_person(&seen.state).await.expect("a sound chain");
    let target = MemoryStore::default();
    let copied = copy(engine.store(), &target).await.expect("a copy");
    assert_eq!((copied.entries.total, copied.settlements), (11, 5));
    let state = target.look_up(Scope::of_person(&id("P1"))).await.expect("a read").state;
    Audit::new(&target).verify_person(&state).await.expect("a sound copy");
}

#[tokio::test]
async fn corrections_are_kept_audited_and_copied_by_a_store_in_memory() {
    correct_on(MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections_are_kept_audited_and_copied_by_a_store_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    correct_on(open(place.path())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrections_are_kept_audited_and_copied_by_a_store_on_redis() {
    correct_on(RedisServer::shared().store().await).await;
}
