//! A reversal with re-adjudication, as a hospital's system sees it.

use onestop::domain::claim::RawClaim;
use onestop::domain::money::Money;
use onestop::grpc::pb::settlement as pb;
use prost::Message;
use tonic::Code;

use super::trial_store::Mode;
use super::{Server, refused, reverse, told};
use crate::support::claims::{claim, day};
use onestop::store::StoreError;

/// The n-th bill of P1; every third is another hospital's.
fn bill(number: usize) -> RawClaim {
    let hospital = if number % 3 == 2 { "H2" } else { "H3" };
    RawClaim { hospital_id: hospital.into(), ..claim(&format!("C{number}"), "P1", "50000.00") }
}

/// Settles these bills under `S` and their number.
async fn settled(server: &Server, numbers: std::ops::Range<usize>) -> Vec<pb::Settlement> {
    let mut settlements = Vec::new();
    for number in numbers {
        settlements.push(server.settled(&bill(number), &format!("S{number}")).await);
    }
    settlements
}

fn request(number: usize, request: &str) -> pb::ReverseRequest {
    pb::ReverseRequest { readjudicate: true, ..reverse(&bill(number), request) }
}

async fn reversed(server: &Server, request: pb::ReverseRequest) -> pb::ReverseResponse {
    server.settlements().reverse(request).await.expect("a reversal").into_inner()
}

async fn read(server: &Server, settlement: &pb::Settlement) -> pb::GetSettlementResponse {
    let settlement_id = settlement.settlement_id.clone();
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    server.settlements().get_settlement(request).await.expect("a settlement").into_inner()
}

fn sum(differences: &pb::Differences) -> i64 {
    differences.payers.iter().map(|share| share.amount_fen).sum::<i64>() + differences.patient_fen
}

#[tokio::test]
async fn own_revisions_are_told_one_by_one_and_those_of_others_in_sum() {
    let server = Server::start().await;
    let settlements = settled(&server, 0..4).await;
    let answer = reversed(&server, request(0, "V")).await;
    let told: Vec<_> = answer.revised.iter().map(|one| (one.settlement_id.as_str(), one.revision)).collect();
    assert_eq!(told, [(settlements[1].settlement_id.as_str(), 2), (settlements[3].settlement_id.as_str(), 2)]);
    // The second bill of 50000.00 becomes the first: the shared cases have both splits.
    let first = answer.revised[0].differences.clone().expect("differences");
    let by: Vec<_> = first.payers.iter().map(|share| (share.payer.as_str(), share.amount_fen)).collect();
    assert_eq!(by, [("basic_fund", -27_500), ("critical_illness_insurance", -586_250)]);
    assert_eq!(first.patient_fen, 613_750);
    let others = answer.others.expect("another hospital's");
    assert_eq!(others.settlements, 1);
    let of_others = read(&server, &settlements[2]).await.revisions[0].differences.clone();
    assert_eq!(others.differences, of_others);
    let all = answer.revised.iter().filter_map(|one| one.differences.as_ref()).chain(others.differences.as_ref());
    assert!(all.map(sum).all(|sum| sum == 0));
}

#[tokio::test]
async fn the_settlement_stays_as_it_was_and_its_revision_is_read_beside_it() {
    let server = Server::start().await;
    let settlements = settled(&server, 0..2).await;
    let answer = reversed(&server, request(0, "V")).await;
    let reversal = answer.reversal.clone().expect("a reversal");
    let view = read(&server, &settlements[1]).await;
    assert_eq!(view.settlement.as_ref(), Some(&settlements[1]));
    let [revision] = &view.revisions[..] else { panic!("one revision") };
    assert_eq!((revision.revision, &revision.revision_id), (2, &answer.revised[0].revision_id));
    assert_eq!((&revision.replaces_id, &revision.reversal_id), (&settlements[1].settlement_id, &reversal.reversal_id));
    let split = revision.split.clone().expect("a split");
    let afresh = settlements[0].split.clone().expect("a split");
    assert_eq!(split, pb::Split { codes: vec![], lines: vec![], ..afresh }, "as the first of the year");
    assert_eq!(revision.book_digest, settlements[1].book_digest);
    assert_eq!(revision.book_digest, server.engine.book().digest().0);
    let again = server.settle(&bill(1), "S1").await.expect("a replay");
    assert!(again.replay);
    assert_eq!(again.settlement.expect("a settlement").encode_to_vec(), settlements[1].encode_to_vec());
    assert_eq!(view.reversal, None);
    let reversed = read(&server, &settlements[0]).await;
    assert_eq!((reversed.reversal, reversed.revisions.len()), (Some(reversal), 0));
}

#[tokio::test]
async fn a_dry_run_tells_what_it_would_do_and_changes_nothing() {
    let server = Server::start().await;
    let settlements = settled(&server, 0..4).await;
    let before = server.engine.store().fingerprint();
    let dry = reversed(&server, pb::ReverseRequest { dry_run: true, ..request(0, "V") }).await;
    assert_eq!(server.engine.store().fingerprint(), before);
    assert!(dry.dry_run && !dry.replay);
    let reversal = dry.reversal.clone().expect("a reversal");
    assert_eq!((&*reversal.reversal_id, reversal.committed_at), ("", None));
    assert!(dry.revised.iter().all(|one| one.revision_id.is_empty()));
    let done = reversed(&server, request(0, "V")).await;
    assert_eq!(dry.others, done.others);
    assert_eq!(dry.revised.len(), done.revised.len());
    for (dry, done) in dry.revised.iter().zip(&done.revised) {
        assert_eq!((&dry.differences, &dry.payers, dry.revision), (&done.differences, &done.payers, done.revision));
    }
    // What is done already is told as it is, dry or not.
    let again = reversed(&server, pb::ReverseRequest { dry_run: true, ..request(0, "V") }).await;
    assert_eq!(again, pb::ReverseResponse { replay: true, ..done });
    assert!(read(&server, &settlements[0]).await.reversal.is_some());
}

#[tokio::test]
async fn the_same_request_is_answered_with_the_same_revisions_also_when_they_were_revised_since() {
    let server = Server::start().await;
    settled(&server, 0..4).await;
    let first = reversed(&server, request(0, "V0")).await;
    let second = reversed(&server, request(1, "V1")).await;
    assert_eq!(second.revised.iter().map(|one| one.revision).collect::<Vec<_>>(), [3]);
    assert_eq!(reversed(&server, request(0, "V0")).await, pb::ReverseResponse { replay: true, ..first });
    assert_eq!(reversed(&server, request(1, "V1")).await, pb::ReverseResponse { replay: true, ..second });
    let plain = reverse(&bill(0), "V0");
    assert_eq!(refused(server.settlements().reverse(plain).await).1, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_later_settlement_without_a_policy_leaves_everything_as_it_was() {
    let server = Server::start().await;
    let ends = RawClaim { discharged: day("2017-06-30"), ..bill(0) };
    server.settled(&ends, "S0").await;
    let later = [bill(1), bill(2)];
    let own = server.settled(&later[0], "S1").await;
    server.settled(&later[1], "S2").await;
    let book = onestop::policy::Book::from_texts([("other.toml", OTHER_LAW)]).expect("a sound policy");
    server.engine.activate(book).await.expect("it is kept");
    let before = server.engine.store().fingerprint();
    let asked = pb::ReverseRequest { readjudicate: true, ..reverse(&ends, "V") };
    let status = server.settlements().reverse(asked).await.expect_err("a refusal");
    assert_eq!((status.code(), server.engine.store().fingerprint()), (Code::FailedPrecondition, before));
    let told = told(&status);
    assert_eq!(told.reason, "NO_POLICY");
    let wanted = format!("would leave settlement {} without a policy in force", own.settlement_id);
    assert_eq!(told.faults, [("readjudicate".to_owned(), "NO_POLICY_IN_FORCE".to_owned(), wanted)]);
}

/// A law that governs another region.
const OTHER_LAW: &str = r#"
format = 1
id = "other"
title = "another region's"
insurance = "resident"
regions = ["11"]
in_force = { from = 2017-01-01 }
benefit_year = "discharge"
[sources]
law = "a law"
[[layer]]
id = "basic"
payer = "basic_fund"
visits = ["inpatient"]
pools = ["eligible"]
period = "admission"
cites = ["law"]
schedule = { all = { bands = [{ rate = "50%" }] } }
"#;

#[tokio::test]
async fn after_a_failure_nothing_or_everything_was_decided_anew() {
    for failure in [
        Mode::FailsWrites(StoreError::Conflict),
        Mode::FailsWrites(StoreError::Unavailable("down".to_owned())),
        Mode::WritesAndFails(StoreError::Unknown("late".to_owned())),
    ] {
        let server = Server::start().await;
        let settlements = settled(&server, 0..2).await;
        server.store.set(failure.clone());
        server.settlements().reverse(request(0, "V")).await.expect_err("a refusal");
        server.store.set(Mode::Works);
        let written = matches!(failure, Mode::WritesAndFails(_));
        assert_eq!(read(&server, &settlements[1]).await.revisions.len(), usize::from(written));
        assert_eq!(read(&server, &settlements[0]).await.reversal.is_some(), written);
        assert_eq!(reversed(&server, request(0, "V")).await.replay, written);
    }
}

/// Bounded in time by the caller: what this costs is measured by `cargo bench --bench readjudicate`.
#[tokio::test]
async fn a_thousand_later_settlements_are_decided_anew_at_once() {
    let server = Server::start().await;
    let bills: Vec<_> = (0..=1_000).map(|at| claim(&format!("C{at}"), "P1", "500.00")).collect();
    for bill in &bills {
        server.settled(bill, &format!("S-{}", bill.claim_id.as_str())).await;
    }
    let asked = pb::ReverseRequest { readjudicate: true, ..reverse(&bills[0], "V") };
    let answer = reversed(&server, asked).await;
    assert_eq!((answer.revised.len(), answer.others), (1_000, None));
    let patient: Money = answer.revised.iter().map(|one| Money::from_fen(one.patient_fen)).sum();
    let payers = answer.revised.iter().flat_map(|one| &one.payers).map(|share| share.amount_fen).sum::<i64>();
    assert_eq!(patient + Money::from_fen(payers), Money::from_fen(50_000 * 1_000));
}
