//! Claim messages: the bytes of a request to settle, quoted and settled by the shipped service. Commits are let go, so
//! that every input meets the same store.

use onestop::domain::ids::RequestId;
use onestop::pb::settlement::{self as pb, SettlementView};
use onestop::policy::{Book, shipped};
use prost::Message;
use tonic::{Code, Status};

use super::bounds::{Memory, within};
use super::claims::{DEAREST, ITEMS, MOST};
use super::counting_store::CountingStore;
use super::reached::Reached;
use super::service::{EDGE_LAW, Service, wait};
use super::{Target, message_inputs, refusal, wire};

/// The target.
pub const TARGET: Target = Target { input: message_inputs::input, take, classes };

/// Of the answer's ten fields for a line of the bill, of its faults and their text, and of buffers of the transport.
const MEMORY: Memory = Memory { bytes: 64 << 10, per_byte: 128 };

const QUOTE: &str = "/onestop.settlement.v1.SettlementService/Quote";
const SETTLE: &str = "/onestop.settlement.v1.SettlementService/Settle";

fn classes() -> Vec<String> {
    let of_request = [
        "MISSING",
        "TOO_LONG",
        "WHITE_SPACE",
        "CONTROL_CHARACTER",
        "DISCHARGED_AFTER_TODAY",
        "STAY_TOO_LONG",
        "TOO_MANY",
        "TOO_LARGE",
        "NEGATIVE",
        "NOT_A_DAY",
        "DISCHARGED_BEFORE_ADMITTED",
        "UNLIKE_SIGN",
        "AMOUNT_MISMATCH",
        "TOTAL_MISMATCH",
        "OUTSIDE_STAY",
        "REFUNDS_EXCEED_CHARGES",
    ];
    let of_parties = ["UNKNOWN_HOSPITAL", "NOT_DESIGNATED", "UNKNOWN_PERSON", "NOT_ENROLLED", "NOT_APPROVED"];
    let others = [
        "settled",
        "no message",
        "MESSAGE_TOO_LARGE",
        "UNKNOWN_ITEM NOT_IN_CATALOGUE",
        "NO_POLICY NO_POLICY_IN_FORCE",
        "INVALID_QUOTE NOT_AUTHENTIC",
        "edge: a negative total",
    ];
    let settled = EDGES.iter().map(|(edge, _)| (*edge).to_owned());
    let of_request = of_request.iter().map(|fault| format!("INVALID_REQUEST {fault}"));
    let of_parties = of_parties.iter().map(|fault| format!("NOT_ELIGIBLE {fault}"));
    of_request.chain(of_parties).chain(others.map(str::to_owned)).chain(settled).collect()
}

/// An edge, and whether a settled claim lies on it.
type Edge = (&'static str, fn(&pb::Claim, &pb::Split, &pb::Settlement) -> bool);

const EDGES: &[Edge] = &[
    ("edge: settled, a total of 0", |_, split, _| split.total_fen == 0),
    ("edge: settled, 5,000 items", |claim, _, _| claim.items.len() == ITEMS),
    ("edge: settled, the largest amount", |claim, _, _| claim.items.iter().any(|item| item.amount_fen == MOST)),
    ("edge: settled, the largest price", |claim, _, _| {
        claim.items.iter().any(|item| item.unit_price_micro_yuan == DEAREST)
    }),
    ("edge: settled, a refund", |claim, _, _| claim.items.iter().any(|item| item.amount_fen < 0)),
    ("edge: settled, a ratio of 10 decimals", |_, _, settlement| {
        let mut codes = settlement.derivation.iter().flat_map(|derivation| &derivation.codes);
        codes.any(|code| code.self_pay_ratio.len() == "0.0123456789".len() && code.preliminary_self_pay_fen > 0)
    }),
    ("edge: settled, a Unicode id", |claim, _, _| !claim.claim_id.is_ascii()),
    ("edge: settled, a day in year 1", |claim, _, _| claim.discharged.is_some_and(|day| day.year == 1)),
];

thread_local!(static SERVICE: Service = wait(open()));

async fn open() -> Service {
    let book = Book::from_texts(shipped::FILES.iter().copied().chain([EDGE_LAW])).expect("a sound law");
    Service::open(CountingStore::discarding_commits(), book).await
}

fn take(bytes: &[u8], reached: &mut Reached) {
    SERVICE.with(|service| {
        let request = pb::SettleRequest::decode(bytes).ok();
        let settled = asked(service, SETTLE, bytes.to_vec(), 1);
        match (request, settled) {
            (Some(request), settled) if !too_large(&settled) => {
                note(&request, &settled, reached);
                check_quote(service, request, settled);
            }
            (_, Err(status)) if too_large(&Err(status.clone())) => {
                refusal::ParsedRefusal::from_status(&status).note(reached)
            }
            (_, Err(status)) => {
                assert!(refusal::is_no_message(&status), "{status:?}");
                reached.hit("no message");
            }
            (_, Ok(_)) => panic!("bytes that are no message are settled"),
        }
    });
}

/// The answer to one call, within its bounds; so many writes if it is no refusal, else none.
fn asked(service: &Service, path: &'static str, message: Vec<u8>, writes: u64) -> Result<Vec<u8>, Status> {
    let before = service.engine.store().writes();
    let call = |message| wait(wire::call(service.settlements.clone(), path, message));
    let answer = within(MEMORY, message.len(), || call(message));
    let written = service.engine.store().writes() - before;
    assert_eq!(written, if answer.is_ok() { writes } else { 0 }, "{path} answers {:?}", answer.err());
    answer
}

fn too_large(answer: &Result<Vec<u8>, Status>) -> bool {
    answer.as_ref().is_err_and(|status| status.code() == Code::OutOfRange)
}

fn note(request: &pb::SettleRequest, answer: &Result<Vec<u8>, Status>, reached: &mut Reached) {
    let claim = request.claim.clone().unwrap_or_default();
    let total: i128 = claim.items.iter().map(|item| i128::from(item.amount_fen)).sum();
    reached.hit_if(total < 0, "edge: a negative total");
    match answer {
        Err(status) => refusal::ParsedRefusal::from_status(status).note(reached),
        Ok(answer) => {
            reached.hit("settled");
            let settlement = settlement_in(answer);
            let split = settlement.split.as_ref().expect("a split");
            check_sums(&claim, split);
            EDGES.iter().for_each(|(edge, lies_on)| reached.hit_if(lies_on(&claim, split, &settlement), edge));
            reached.hit_if(settlement.derivation.is_none(), "edge: settled, a summary");
            assert_eq!(settlement.derivation.is_none(), request.view() == SettlementView::Summary);
        }
    }
}

fn settlement_in(answer: &[u8]) -> pb::Settlement {
    pb::SettleResponse::decode(answer).expect("a response").settlement.expect("a settlement")
}

/// Payers and patient, and the pools, add up to what the bill charges; nobody pays less than nothing.
fn check_sums(claim: &pb::Claim, split: &pb::Split) {
    let pools: Vec<i64> = split.pools.iter().map(|pool| pool.amount_fen).collect();
    let shares = split.payers.iter().map(|share| share.amount_fen).chain([split.patient_fen]);
    let charged: i64 = claim.items.iter().map(|item| item.amount_fen).sum();
    assert_eq!((pools.iter().sum::<i64>(), shares.clone().sum::<i64>()), (charged, charged));
    assert!(pools.into_iter().chain(shares).all(|part| part >= 0), "a part below zero");
}

/// A quote says what settling says, but for what only a settle carries; and writes nothing.
fn check_quote(service: &Service, request: pb::SettleRequest, settled: Result<Vec<u8>, Status>) {
    let carries_more = RequestId::parse(request.request_id.as_str(), 64).is_err()
        || !request.quote_digest.is_empty()
        || SettlementView::try_from(request.view).is_err();
    let quoted = asked(service, QUOTE, pb::QuoteRequest { claim: request.claim }.encode_to_vec(), 0);
    match (quoted, settled) {
        (Ok(quoted), Ok(settled)) => {
            let quoted = pb::QuoteResponse::decode(quoted.as_slice()).expect("a response");
            let settled = settlement_in(&settled);
            assert_eq!(quoted.split, settled.split);
            assert!(settled.derivation.is_none() || quoted.derivation == settled.derivation);
        }
        (Err(quoted), Err(settled)) if !carries_more => {
            assert_eq!(
                (refusal::ParsedRefusal::from_status(&quoted), quoted.message()),
                (refusal::ParsedRefusal::from_status(&settled), settled.message())
            );
        }
        (Err(quoted), Ok(_)) => panic!("settled, and not quoted: {quoted:?}"),
        (Ok(_), Err(settled)) => assert!(carries_more, "quoted, and not settled: {settled:?}"),
        (Err(quoted), Err(_)) => drop(refusal::ParsedRefusal::from_status(&quoted)),
    }
}
