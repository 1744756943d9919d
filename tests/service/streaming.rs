//! SettleStream: order within a person, refusals as messages, breaks and resending, bounded memory, stopping.

use std::collections::{BTreeMap, HashMap};

use onestop::domain::claim::RawClaim;
use onestop::grpc::pb::settlement as pb;
use onestop::grpc::pb::settlement::settle_stream_response::Answer;
use onestop::grpc::to_proto;
use onestop::server::serve::ServerLimits;
use onestop::store::StoreError;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tonic::{Code, Status, Streaming};

use super::trial_store::{Event, Mode};
use super::{Server, settle};
use crate::support::claims::claim;

type Answers = Streaming<pb::SettleStreamResponse>;

fn request(claim: &RawClaim, request: &str) -> pb::SettleStreamRequest {
    let (claim, request_id) = (Some(to_proto::claim(claim)), request.to_owned());
    pb::SettleStreamRequest { claim, request_id, quote_digest: Vec::new() }
}

/// All answers to these requests, by position.
async fn all(server: &Server, requests: Vec<pb::SettleStreamRequest>) -> BTreeMap<u64, pb::SettleStreamResponse> {
    let stream = server.settlements().settle_stream(tokio_stream::iter(requests)).await;
    let mut answers = stream.expect("a stream").into_inner();
    let mut all = BTreeMap::new();
    while let Some(answer) = answers.message().await.expect("no break") {
        assert!(all.insert(answer.position, answer).is_none(), "one answer a request");
    }
    all
}

/// A stream that stays open: where requests are put, and what is answered.
async fn open(server: &Server) -> (mpsc::UnboundedSender<pb::SettleStreamRequest>, Answers) {
    let (requests, stream) = mpsc::unbounded_channel();
    let answers = server.settlements().settle_stream(UnboundedReceiverStream::new(stream)).await;
    (requests, answers.expect("a stream").into_inner())
}

fn settled(answer: &pb::SettleStreamResponse) -> &pb::Settlement {
    match &answer.answer {
        Some(Answer::Settlement(settlement)) => settlement,
        other => panic!("a settlement: {other:?}"),
    }
}

/// The bills of three persons, in turn; the sums tell which was settled before which.
fn bills(count: usize) -> Vec<RawClaim> {
    let bill = |at: usize| claim(&format!("C{at}"), ["P1", "P2", "P4"][at % 3], &format!("{}.00", 3_000 + at));
    (0..count).map(bill).collect()
}

/// On several threads, so that what nobody keeps in order comes out of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_claims_of_one_person_are_settled_in_the_order_sent() {
    let server = Server::start().await;
    let bills = bills(600);
    let requests = bills.iter().enumerate().map(|(at, bill)| request(bill, &format!("R{at}"))).collect();
    let answers = all(&server, requests).await;
    assert_eq!(answers.len(), bills.len());
    let mut before: HashMap<&str, u32> = HashMap::new();
    for (at, (bill, answer)) in bills.iter().zip(answers.values()).enumerate() {
        assert_eq!(answer.request_id, format!("R{at}"));
        let settlement = settled(answer);
        assert_eq!(settlement.claim_id, bill.claim_id.as_str());
        let admissions = before.entry(bill.person_id.as_str()).or_default();
        let judged = settlement.split.as_ref().and_then(|split| split.judged.as_ref()).expect("circumstances");
        assert_eq!(judged.admissions_before, *admissions, "claim {at}");
        *admissions += 1;
    }
}

#[tokio::test]
async fn a_refusal_is_a_message_with_the_details_of_the_call_and_the_stream_goes_on() {
    let server = Server::start().await;
    let faulty = RawClaim { items: vec![], visit: None, ..claim("C1", "P1", "1.00") };
    let unknown = RawClaim { person_id: "P9".into(), hospital_id: "H9".into(), ..claim("C2", "P1", "1.00") };
    let sound = claim("C3", "P1", "1.00");
    let nothing = pb::SettleStreamRequest { request_id: "R4".to_owned(), ..Default::default() };
    let requests = vec![request(&faulty, "R1"), request(&unknown, "R2"), nothing, request(&sound, "R3")];
    let answers = all(&server, requests).await;
    for (position, bill, id) in [(0, &faulty, "R1"), (1, &unknown, "R2")] {
        let unary = server.settlements().settle(settle(bill, id)).await.expect_err("a refusal");
        let Some(Answer::Refusal(refusal)) = &answers[&position].answer else { panic!("a refusal") };
        assert_eq!((refusal.code, refusal.message.as_str()), (unary.code() as i32, unary.message()));
        assert_eq!(refusal.encode_to_vec(), unary.details());
        assert!(!refusal.details.is_empty());
    }
    let Some(Answer::Refusal(refusal)) = &answers[&2].answer else { panic!("a refusal") };
    assert_eq!((refusal.code, answers[&2].request_id.as_str()), (Code::InvalidArgument as i32, "R4"));
    assert_eq!(settled(&answers[&3]).claim_id, "C3");
}

#[tokio::test]
async fn the_same_request_in_a_stream_and_in_a_call_is_settled_once() {
    let server = Server::start().await;
    let (bill, other) = (claim("C1", "P1", "5000.00"), claim("C2", "P1", "5000.00"));
    let by_call = server.settled(&bill, "R1").await;
    let requests = vec![request(&bill, "R1"), request(&other, "R2"), request(&other, "R2"), request(&bill, "R3")];
    let answers = all(&server, requests).await;
    let replays: Vec<_> = answers.values().map(|answer| answer.replay).collect();
    assert_eq!(replays, [true, false, true, false]);
    assert_eq!(settled(&answers[&0]).encode_to_vec(), by_call.encode_to_vec());
    assert_eq!(settled(&answers[&1]), settled(&answers[&2]));
    let Some(Answer::Refusal(refusal)) = &answers[&3].answer else { panic!("a refusal") };
    assert_eq!(refusal.code, Code::AlreadyExists as i32);
}

/// A small generator (SplitMix64).
fn below(seed: &mut u64, end: u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % end
}

#[tokio::test]
async fn broken_at_random_and_sent_again_nothing_is_lost_and_nothing_settled_twice() {
    let (server, mut seed) = (Server::start().await, 2017);
    let bills = bills(300);
    let mut answered: BTreeMap<usize, pb::Settlement> = BTreeMap::new();
    let mut rounds = 0;
    while answered.len() < bills.len() {
        rounds += 1;
        let waiting: Vec<usize> = (0..bills.len()).filter(|at| !answered.contains_key(at)).collect();
        let (requests, mut answers) = open(&server).await;
        for at in &waiting {
            requests.send(request(&bills[*at], &format!("R{at}"))).expect("the stream is open");
        }
        // The last round reads all of it.
        let read = if rounds < 10 { below(&mut seed, 60) as usize } else { waiting.len() };
        for _ in 0..read.min(waiting.len()) {
            let answer = answers.message().await.expect("no break").expect("an answer");
            let at = waiting[answer.position as usize];
            assert_eq!(answer.request_id, format!("R{at}"));
            assert!(answered.insert(at, settled(&answer).clone()).is_none());
        }
    }
    assert!(rounds >= 6, "{rounds} rounds");
    let entries = server.engine.store().journal();
    assert_eq!(entries.len(), bills.len(), "each claim has one entry");
    for (at, settlement) in &answered {
        let again = server.settle(&bills[*at], &format!("R{at}")).await.expect("a replay");
        assert!(again.replay && again.settlement.as_ref() == Some(settlement));
    }
}

#[tokio::test]
async fn a_caller_that_stops_reading_is_a_caller_from_whom_nothing_more_is_taken() {
    let limits = ServerLimits { stream_window: 32, ..ServerLimits::default() };
    let server = Server::within(limits).await;
    let (requests, mut answers) = open(&server).await;
    const SENT: usize = 20_000;
    let bills = bills(SENT);
    for (at, bill) in bills.iter().enumerate() {
        requests.send(request(bill, &format!("R{at}"))).expect("the stream is open");
    }
    drop(requests);
    // Others are served meanwhile, and the number of what was settled comes to rest: what fits the window, and
    // what transport and caller buffer.
    let (mut taken, mut rest) = (0, 0);
    while rest < 50 {
        let id = format!("other-{taken}-{rest}");
        server.settle(&claim(&id, "P3", "1.00"), &id).await.expect("a settlement");
        let now = server.engine.store().journal().len();
        rest = if now <= taken + 1 { rest + 1 } else { 0 };
        taken = now;
    }
    assert!((32..2_000).contains(&taken), "{taken} of {SENT} were taken");
    let mut read = 0;
    while answers.message().await.expect("no break").is_some() {
        read += 1;
    }
    assert_eq!(read, SENT, "who reads on is answered on");
}

#[tokio::test]
async fn what_has_begun_when_the_caller_goes_away_ends_and_the_rest_does_not_begin() {
    let server = Server::start().await;
    server.store.set(Mode::Holds);
    let (requests, answers) = open(&server).await;
    for at in 0..3 {
        requests.send(request(&claim(&format!("C{at}"), "P1", "5000.00"), &format!("R{at}"))).expect("it is open");
    }
    assert_eq!(server.store.event().await, Event::Started);
    drop((requests, answers));
    // A call on the same connection is answered after the server heard that the stream is gone.
    for _ in 0..8 {
        server.quote(&claim("Q", "P2", "1.00")).await.expect("a quote");
    }
    server.store.set(Mode::Works);
    server.store.release();
    assert_eq!(server.store.event().await, Event::Done);
    let again = server.settle(&claim("C0", "P1", "5000.00"), "R0").await.expect("a replay");
    assert!(again.replay);
    assert!(!server.settle(&claim("C1", "P1", "5000.00"), "R1").await.expect("a settlement").replay);
}

#[tokio::test]
async fn an_outcome_that_is_unknown_is_told_and_the_same_request_again_tells_what_became_of_it() {
    let server = Server::start().await;
    let bill = claim("C1", "P1", "5000.00");
    server.store.set(Mode::WritesAndFails(StoreError::Unknown("late".to_owned())));
    let answers = all(&server, vec![request(&bill, "R1")]).await;
    let Some(Answer::Refusal(refusal)) = &answers[&0].answer else { panic!("a refusal") };
    assert_eq!(refusal.code, Code::Unavailable as i32);
    server.store.set(Mode::Works);
    let answers = all(&server, vec![request(&bill, "R1")]).await;
    assert!(answers[&0].replay && settled(&answers[&0]).claim_id == "C1");
}

#[tokio::test]
async fn a_message_above_the_limit_ends_the_stream_after_the_answers_before_it() {
    let server = Server::within(ServerLimits { message_bytes: 4_096, ..ServerLimits::default() }).await;
    let small = claim("C1", "P1", "1.00");
    let large = RawClaim { items: vec![small.items[0].clone(); 1_000], ..claim("C2", "P1", "1.00") };
    let (requests, stream) = mpsc::channel(4);
    for (bill, id) in [(&small, "R1"), (&large, "R2")] {
        requests.send(request(bill, id)).await.expect("it is open");
    }
    let answers = server.settlements().settle_stream(ReceiverStream::new(stream)).await;
    let mut answers = answers.expect("a stream").into_inner();
    let first = answers.message().await.expect("no break").expect("an answer");
    assert_eq!(settled(&first).claim_id, "C1");
    let status: Status = answers.message().await.expect_err("the end");
    assert_eq!(status.code(), Code::OutOfRange);
}
