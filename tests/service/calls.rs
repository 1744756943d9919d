//! What the calls of a settlement do to one another: the order of refusals, quotes, fences, outcomes and
//! reversals.

use onestop::domain::claim::{Quantity, RawClaim};
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::outcome::Outcome;
use onestop::store::StoreError;
use prost::Message;
use tonic::{Code, Status};

use super::trial_store::Mode;
use super::{Server, detail, refused, reverse, settle, told};
use crate::support::claims::{claim, day, item};

fn bill() -> RawClaim {
    claim("C1", "P1", "5000.00")
}

/// The claim with a fault of each stage from 2 on; a stage is mended by the function beside it.
fn faulty() -> RawClaim {
    let items = vec![item("NONE", "1.00"), item("A", "1.00"), item("NEITHER", "1.00")];
    let (admitted, discharged) = (day("2016-06-16"), day("2016-06-15"));
    let mut faulty =
        RawClaim { hospital_id: "H9".into(), person_id: "P9".into(), admitted, discharged, items, ..bill() };
    faulty.items[1].quantity = Quantity(-10_000);
    faulty.visit = None;
    faulty
}

const MENDED: [fn(&mut RawClaim); 4] = [
    |claim| {
        claim.admitted = claim.discharged;
        claim.items[1] = item("A", "1.00");
        claim.visit = bill().visit;
    },
    |claim| {
        claim.hospital_id = "H3".into();
        claim.person_id = "P1".into();
    },
    |claim| claim.items.retain(|item| item.code.as_str() == "A"),
    |claim| (claim.admitted, claim.discharged) = (bill().admitted, bill().discharged),
];

fn fields(status: &Status) -> (String, Vec<String>) {
    let told = told(status);
    (told.reason, told.faults.into_iter().map(|(field, ..)| field).collect())
}

#[tokio::test]
async fn only_the_first_stage_that_fails_is_told_with_all_its_faults() {
    let server = Server::start().await;
    let stages = [
        ("INVALID_REQUEST", vec!["claim.visit", "claim.discharged", "claim.items[1].amount"]),
        ("NOT_ELIGIBLE", vec!["claim.hospital_id", "claim.person_id"]),
        ("UNKNOWN_ITEM", vec!["claim.items[0].code", "claim.items[2].code"]),
        ("NO_POLICY", vec!["claim.discharged"]),
        ("QUOTE_CHANGED", vec![]),
    ];
    let mut claim = faulty();
    for (at, (reason, named)) in stages.iter().enumerate() {
        let mut request = settle(&claim, "R1");
        request.quote_digest = vec![1; 32];
        let status = server.settlements().settle(request).await.expect_err("a refusal");
        assert_eq!(fields(&status), ((*reason).to_owned(), named.iter().map(|field| (*field).to_owned()).collect()));
        if let Some(mend) = MENDED.get(at) {
            mend(&mut claim);
        }
    }
    assert!(matches!(server.outcome(&claim, "R1").await, Outcome::NotSeen(_)));
}

#[tokio::test]
async fn what_the_keys_say_comes_before_what_is_wrong_with_the_claim() {
    let server = Server::start().await;
    server.settled(&bill(), "R1").await;
    server.fence(&bill(), "R2").await.expect("fenced");
    let unsound = RawClaim { items: Vec::new(), ..bill() };
    for (request, reason) in [("R1", "REQUEST_ID_REUSED"), ("R2", "REQUEST_FENCED"), ("R3", "CLAIM_SETTLED")] {
        assert_eq!(
            fields(&server.settle(&unsound, request).await.expect_err("a refusal")),
            (reason.to_owned(), vec![])
        );
    }
    let another = RawClaim { person_id: "P2".into(), ..unsound };
    assert_eq!(refused(server.settle(&another, "R1").await).1, "CLAIM_OF_ANOTHER_PERSON");
}

#[tokio::test]
async fn ids_that_are_missing_are_named_with_what_else_is_wrong() {
    let server = Server::start().await;
    let claim = RawClaim { claim_id: "".into(), items: Vec::new(), ..bill() };
    let status = server.settle(&claim, "").await.expect_err("a refusal");
    assert_eq!(fields(&status).1, ["claim.claim_id", "claim.items", "request_id"]);
    let mut request = reverse(&claim, "");
    request.reason = "x".repeat(1_001);
    let status = server.settlements().reverse(request).await.expect_err("a refusal");
    assert_eq!(fields(&status).1, ["claim_id", "request_id", "reason"]);
}

#[tokio::test]
async fn a_quote_changes_nothing_and_is_what_settle_gives() {
    let server = Server::start().await;
    let before = server.engine.store().fingerprint();
    let quote = server.quote(&bill()).await.expect("a quote");
    assert_eq!(server.engine.store().fingerprint(), before);
    let mut request = settle(&bill(), "R1");
    request.quote_digest = quote.quote_digest;
    let settled = server.settlements().settle(request).await.expect("a settlement").into_inner();
    assert_eq!(settled.settlement.expect("a settlement").split, quote.split);
    assert_eq!(refused(server.quote(&bill()).await), (Code::AlreadyExists, "CLAIM_SETTLED".to_owned()));
}

#[tokio::test]
async fn a_quote_that_no_longer_holds_is_answered_with_the_one_that_does() {
    let server = Server::start().await;
    let mut request = settle(&bill(), "R1");
    request.quote_digest = server.quote(&bill()).await.expect("a quote").quote_digest;
    server.settled(&claim("C2", "P1", "5000.00"), "R2").await;
    let status = server.settlements().settle(request.clone()).await.expect_err("a refusal");
    let changed: pb::QuoteChanged = detail(&status, "QuoteChanged");
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::NotSeen(_)));
    let now = server.quote(&bill()).await.expect("a quote");
    assert_eq!((changed.split, &changed.quote_digest), (now.split.clone(), &now.quote_digest));
    request.quote_digest = changed.quote_digest;
    let settled = server.settlements().settle(request.clone()).await.expect("a settlement").into_inner();
    assert_eq!(settled.settlement.as_ref().expect("a settlement").split, now.split);
    request.quote_digest = vec![7];
    let again = server.settlements().settle(request).await.expect("a replay").into_inner();
    assert_eq!((again.replay, again.settlement), (true, settled.settlement));
}

#[tokio::test]
async fn a_fence_that_is_first_keeps_the_request_out_for_ever() {
    let server = Server::start().await;
    for _ in 0..2 {
        assert!(matches!(server.fence(&bill(), "R1").await, Ok(Outcome::Fenced(_))));
    }
    assert_eq!(refused(server.settle(&bill(), "R1").await).1, "REQUEST_FENCED");
    assert_eq!(refused(server.reverse(&bill(), "R1").await).1, "REQUEST_FENCED");
    assert!(matches!(server.outcome(&bill(), "R1").await, Outcome::Fenced(_)));
    server.settled(&bill(), "R2").await;
}

#[tokio::test]
async fn a_fence_that_is_late_is_answered_with_what_was_committed() {
    let server = Server::start().await;
    let settlement = server.settled(&bill(), "R1").await;
    assert_eq!(server.fence(&bill(), "R1").await.expect("an outcome"), Outcome::Committed(settlement.clone()));
    let reversal = server.reverse(&bill(), "R2").await.expect("a reversal").reversal.expect("a reversal");
    assert_eq!(server.fence(&bill(), "R2").await.expect("an outcome"), Outcome::Reversed(reversal));
    assert_eq!(server.settle(&bill(), "R1").await.expect("a replay").settlement, Some(settlement));
}

#[tokio::test]
async fn a_request_id_belongs_to_a_hospital_and_a_person() {
    let server = Server::start().await;
    let elsewhere = RawClaim { hospital_id: "H2".into(), ..bill() };
    let another = claim("C2", "P2", "5000.00");
    let bills = [bill(), elsewhere, another];
    for bill in &bills {
        assert!(matches!(server.outcome(bill, "R1").await, Outcome::NotSeen(_)));
        let settlement = server.settled(bill, "R1").await;
        assert_eq!(server.outcome(bill, "R1").await, Outcome::Committed(settlement));
    }
}

#[tokio::test]
async fn the_same_request_is_answered_with_the_same_bytes_also_after_its_reversal() {
    let server = Server::start().await;
    let first = server.settled(&bill(), "R1").await;
    let reversed = server.reverse(&bill(), "R2").await.expect("a reversal");
    let reversal = reversed.reversal.clone().expect("a reversal");
    assert_eq!((reversed.replay, &reversal.settlement_id), (false, &first.settlement_id));
    let again = server.reverse(&bill(), "R2").await.expect("a replay");
    assert_eq!((again.replay, again.reversal), (true, Some(reversal)));
    let again = server.settle(&bill(), "R1").await.expect("a replay");
    assert!(again.replay);
    assert_eq!(again.settlement.expect("a settlement").encode_to_vec(), first.encode_to_vec());
    let second = server.settled(&bill(), "R3").await;
    assert_ne!(second.settlement_id, first.settlement_id);
    assert_eq!(second.split, first.split, "the account is as it was before the first");
    assert!(server.settle(&bill(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn one_request_id_is_not_for_a_settlement_and_its_reversal() {
    let server = Server::start().await;
    server.settled(&bill(), "R1").await;
    assert_eq!(refused(server.reverse(&bill(), "R1").await).1, "REQUEST_ID_REUSED");
    let mut other = reverse(&bill(), "R2");
    server.settlements().reverse(other.clone()).await.expect("a reversal");
    other.reason = "another reason".to_owned();
    assert_eq!(refused(server.settlements().reverse(other).await).1, "REQUEST_ID_REUSED");
    assert_eq!(refused(server.settle(&bill(), "R2").await).1, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn later_settlements_are_told_newest_first_and_those_of_others_only_counted() {
    let server = Server::start().await;
    let elsewhere = |id: &str| RawClaim { hospital_id: "H2".into(), ..claim(id, "P1", "5000.00") };
    let next_year =
        RawClaim { admitted: day("2018-06-08"), discharged: day("2018-06-15"), ..claim("C6", "P1", "5000.00") };
    let others = [
        bill(),
        claim("C2", "P1", "1.00"),
        elsewhere("C3"),
        claim("C4", "P1", "1.00"),
        claim("C5", "P2", "1.00"),
        next_year,
        elsewhere("C7"),
    ];
    let mut ids = Vec::new();
    for bill in &others {
        let request = format!("R-{}", bill.claim_id.as_str());
        ids.push(server.settled(bill, &request).await.settlement_id);
    }
    server.reverse(&others[6], "R7").await.expect("the newest may be reversed");
    let status = server.reverse(&bill(), "R8").await.expect_err("a refusal");
    let later: pb::LaterSettlements = detail(&status, "LaterSettlements");
    assert_eq!((later.own_settlement_ids, later.others), (vec![ids[3].clone(), ids[1].clone()], 1));
    for (at, request) in [(3, "R9"), (2, "R10"), (1, "R11"), (0, "R12")] {
        server.reverse(&others[at], request).await.expect("newest first");
    }
}

#[tokio::test]
async fn after_a_failure_the_same_request_settles_once() {
    let failures = [
        Mode::FailsWrites(StoreError::Conflict),
        Mode::FailsWrites(StoreError::Unavailable("down".to_owned())),
        Mode::FailsReads(StoreError::Unavailable("down".to_owned())),
        Mode::FailsWrites(StoreError::Unknown("torn".to_owned())),
        Mode::WritesAndFails(StoreError::Unknown("late".to_owned())),
    ];
    for failure in failures {
        let server = Server::start().await;
        server.store.set(failure.clone());
        server.settle(&bill(), "R1").await.expect_err("a refusal");
        server.store.set(Mode::Works);
        let written = matches!(failure, Mode::WritesAndFails(_));
        assert_eq!(matches!(server.outcome(&bill(), "R1").await, Outcome::Committed(_)), written);
        assert_eq!(server.settle(&bill(), "R1").await.expect("a settlement").replay, written);
        assert!(server.settle(&bill(), "R1").await.expect("a settlement").replay);
    }
}
