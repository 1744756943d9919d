//! How the calls on one settlement interact: order of refusals, quotes, fences, outcomes and reversals.

use onestop::domain::claim::{Quantity, RawClaim};
use onestop::pb::settlement as pb;
use onestop::pb::settlement::outcome::Outcome;
use onestop::store::StoreError;
use prost::Message;
use tonic::{Code, Status};

use super::faulty_store::StoreMode;
use super::{Server, bill, code_and_reason, refusal_details, reverse_request, settle_request, status_detail};
use crate::support::claims::{claim, day, item};

/// [`bill`] with faults in every stage of checks; each function of [`REPAIRS`] removes the faults of one stage.
fn claim_with_faults_in_every_stage() -> RawClaim {
    let items = vec![item("NONE", "1.00"), item("A", "1.00"), item("NEITHER", "1.00")];
    let (admitted, discharged) = (day("2016-06-16"), day("2016-06-15"));
    let mut faulty =
        RawClaim { hospital_id: "H9".into(), person_id: "P9".into(), admitted, discharged, items, ..bill() };
    faulty.items[1].quantity = Quantity(-10_000);
    faulty.visit = String::new();
    faulty
}

/// Remove the faults of one stage each, in the order of the stages.
const REPAIRS: [fn(&mut RawClaim); 5] = [
    |claim| {
        claim.admitted = claim.discharged;
        claim.items[1] = item("A", "1.00");
        claim.visit = bill().visit;
    },
    // The quote is no part of the claim: later requests leave it out.
    |_| {},
    |claim| {
        claim.hospital_id = "H3".into();
        claim.person_id = "P1".into();
    },
    |claim| claim.items.retain(|item| item.code.as_str() == "A"),
    |claim| (claim.admitted, claim.discharged) = (bill().admitted, bill().discharged),
];

/// The reason of a refusal and the fields at fault.
fn reason_and_fields(status: &Status) -> (String, Vec<String>) {
    let details = refusal_details(status);
    (details.reason, details.faults.into_iter().map(|(field, ..)| field).collect())
}

#[tokio::test]
async fn only_the_first_failing_stage_is_reported_with_all_its_faults() {
    let server = Server::start().await;
    let stages = [
        ("INVALID_REQUEST", vec!["claim.visit", "claim.discharged", "claim.items[1].amount"]),
        ("INVALID_QUOTE", vec!["quote_digest"]),
        ("NOT_ELIGIBLE", vec!["claim.hospital_id", "claim.person_id"]),
        ("UNKNOWN_ITEM", vec!["claim.items[0].code", "claim.items[2].code"]),
        ("NO_POLICY", vec!["claim.discharged"]),
    ];
    let mut claim = claim_with_faults_in_every_stage();
    for (at, (reason, fields)) in stages.iter().enumerate() {
        let mut request = settle_request(&claim, "R1");
        request.quote_digest = if at < 2 { vec![1; 32] } else { Vec::new() };
        let status = server.settlement_client().settle(request).await.expect_err("a refusal");
        assert_eq!(
            reason_and_fields(&status),
            ((*reason).to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
        );
        if let Some(repair) = REPAIRS.get(at) {
            repair(&mut claim);
        }
    }
    assert!(matches!(server.outcome(&claim, "R1").await, Outcome::NotSeen(_)));
}

#[tokio::test]
async fn request_and_claim_id_conflicts_are_reported_before_faults_of_the_claim() {
    let server = Server::start().await;
    server.settle_ok(&bill(), "R1").await;
    server.fence(&bill(), "R2").await.expect("an outcome");
    let without_items = RawClaim { items: Vec::new(), ..bill() };
    for (request, reason, fields) in [
        ("R1", "REQUEST_ID_REUSED", vec!["claim.items".to_owned()]),
        ("R2", "REQUEST_FENCED", vec![]),
        ("R3", "CLAIM_SETTLED", vec![]),
    ] {
        assert_eq!(
            reason_and_fields(&server.settle(&without_items, request).await.expect_err("a refusal")),
            (reason.to_owned(), fields)
        );
    }
    let of_other_person = RawClaim { person_id: "P2".into(), ..without_items };
    assert_eq!(code_and_reason(server.settle(&of_other_person, "R1").await).1, "CLAIM_OF_ANOTHER_PERSON");
}

#[tokio::test]
async fn missing_ids_are_reported_together_with_other_faults() {
    let server = Server::start().await;
    let claim = RawClaim { claim_id: "".into(), items: Vec::new(), ..bill() };
    let status = server.settle(&claim, "").await.expect_err("a refusal");
    assert_eq!(reason_and_fields(&status).1, ["claim.claim_id", "claim.items", "request_id"]);
    let mut request = reverse_request(&claim, "");
    request.reason = "x".repeat(1_001);
    let status = server.settlement_client().reverse(request).await.expect_err("a refusal");
    assert_eq!(reason_and_fields(&status).1, ["claim_id", "request_id", "reason"]);
}

#[tokio::test]
async fn a_quote_changes_nothing_and_equals_the_settlement_that_follows() {
    let server = Server::start().await;
    let before = server.engine.store().fingerprint();
    let quote = server.quote(&bill()).await.expect("a quote");
    assert_eq!(server.engine.store().fingerprint(), before);
    let mut request = settle_request(&bill(), "R1");
    request.quote_digest = quote.quote_digest;
    let settled = server.settlement_client().settle(request).await.expect("a settlement").into_inner();
    assert_eq!(settled.settlement.expect("a settlement").split, quote.split);
    assert_eq!(code_and_reason(server.quote(&bill()).await), (Code::AlreadyExists, "CLAIM_SETTLED".to_owned()));
}

#[tokio::test]
async fn an_outdated_quote_is_refused_with_the_current_quote() {
    let server = Server::start().await;
    let mut request = settle_request(&bill(), "R1");
    request.quote_digest = server.quote(&bill()).await.expect("a quote").quote_digest;
    server.settle_ok(&claim("C2", "P1", "5000.00"), "R2").await;
    let status = server.settlement_client().settle(request.clone()).await.expect_err("a refusal");
    let changed: pb::QuoteChanged = status_detail(&status, "QuoteChanged");
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::NotSeen(_)));
    let current = server.quote(&bill()).await.expect("a quote");
    assert_eq!(changed.split, current.split);
    request.quote_digest = changed.quote_digest;
    let settled = server.settlement_client().settle(request.clone()).await.expect("a settlement").into_inner();
    assert_eq!(settled.settlement.as_ref().expect("a settlement").split, current.split);
    request.quote_digest = vec![7];
    let replay = server.settlement_client().settle(request).await.expect("a replay").into_inner();
    assert_eq!((replay.replay, replay.settlement), (true, settled.settlement));
}

#[tokio::test]
async fn a_fenced_request_id_can_neither_settle_nor_reverse() {
    let server = Server::start().await;
    for _ in 0..2 {
        assert!(matches!(server.fence(&bill(), "R1").await, Ok(Outcome::Fenced(_))));
    }
    assert_eq!(code_and_reason(server.settle(&bill(), "R1").await).1, "REQUEST_FENCED");
    assert_eq!(code_and_reason(server.reverse(&bill(), "R1").await).1, "REQUEST_FENCED");
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Fenced(_)));
    server.settle_ok(&bill(), "R2").await;
}

#[tokio::test]
async fn a_fence_after_the_commit_returns_the_committed_outcome() {
    let server = Server::start().await;
    let settlement = server.settle_ok(&bill(), "R1").await;
    assert_eq!(server.fence(&bill(), "R1").await.expect("an outcome"), Outcome::Committed(settlement.clone()));
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal.expect("a reversal");
    assert_eq!(server.fence(&bill(), "R2").await.expect("an outcome"), Outcome::Reversed(reversal));
    assert_eq!(server.settle(&bill(), "R1").await.expect("a replay").settlement, Some(settlement));
}

#[tokio::test]
async fn request_ids_are_scoped_to_hospital_and_person() {
    let server = Server::start().await;
    let at_other_hospital = RawClaim { hospital_id: "H2".into(), ..bill() };
    let of_other_person = claim("C2", "P2", "5000.00");
    let bills = [bill(), at_other_hospital, of_other_person];
    for bill in &bills {
        assert!(matches!(server.outcome(bill, "R1").await, Outcome::NotSeen(_)));
        let settlement = server.settle_ok(bill, "R1").await;
        assert_eq!(server.outcome(bill, "R1").await, Outcome::Committed(settlement));
    }
}

#[tokio::test]
async fn a_repeated_request_returns_the_same_bytes_even_after_its_reversal() {
    let server = Server::start().await;
    let first = server.settle_ok(&bill(), "R1").await;
    let reversed = server.reverse(&bill(), "R2").await.expect("a reversal");
    let reversal = reversed.reversal.clone().expect("a reversal");
    assert_eq!((reversed.replay, &reversal.settlement_id), (false, &first.settlement_id));
    let replay = server.reverse(&bill(), "R2").await.expect("a replay");
    assert_eq!((replay.replay, replay.reversal), (true, Some(reversal)));
    let replay = server.settle(&bill(), "R1").await.expect("a replay");
    assert!(replay.replay);
    assert_eq!(replay.settlement.expect("a settlement").encode_to_vec(), first.encode_to_vec());
    let second = server.settle_ok(&bill(), "R3").await;
    assert_ne!(second.settlement_id, first.settlement_id);
    assert_eq!(second.split, first.split, "the account is restored to its state before the first settlement");
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_request_id_cannot_serve_both_a_settlement_and_a_reversal() {
    let server = Server::start().await;
    server.settle_ok(&bill(), "R1").await;
    assert_eq!(code_and_reason(server.reverse(&bill(), "R1").await).1, "REQUEST_ID_REUSED");
    let mut request = reverse_request(&bill(), "R2");
    server.settlement_client().reverse(request.clone()).await.expect("a reversal");
    request.reason = "another reason".to_owned();
    assert_eq!(code_and_reason(server.settlement_client().reverse(request).await).1, "REQUEST_ID_REUSED");
    assert_eq!(code_and_reason(server.settle(&bill(), "R2").await).1, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn later_settlements_are_listed_newest_first_and_those_of_other_hospitals_only_counted() {
    let server = Server::start().await;
    let at_other_hospital = |id: &str| RawClaim { hospital_id: "H2".into(), ..claim(id, "P1", "5000.00") };
    let next_year =
        RawClaim { admitted: day("2018-06-08"), discharged: day("2018-06-15"), ..claim("C6", "P1", "5000.00") };
    let claims = [
        bill(),
        claim("C2", "P1", "1.00"),
        at_other_hospital("C3"),
        claim("C4", "P1", "1.00"),
        claim("C5", "P2", "1.00"),
        next_year,
        at_other_hospital("C7"),
    ];
    let mut ids = Vec::new();
    for bill in &claims {
        let request = format!("R-{}", bill.claim_id.as_str());
        ids.push(server.settle_ok(bill, &request).await.settlement_id);
    }
    server.reverse(&claims[6], "R7").await.expect("the newest settlement can be reversed");
    let status = server.reverse(&bill(), "R8").await.expect_err("a refusal");
    let later: pb::LaterSettlements = status_detail(&status, "LaterSettlements");
    assert_eq!((later.own_settlement_ids, later.others), (vec![ids[3].clone(), ids[1].clone()], 1));
    for (at, request) in [(3, "R9"), (2, "R10"), (1, "R11"), (0, "R12")] {
        server.reverse(&claims[at], request).await.expect("newest first");
    }
}

#[tokio::test]
async fn a_request_repeated_after_a_store_failure_settles_once() {
    let failures = [
        StoreMode::FailWrites(StoreError::Conflict),
        StoreMode::FailWrites(StoreError::Unavailable("down".to_owned())),
        StoreMode::FailReads(StoreError::Unavailable("down".to_owned())),
        StoreMode::FailWrites(StoreError::Unknown("torn".to_owned())),
        StoreMode::WriteThenFail(StoreError::Unknown("late".to_owned())),
    ];
    for failure in failures {
        let server = Server::start().await;
        server.store.set_mode(failure.clone());
        server.settle(&bill(), "R1").await.expect_err("a refusal");
        server.store.set_mode(StoreMode::Healthy);
        let written = matches!(failure, StoreMode::WriteThenFail(_));
        assert_eq!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)), written);
        assert_eq!(server.settle(&bill(), "R1").await.expect("a settlement").replay, written);
        assert!(server.settle(&bill(), "R1").await.expect("a settlement").replay);
    }
}
