//! Reversals with re-adjudication over gRPC.

use onestop::domain::claim::RawClaim;
use onestop::domain::money::Money;
use onestop::pb::settlement as pb;
use prost::Message;
use tonic::Code;

use super::faulty_store::StoreMode;
use super::{Server, code_and_reason, refusal_details, reverse_request};
use crate::support::claims::{claim, day};
use onestop::store::StoreError;

/// The claim of P1 with this number; every third is of hospital H2.
fn bill(number: usize) -> RawClaim {
    let hospital = if number % 3 == 2 { "H2" } else { "H3" };
    RawClaim { hospital_id: hospital.into(), ..claim(&format!("C{number}"), "P1", "50000.00") }
}

/// Settles the claims with these numbers under the request ids `S` and number.
async fn settle_bills(server: &Server, numbers: std::ops::Range<usize>) -> Vec<pb::Settlement> {
    let mut settlements = Vec::new();
    for number in numbers {
        settlements.push(server.settle_ok(&bill(number), &format!("S{number}")).await);
    }
    settlements
}

fn readjudicate_request(number: usize, request: &str) -> pb::ReverseRequest {
    pb::ReverseRequest { readjudicate: true, ..reverse_request(&bill(number), request) }
}

async fn reverse_ok(server: &Server, request: pb::ReverseRequest) -> pb::ReverseResponse {
    server.settlement_client().reverse(request).await.expect("a reversal").into_inner()
}

async fn get_settlement(server: &Server, settlement: &pb::Settlement) -> pb::GetSettlementResponse {
    let settlement_id = settlement.settlement_id.clone();
    let request = pb::GetSettlementRequest { settlement_id, ..pb::GetSettlementRequest::default() };
    server.settlement_client().get_settlement(request).await.expect("a settlement").into_inner()
}

fn sum_of_differences(differences: &pb::Differences) -> i64 {
    differences.payers.iter().map(|share| share.amount_fen).sum::<i64>() + differences.patient_fen
}

#[tokio::test]
async fn own_revisions_are_listed_one_by_one_and_those_of_other_hospitals_in_sum() {
    let server = Server::start().await;
    let settlements = settle_bills(&server, 0..4).await;
    let response = reverse_ok(&server, readjudicate_request(0, "V")).await;
    let revised: Vec<_> = response.revised.iter().map(|one| (one.settlement_id.as_str(), one.revision)).collect();
    assert_eq!(revised, [(settlements[1].settlement_id.as_str(), 2), (settlements[3].settlement_id.as_str(), 2)]);
    // The second claim of 50000.00 becomes the first; the shared cases contain both splits.
    let first = response.revised[0].differences.clone().expect("differences");
    let by_payer: Vec<_> = first.payers.iter().map(|share| (share.payer.as_str(), share.amount_fen)).collect();
    assert_eq!(by_payer, [("basic_fund", -27_500), ("critical_illness_insurance", -586_250)]);
    assert_eq!(first.patient_fen, 613_750);
    let others = response.others.expect("the sums of other hospitals");
    assert_eq!(others.settlements, 1);
    let revision_of_other = get_settlement(&server, &settlements[2]).await.revisions[0].differences.clone();
    assert_eq!(others.differences, revision_of_other);
    let all = response.revised.iter().filter_map(|one| one.differences.as_ref()).chain(others.differences.as_ref());
    assert!(all.map(sum_of_differences).all(|sum| sum == 0));
}

#[tokio::test]
async fn the_settlement_stays_unchanged_and_its_revision_is_read_beside_it() {
    let server = Server::start().await;
    let settlements = settle_bills(&server, 0..2).await;
    let response = reverse_ok(&server, readjudicate_request(0, "V")).await;
    let reversal = response.reversal.clone().expect("a reversal");
    let view = get_settlement(&server, &settlements[1]).await;
    assert_eq!(view.settlement.as_ref(), Some(&settlements[1]));
    let [revision] = &view.revisions[..] else { panic!("one revision") };
    assert_eq!((revision.revision, &revision.revision_id), (2, &response.revised[0].revision_id));
    assert_eq!(revision.replaces_id, settlements[1].settlement_id);
    assert_eq!(revision.cause, Some(pb::revision::Cause::ReversalId(reversal.reversal_id.clone())));
    let derivation = revision.derivation.clone().expect("a derivation");
    let first = settlements[0].derivation.clone().expect("a derivation");
    assert_eq!(revision.split, settlements[0].split);
    assert_eq!(
        derivation,
        pb::Derivation { codes: vec![], lines: vec![], ..first },
        "it equals the split of the first claim of the year"
    );
    assert_eq!(revision.book_digest, settlements[1].book_digest);
    assert_eq!(revision.book_digest, server.engine.book().digest().0);
    let replay = server.settle(&bill(1), "S1").await.expect("a replay");
    assert!(replay.replay);
    assert_eq!(replay.settlement.expect("a settlement").encode_to_vec(), settlements[1].encode_to_vec());
    assert_eq!(view.reversal, None);
    let reversed = get_settlement(&server, &settlements[0]).await;
    assert_eq!((reversed.reversal, reversed.revisions.len()), (Some(reversal), 0));
}

#[tokio::test]
async fn a_dry_run_returns_the_revisions_and_changes_nothing() {
    let server = Server::start().await;
    let settlements = settle_bills(&server, 0..4).await;
    let before = server.engine.store().fingerprint();
    let dry = reverse_ok(&server, pb::ReverseRequest { dry_run: true, ..readjudicate_request(0, "V") }).await;
    assert_eq!(server.engine.store().fingerprint(), before);
    assert!(dry.dry_run && !dry.replay);
    let reversal = dry.reversal.clone().expect("a reversal");
    assert_eq!((&*reversal.reversal_id, reversal.commit_time), ("", None));
    assert!(dry.revised.iter().all(|one| one.revision_id.is_empty()));
    let done = reverse_ok(&server, readjudicate_request(0, "V")).await;
    assert_eq!(dry.others, done.others);
    assert_eq!(dry.revised.len(), done.revised.len());
    for (dry, done) in dry.revised.iter().zip(&done.revised) {
        assert_eq!((&dry.differences, &dry.payers, dry.revision), (&done.differences, &done.payers, done.revision));
    }
    // A repeated request returns the committed reversal, as a dry run or not.
    let replay = reverse_ok(&server, pb::ReverseRequest { dry_run: true, ..readjudicate_request(0, "V") }).await;
    assert_eq!(replay, pb::ReverseResponse { replay: true, ..done });
    assert!(get_settlement(&server, &settlements[0]).await.reversal.is_some());
}

#[tokio::test]
async fn a_repeated_request_returns_its_revisions_even_after_later_revisions() {
    let server = Server::start().await;
    settle_bills(&server, 0..4).await;
    let first = reverse_ok(&server, readjudicate_request(0, "V0")).await;
    let second = reverse_ok(&server, readjudicate_request(1, "V1")).await;
    assert_eq!(second.revised.iter().map(|one| one.revision).collect::<Vec<_>>(), [3]);
    assert_eq!(reverse_ok(&server, readjudicate_request(0, "V0")).await, pb::ReverseResponse { replay: true, ..first });
    assert_eq!(
        reverse_ok(&server, readjudicate_request(1, "V1")).await,
        pb::ReverseResponse { replay: true, ..second }
    );
    let plain = reverse_request(&bill(0), "V0");
    assert_eq!(code_and_reason(server.settlement_client().reverse(plain).await).1, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_later_settlement_without_a_policy_in_force_refuses_the_reversal() {
    let server = Server::start().await;
    let first = RawClaim { discharged: day("2017-06-30"), ..bill(0) };
    server.settle_ok(&first, "S0").await;
    let later = [bill(1), bill(2)];
    let own = server.settle_ok(&later[0], "S1").await;
    server.settle_ok(&later[1], "S2").await;
    let book = onestop::policy::Book::from_texts([("other.toml", OTHER_POLICY)]).expect("a sound policy");
    server.engine.activate(book, "anyone", &onestop::grpc::commit_stamp::now).await.expect("an activated book");
    let before = server.engine.store().fingerprint();
    let request = pb::ReverseRequest { readjudicate: true, ..reverse_request(&first, "V") };
    let status = server.settlement_client().reverse(request).await.expect_err("a refusal");
    assert_eq!((status.code(), server.engine.store().fingerprint()), (Code::FailedPrecondition, before));
    let details = refusal_details(&status);
    assert_eq!(details.reason, "NO_POLICY");
    let expected = format!("would leave settlement {} without a policy in force", own.settlement_id);
    assert_eq!(details.faults, [("readjudicate".to_owned(), "NO_POLICY_IN_FORCE".to_owned(), expected)]);
}

/// A policy of another region.
const OTHER_POLICY: &str = r#"
format = 2
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
async fn after_a_store_failure_all_or_none_of_the_later_settlements_are_revised() {
    for failure in [
        StoreMode::FailWrites(StoreError::Conflict),
        StoreMode::FailWrites(StoreError::Unavailable("down".to_owned())),
        StoreMode::WriteThenFail(StoreError::Unknown("late".to_owned())),
    ] {
        let server = Server::start().await;
        let settlements = settle_bills(&server, 0..2).await;
        server.store.set_mode(failure.clone());
        server.settlement_client().reverse(readjudicate_request(0, "V")).await.expect_err("a refusal");
        server.store.set_mode(StoreMode::Healthy);
        let written = matches!(failure, StoreMode::WriteThenFail(_));
        assert_eq!(get_settlement(&server, &settlements[1]).await.revisions.len(), usize::from(written));
        assert_eq!(get_settlement(&server, &settlements[0]).await.reversal.is_some(), written);
        assert_eq!(reverse_ok(&server, readjudicate_request(0, "V")).await.replay, written);
    }
}

/// The time that this takes is measured by `cargo bench --bench readjudicate`.
#[tokio::test]
async fn a_thousand_later_settlements_are_readjudicated_in_one_call() {
    let server = Server::start().await;
    let bills: Vec<_> = (0..=1_000).map(|at| claim(&format!("C{at}"), "P1", "500.00")).collect();
    for bill in &bills {
        server.settle_ok(bill, &format!("S-{}", bill.claim_id.as_str())).await;
    }
    let request = pb::ReverseRequest { readjudicate: true, ..reverse_request(&bills[0], "V") };
    let response = reverse_ok(&server, request).await;
    assert_eq!((response.revised.len(), response.others), (1_000, None));
    let patient: Money = response.revised.iter().map(|one| Money::from_fen(one.patient_fen)).sum();
    let payers = response.revised.iter().flat_map(|one| &one.payers).map(|share| share.amount_fen).sum::<i64>();
    assert_eq!(patient + Money::from_fen(payers), Money::from_fen(50_000 * 1_000));
}
