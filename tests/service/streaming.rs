//! SettleStream: order within a person, refusals as messages, breaks and resending, bounded memory, cancellation.

use std::collections::{BTreeMap, HashMap};

use onestop::config::ServerLimits;
use onestop::domain::claim::RawClaim;
use onestop::grpc::to_proto;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::store::StoreError;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tonic::{Code, Status, Streaming};

use super::faulty_store::{StoreMode, WriteEvent};
use super::{Server, settle_request};
use crate::support::claims::claim;

type Responses = Streaming<pb::SettleStreamResponse>;

fn stream_request(claim: &RawClaim, request: &str) -> pb::SettleStreamRequest {
    let (claim, request_id) = (Some(to_proto::claim(claim)), request.to_owned());
    pb::SettleStreamRequest { claim, request_id, quote_digest: Vec::new(), view: 0 }
}

/// Sends these requests and returns all responses by position.
async fn settle_all(
    server: &Server,
    requests: Vec<pb::SettleStreamRequest>,
) -> BTreeMap<u64, pb::SettleStreamResponse> {
    let stream = server.settlement_client().settle_stream(tokio_stream::iter(requests)).await;
    let mut responses = stream.expect("a stream").into_inner();
    let mut all = BTreeMap::new();
    while let Some(response) = responses.message().await.expect("an unbroken stream") {
        assert!(all.insert(response.position, response).is_none(), "one response for each request");
    }
    all
}

/// Opens a stream that stays open: the sender of requests and the stream of responses.
async fn open_stream(server: &Server) -> (mpsc::UnboundedSender<pb::SettleStreamRequest>, Responses) {
    let (requests, stream) = mpsc::unbounded_channel();
    let responses = server.settlement_client().settle_stream(UnboundedReceiverStream::new(stream)).await;
    (requests, responses.expect("a stream").into_inner())
}

/// The settlement in a response, which must not be a refusal.
fn settlement_in(response: &pb::SettleStreamResponse) -> &pb::Settlement {
    match &response.answer {
        Some(Answer::Settlement(settlement)) => settlement,
        other => panic!("a settlement: {other:?}"),
    }
}

/// This many claims of three persons in turn; each has another amount.
fn bills(count: usize) -> Vec<RawClaim> {
    let bill = |at: usize| claim(&format!("C{at}"), ["P1", "P2", "P4"][at % 3], &format!("{}.00", 3_000 + at));
    (0..count).map(bill).collect()
}

/// Runs on several threads, so that a missing order within a person shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_claims_of_one_person_are_settled_in_the_order_sent() {
    let server = Server::start().await;
    let bills = bills(600);
    let requests = bills.iter().enumerate().map(|(at, bill)| stream_request(bill, &format!("R{at}"))).collect();
    let responses = settle_all(&server, requests).await;
    assert_eq!(responses.len(), bills.len());
    let mut before: HashMap<&str, u32> = HashMap::new();
    for (at, (bill, response)) in bills.iter().zip(responses.values()).enumerate() {
        assert_eq!(response.request_id, format!("R{at}"));
        let settlement = settlement_in(response);
        assert_eq!(settlement.claim_id, bill.claim_id.as_str());
        let admissions = before.entry(bill.person_id.as_str()).or_default();
        let derivation = settlement.derivation.as_ref().expect("a derivation");
        let judged = derivation.circumstances.as_ref().expect("circumstances");
        assert_eq!(judged.admissions_before, *admissions, "claim {at}");
        *admissions += 1;
    }
}

#[tokio::test]
async fn a_refusal_is_a_message_with_the_details_of_the_unary_call_and_the_stream_continues() {
    let server = Server::start().await;
    let faulty = RawClaim { items: vec![], visit: String::new(), ..claim("C1", "P1", "1.00") };
    let unknown = RawClaim { person_id: "P9".into(), hospital_id: "H9".into(), ..claim("C2", "P1", "1.00") };
    let sound = claim("C3", "P1", "1.00");
    let nothing = pb::SettleStreamRequest { request_id: "R4".to_owned(), ..Default::default() };
    let requests =
        vec![stream_request(&faulty, "R1"), stream_request(&unknown, "R2"), nothing, stream_request(&sound, "R3")];
    let responses = settle_all(&server, requests).await;
    for (position, bill, id) in [(0, &faulty, "R1"), (1, &unknown, "R2")] {
        let unary = server.settlement_client().settle(settle_request(bill, id)).await.expect_err("a refusal");
        let Some(Answer::Refusal(refusal)) = &responses[&position].answer else { panic!("a refusal") };
        assert_eq!((refusal.code, refusal.message.as_str()), (unary.code() as i32, unary.message()));
        assert_eq!(refusal.encode_to_vec(), unary.details());
        assert!(!refusal.details.is_empty());
    }
    let Some(Answer::Refusal(refusal)) = &responses[&2].answer else { panic!("a refusal") };
    assert_eq!((refusal.code, responses[&2].request_id.as_str()), (Code::InvalidArgument as i32, "R4"));
    assert_eq!(settlement_in(&responses[&3]).claim_id, "C3");
}

#[tokio::test]
async fn a_request_sent_by_stream_and_by_unary_call_is_settled_once() {
    let server = Server::start().await;
    let (bill, other) = (claim("C1", "P1", "5000.00"), claim("C2", "P1", "5000.00"));
    let by_call = server.settle_ok(&bill, "R1").await;
    let requests = vec![
        stream_request(&bill, "R1"),
        stream_request(&other, "R2"),
        stream_request(&other, "R2"),
        stream_request(&bill, "R3"),
    ];
    let responses = settle_all(&server, requests).await;
    let replays: Vec<_> = responses.values().map(|response| response.replay).collect();
    assert_eq!(replays, [true, false, true, false]);
    assert_eq!(settlement_in(&responses[&0]).encode_to_vec(), by_call.encode_to_vec());
    assert_eq!(settlement_in(&responses[&1]), settlement_in(&responses[&2]));
    let Some(Answer::Refusal(refusal)) = &responses[&3].answer else { panic!("a refusal") };
    assert_eq!(refusal.code, Code::AlreadyExists as i32);
}

/// A number below this limit, drawn by SplitMix64.
fn random_below(seed: &mut u64, limit: u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % limit
}

#[tokio::test]
async fn after_random_breaks_and_resending_every_claim_is_settled_exactly_once() {
    let (server, mut seed) = (Server::start().await, 2017);
    let bills = bills(300);
    let mut received: BTreeMap<usize, pb::Settlement> = BTreeMap::new();
    let mut rounds = 0;
    while received.len() < bills.len() {
        rounds += 1;
        let pending: Vec<usize> = (0..bills.len()).filter(|at| !received.contains_key(at)).collect();
        let (requests, mut responses) = open_stream(&server).await;
        for at in &pending {
            requests.send(stream_request(&bills[*at], &format!("R{at}"))).expect("an open stream");
        }
        // The last round reads all responses.
        let read = if rounds < 10 { random_below(&mut seed, 60) as usize } else { pending.len() };
        for _ in 0..read.min(pending.len()) {
            let response = responses.message().await.expect("an unbroken stream").expect("a response");
            let at = pending[response.position as usize];
            assert_eq!(response.request_id, format!("R{at}"));
            assert!(received.insert(at, settlement_in(&response).clone()).is_none());
        }
    }
    assert!(rounds >= 6, "{rounds} rounds");
    let entries = server.engine.store().journal();
    assert_eq!(entries.len(), bills.len(), "one entry for each claim");
    for (at, settlement) in &received {
        let replay = server.settle(&bills[*at], &format!("R{at}")).await.expect("a replay");
        assert!(replay.replay && replay.settlement.as_ref() == Some(settlement));
    }
}

#[tokio::test]
async fn the_server_stops_reading_requests_when_the_caller_stops_reading_responses() {
    let limits = ServerLimits { stream_window: 32, ..ServerLimits::default() };
    let server = Server::start_with_limits(limits).await;
    let (requests, mut responses) = open_stream(&server).await;
    const SENT: usize = 20_000;
    let bills = bills(SENT);
    for (at, bill) in bills.iter().enumerate() {
        requests.send(stream_request(bill, &format!("R{at}"))).expect("an open stream");
    }
    drop(requests);
    // Other callers are served meanwhile. The number of settled claims stops growing at what the window, the transport
    // and the caller buffer.
    let (mut settled, mut idle_rounds) = (0, 0);
    while idle_rounds < 50 {
        let id = format!("other-{settled}-{idle_rounds}");
        server.settle(&claim(&id, "P3", "1.00"), &id).await.expect("a settlement");
        let now = server.engine.store().journal().len();
        idle_rounds = if now <= settled + 1 { idle_rounds + 1 } else { 0 };
        settled = now;
    }
    assert!((32..2_000).contains(&settled), "{settled} of {SENT} were settled");
    let mut read = 0;
    while responses.message().await.expect("an unbroken stream").is_some() {
        read += 1;
    }
    assert_eq!(read, SENT, "the responses continue when the caller reads again");
}

#[tokio::test]
async fn when_the_caller_cancels_a_claim_in_progress_is_finished_and_no_other_begins() {
    let server = Server::start().await;
    server.store.set_mode(StoreMode::HoldWrites);
    let (requests, responses) = open_stream(&server).await;
    for at in 0..3 {
        requests
            .send(stream_request(&claim(&format!("C{at}"), "P1", "5000.00"), &format!("R{at}")))
            .expect("an open stream");
    }
    assert_eq!(server.store.next_write_event().await, WriteEvent::Started);
    drop((requests, responses));
    // The server answers calls on the same connection after it has received the cancellation of the stream.
    for _ in 0..8 {
        server.quote(&claim("Q", "P2", "1.00")).await.expect("a quote");
    }
    server.store.set_mode(StoreMode::Healthy);
    server.store.release_write();
    assert_eq!(server.store.next_write_event().await, WriteEvent::Done);
    let replay = server.settle(&claim("C0", "P1", "5000.00"), "R0").await.expect("a replay");
    assert!(replay.replay);
    assert!(!server.settle(&claim("C1", "P1", "5000.00"), "R1").await.expect("a settlement").replay);
}

#[tokio::test]
async fn an_unknown_outcome_is_reported_and_resolved_by_the_same_request() {
    let server = Server::start().await;
    let bill = claim("C1", "P1", "5000.00");
    server.store.set_mode(StoreMode::WriteThenFail(StoreError::Unknown("late".to_owned())));
    let responses = settle_all(&server, vec![stream_request(&bill, "R1")]).await;
    let Some(Answer::Refusal(refusal)) = &responses[&0].answer else { panic!("a refusal") };
    assert_eq!(refusal.code, Code::Unavailable as i32);
    server.store.set_mode(StoreMode::Healthy);
    let responses = settle_all(&server, vec![stream_request(&bill, "R1")]).await;
    assert!(responses[&0].replay && settlement_in(&responses[&0]).claim_id == "C1");
}

#[tokio::test]
async fn a_message_above_the_size_limit_ends_the_stream_after_the_earlier_responses() {
    let server = Server::start_with_limits(ServerLimits { message_bytes: 4_096, ..ServerLimits::default() }).await;
    let small = claim("C1", "P1", "1.00");
    let large = RawClaim { items: vec![small.items[0].clone(); 1_000], ..claim("C2", "P1", "1.00") };
    let (requests, stream) = mpsc::channel(4);
    for (bill, id) in [(&small, "R1"), (&large, "R2")] {
        requests.send(stream_request(bill, id)).await.expect("an open stream");
    }
    let responses = server.settlement_client().settle_stream(ReceiverStream::new(stream)).await;
    let mut responses = responses.expect("a stream").into_inner();
    let first = responses.message().await.expect("an unbroken stream").expect("a response");
    assert_eq!(settlement_in(&first).claim_id, "C1");
    let status: Status = responses.message().await.expect_err("the end of the stream");
    assert_eq!(status.code(), Code::OutOfRange);
}
