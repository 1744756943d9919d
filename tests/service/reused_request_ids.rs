//! REQUEST_ID_REUSED names each field that differs from the request that used the id first, and not what it held.

use onestop::cli::client::Client;
use onestop::domain::claim::{Quantity, RawClaim, RawContinues, UnitPrice};
use onestop::domain::content::RawCorrection;
use onestop::domain::money::Money;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use serde_json::json;
use tonic::{Code, Status};

use super::{Server, bill, refusal_details, reverse_request};
use crate::support::claims::{claim, day, item};
use crate::support::program::{Serve, run};

/// The fields that a refusal names, which must be of this kind.
fn differing(status: &Status) -> Vec<String> {
    let details = refusal_details(status);
    assert_eq!((details.code, details.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"), "{status:?}");
    details
        .faults
        .into_iter()
        .map(|(field, reason, _)| {
            assert_eq!(reason, "DIFFERS");
            field
        })
        .collect()
}

/// Four lines; what a refusal must not repeat is marked.
fn first() -> RawClaim {
    let items = ["10.00", "20.00", "30.00", "40.00"].map(|yuan| item("A", yuan));
    RawClaim {
        items: items.to_vec(),
        total: Some(Money::from_fen(10_000)),
        diagnosis: Some("MARK-1".to_owned()),
        ..bill()
    }
}

type Change = (&'static [&'static str], fn(&mut RawClaim));

const CHANGES: &[Change] = &[
    (&["claim.claim_id"], |claim| claim.claim_id = "MARK-2".to_owned()),
    (&["claim.visit"], |claim| claim.visit = "maternity".to_owned()),
    (&["claim.emergency"], |claim| claim.emergency = true),
    (&["claim.admitted"], |claim| claim.admitted = day("2017-06-09")),
    (&["claim.discharged"], |claim| claim.discharged = None),
    (&["claim.items[3].quantity"], |claim| claim.items[3].quantity = Quantity(10_001)),
    (&["claim.items[0].code"], |claim| claim.items[0].code = "MARK-3".into()),
    (&["claim.items[1].day"], |claim| claim.items[1].day = day("2017-06-10")),
    (&["claim.items[2].unit_price", "claim.items[2].amount"], |claim| {
        claim.items[2].unit_price = UnitPrice(1_234_567);
        claim.items[2].amount = Money::from_fen(1_234_567);
    }),
    (&["claim.items"], |claim| claim.items.truncate(3)),
    (&["claim.total"], |claim| claim.total = None),
    (&["claim.diagnosis"], |claim| claim.diagnosis = Some("MARK-4".to_owned())),
    (&["claim.continues"], |claim| claim.continues = Some(RawContinues::default())),
    (&["claim.visit", "claim.items[0].code", "claim.diagnosis"], |claim| {
        claim.visit = String::new();
        claim.items[0].code = "MARK-5".into();
        claim.diagnosis = None;
    }),
];

/// Every change of the first claim, with the fields that differ.
fn changes() -> impl Iterator<Item = (RawClaim, Vec<String>)> {
    CHANGES.iter().map(|(fields, change)| {
        let mut claim = first();
        change(&mut claim);
        (claim, fields.iter().map(|field| (*field).to_owned()).collect())
    })
}

fn assert_repeats_nothing(status: &Status) {
    let repeated = format!("{} {}", status.message(), String::from_utf8_lossy(status.details()));
    for mark in ["MARK", "maternity", "1.2345", "12345.67", "2017-06", "1.0001"] {
        assert!(!repeated.contains(mark), "{mark}: {repeated}");
    }
}

#[tokio::test]
async fn a_settle_names_the_fields_that_differ_sound_or_not() {
    let server = Server::start().await;
    server.settle_ok(&first(), "R1").await;
    for (claim, fields) in changes() {
        let status = server.settle(&claim, "R1").await.expect_err("a refusal");
        assert_eq!(differing(&status), fields);
        assert_repeats_nothing(&status);
        assert!(fields.iter().all(|field| status.message().contains(field)), "{}", status.message());
    }
    assert!(server.settle(&first(), "R1").await.expect("a replay").replay);
}

#[tokio::test]
async fn a_claim_that_continues_another_names_the_differing_part_of_it() {
    let server = Server::start().await;
    server.settle_ok(&bill(), "R0").await;
    let continues = RawContinues { kind: "interim".into(), hospital_id: "H3".into(), claim_id: "C1".into() };
    let later = RawClaim {
        admitted: day("2017-06-15"),
        discharged: day("2017-06-20"),
        continues: Some(continues.clone()),
        ..claim("C2", "P1", "5000.00")
    };
    server.settle_ok(&later, "R1").await;
    for (field, changed) in [
        ("kind", RawContinues { kind: "transfer".into(), ..continues.clone() }),
        ("hospital_id", RawContinues { hospital_id: "H1".into(), ..continues.clone() }),
        ("claim_id", RawContinues { claim_id: "C9".into(), ..continues }),
    ] {
        let status = server.settle(&RawClaim { continues: Some(changed), ..later.clone() }, "R1").await;
        assert_eq!(differing(&status.expect_err("a refusal")), [format!("claim.continues.{field}")]);
    }
}

#[tokio::test]
async fn a_stream_names_the_fields_that_differ() {
    let server = Server::start().await;
    server.settle_ok(&first(), "R1").await;
    let request = |claim: &RawClaim| pb::SettleStreamRequest {
        claim: Some(to_proto::claim(claim)),
        request_id: "R1".to_owned(),
        quote_digest: Vec::new(),
        view: 0,
    };
    let requests: Vec<_> = changes().map(|(claim, _)| request(&claim)).collect();
    let stream = server.settlement_client().settle_stream(tokio_stream::iter(requests)).await;
    let mut answers = stream.expect("a stream").into_inner();
    let wanted: Vec<_> = changes().map(|(_, fields)| fields).collect();
    for _ in 0..wanted.len() {
        let answer = answers.message().await.expect("an answer").expect("an answer");
        let Some(Answer::Refusal(refusal)) = answer.answer else { panic!("a refusal") };
        let details = prost::Message::encode_to_vec(&refusal);
        let status = Status::with_details(Code::from(refusal.code), refusal.message, details.into());
        assert_eq!(differing(&status), wanted[answer.position as usize]);
    }
}

#[tokio::test]
async fn a_reversal_names_the_fields_that_differ() {
    let server = Server::start().await;
    for (claim, request) in [(bill(), "S1"), (claim("C2", "P1", "1.00"), "S2")] {
        server.settle_ok(&claim, request).await;
    }
    let sent = reverse_request(&claim("C2", "P1", "1.00"), "R1");
    server.settlement_client().reverse(sent.clone()).await.expect("a reversal");
    for (fields, changed) in [
        (vec!["reason"], pb::ReverseRequest { reason: "MARK".to_owned(), ..sent.clone() }),
        (vec!["claim_id"], pb::ReverseRequest { claim_id: "C1".to_owned(), ..sent.clone() }),
        (vec!["readjudicate"], pb::ReverseRequest { readjudicate: true, ..sent.clone() }),
        (
            vec!["claim_id", "reason"],
            pb::ReverseRequest { claim_id: "C1".to_owned(), reason: String::new(), ..sent.clone() },
        ),
    ] {
        let status = server.settlement_client().reverse(changed).await.expect_err("a refusal");
        assert_eq!(differing(&status), fields);
        assert_repeats_nothing(&status);
    }
}

#[tokio::test]
async fn a_correction_names_the_fields_that_differ() {
    let server = Server::start().await;
    let mut client = Client::over(server.channel.clone());
    server.settle_ok(&bill(), "R0").await;
    let correction = RawCorrection { claim: first(), reason: "a wrong bill".to_owned() };
    client.correct(&correction, "R1", false).await.expect("a correction");
    for (claim, fields) in changes() {
        let status = client.correct(&RawCorrection { claim, ..correction.clone() }, "R1", false).await;
        assert_eq!(differing(&status.expect_err("a refusal")), fields);
    }
    let other = RawCorrection { reason: "MARK".to_owned(), ..correction.clone() };
    let status = client.correct(&other, "R1", false).await.expect_err("a refusal");
    assert_eq!(differing(&status), ["reason"]);
    assert_repeats_nothing(&status);
}

#[tokio::test]
async fn a_request_id_of_another_call_is_refused_naming_that_call() {
    let server = Server::start().await;
    let mut client = Client::over(server.channel.clone());
    server.settle_ok(&bill(), "S").await;
    let correction =
        |request: &'static str| (RawCorrection { claim: first(), reason: "a wrong bill".to_owned() }, request);
    client.correct(&correction("K").0, "K", false).await.expect("a correction");
    server.reverse(&first(), "V").await.expect("a reversal");
    for (call, request) in [("Settle", "S"), ("Correct", "K"), ("Reverse", "V")] {
        let settled = server.settle(&claim("C9", "P1", "1.00"), request).await.map(drop);
        let reversed = server.reverse(&claim("C9", "P1", "1.00"), request).await.map(drop);
        let corrected = client.correct(&correction(request).0, request, false).await.map(drop);
        for (of, result) in [("Settle", settled), ("Reverse", reversed), ("Correct", corrected)] {
            if of == call && of != "Correct" {
                let fields = differing(&result.expect_err("a refusal"));
                assert!(fields.contains(&"claim.claim_id".to_owned()) || fields.contains(&"claim_id".to_owned()));
            } else if of == call {
                result.expect("the same content is a replay");
            } else {
                let status = result.expect_err("a refusal");
                assert_eq!(differing(&status), ["request_id"], "{of} under the id of {call}");
                assert!(status.message().contains(&format!("was used by the call {call}")), "{}", status.message());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_prints_and_writes_the_fields_that_differ() {
    let place = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&place.path().join("store"), &[]);
    serve.with_tables().await;
    let sent = |quantity: &str, discharged: &str| {
        json!({
            "claim_id": "C1", "request_id": "R1", "hospital_id": "H3", "person_id": "P1", "visit": "inpatient",
            "emergency": false, "admitted": "2017-06-08", "discharged": discharged,
            "items": [{"code": "A", "quantity": quantity, "unit_price": "0.10", "amount": "0.10"}],
        })
    };
    let path = place.path().join("claims.ndjson");
    let lines = [sent("1", "2017-06-15"), sent("1.1", "2017-06-16")].map(|line| format!("{line}\n")).concat();
    std::fs::write(&path, lines).expect("written");
    let (path, kept) = (path.display().to_string(), place.path().join("refused").display().to_string());
    let (code, _, errors) = run(&["settle", &path, "--refused", &kept, "--server", &serve.url]);
    assert_eq!(code, Some(1), "{errors}");
    let differs = "differs from the request that used this request id first (DIFFERS)";
    let line = format!(
        "{path}:2: C1: ALREADY_EXISTS: REQUEST_ID_REUSED: claim.discharged {differs}; claim.items[0].quantity {differs}\n"
    );
    assert!(errors.contains(&line), "{errors}");
    let refused: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(kept).expect("the refused")).expect("JSON");
    let fields: Vec<_> = refused["faults"].as_array().expect("faults").iter().map(|fault| &fault["field"]).collect();
    assert_eq!(fields, ["claim.discharged", "claim.items[0].quantity"]);
}
