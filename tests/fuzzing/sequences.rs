//! Sequences of calls on a store of their own: settles, repeats, other content under a request id, fences, reversals,
//! re-adjudications, streams, imports out of order. After every refusal, and after every call that only reads, the store
//! holds to the byte what it held before.

use std::collections::HashMap;

use onestop::domain::ids::Digest;
use onestop::pb::settlement as pb;
use onestop::pb::settlement::settle_stream_response::Answer;
use onestop::policy::Book;
use prost::Message;
use tonic::{Code, Status};

use super::bounds::{Memory, within};
use super::counting_store::CountingStore;
use super::reached::Reached;
use super::sequence_inputs::{Call, calls};
use super::service::{EDGE_LAW, Service, wait};
use super::{Target, refusal, sequence_inputs, wire};

/// The target.
pub const TARGET: Target = Target { input: sequence_inputs::input, take, classes };

/// Of one call; beside buffers of the transport, of an answer that may be a whole history.
const MEMORY: Memory = Memory { bytes: 128 << 10, per_byte: 128 };

fn classes() -> Vec<String> {
    let refusals = [
        "REQUEST_FENCED",
        "REQUEST_ID_REUSED DIFFERS",
        "CLAIM_SETTLED",
        "CLAIM_OF_ANOTHER_PERSON",
        "NOT_FOUND",
        "ALREADY_REVERSED",
        "LATER_SETTLEMENTS",
        "INVALID_QUOTE NOT_AUTHENTIC",
        "UNKNOWN_ITEM NOT_IN_CATALOGUE",
        "INVALID_REQUEST MISSING",
        "INVALID_REQUEST TOO_LONG",
        "INVALID_REQUEST NOT_A_DAY",
        "INVALID_REQUEST UNREADABLE",
        "INVALID_REQUEST OVERLAP",
        "NOT_ELIGIBLE UNKNOWN_PERSON",
        "no message",
        "a refusal in a stream",
        "the same answer again",
        "a dry run",
    ];
    let done = Call::ALL.iter().map(|call| format!("{call:?} done"));
    done.chain(refusals.map(str::to_owned)).collect()
}

thread_local!(static BOOK: Book = Book::from_texts([EDGE_LAW]).expect("a sound law"));

fn take(bytes: &[u8], reached: &mut Reached) {
    let service = wait(Service::open(CountingStore::default(), BOOK.with(Book::clone)));
    let mut desk = Desk { kept: None, service, settled: HashMap::new(), reached };
    let calls = calls(bytes);
    // What follows one another in a stream is one call.
    let streams = |call: Call| matches!(call, Call::StreamMessage | Call::ImportMessage);
    for calls in calls.chunk_by(|(one, _), (next, _)| one == next && streams(*one)) {
        let messages = calls.iter().map(|(_, message)| message.clone()).collect();
        desk.call(calls[0].0, messages);
    }
}

/// A service, and what is known of it.
struct Desk<'a> {
    service: Service,
    /// What the store holds, if that was looked at since it was written to.
    kept: Option<Digest>,
    /// By request to settle what it was answered.
    settled: HashMap<Vec<u8>, Vec<u8>>,
    reached: &'a mut Reached,
}

impl Desk<'_> {
    fn call(&mut self, call: Call, messages: Vec<Vec<u8>>) {
        let (bytes, before) = (messages.iter().map(Vec::len).sum(), self.writes());
        let kept = self.kept.take().unwrap_or_else(|| self.service.engine.store().fingerprint());
        let first = messages.first().cloned().unwrap_or_default();
        let answer = within(MEMORY, bytes, || wait(answer(&self.service, call, messages)));
        let written = self.writes() - before;
        match answer {
            Err(status) => {
                assert_eq!(written, 0, "{call:?} is refused and writes: {status:?}");
                self.refused(call, &first, &status);
            }
            Ok(answers) => {
                self.reached.hit(&format!("{call:?} done"));
                self.done(call, first, &answers, written);
            }
        }
        if written == 0 {
            assert_eq!(self.service.engine.store().fingerprint(), kept, "{call:?} writes nothing, and leaves a trace");
            self.kept = Some(kept);
        }
    }

    fn writes(&self) -> u64 {
        self.service.engine.store().writes()
    }

    fn refused(&mut self, call: Call, message: &[u8], status: &Status) {
        if refusal::is_no_message(status) {
            self.reached.hit("no message");
        } else {
            assert!(status.code() != Code::Internal, "{call:?}, {message:?}: {status:?}");
            refusal::ParsedRefusal::from_status(status).note(self.reached);
        }
    }

    /// What was done wrote as often as it says.
    fn done(&mut self, call: Call, message: Vec<u8>, answers: &[Vec<u8>], written: u64) {
        let answer = answers.first().map(Vec::as_slice).unwrap_or_default();
        match call {
            Call::Settle => {
                let answer = pb::SettleResponse::decode(answer).expect("a response");
                assert_eq!(written, u64::from(!answer.replay));
                self.same_again(message, answer.settlement.unwrap_or_default().encode_to_vec());
            }
            Call::StreamMessage => {
                let answers = answers.iter().map(|answer| pb::SettleStreamResponse::decode(answer.as_slice()));
                let answers: Vec<_> = answers.collect::<Result<_, _>>().expect("responses");
                let new =
                    |one: &&pb::SettleStreamResponse| matches!(one.answer, Some(Answer::Settlement(_))) && !one.replay;
                assert_eq!(written, answers.iter().filter(new).count() as u64);
                let refused = answers.iter().any(|one| matches!(one.answer, Some(Answer::Refusal(_))));
                self.reached.hit_if(refused, "a refusal in a stream");
            }
            Call::Reverse => {
                let answer = pb::ReverseResponse::decode(answer).expect("a response");
                self.reached.hit_if(answer.dry_run, "a dry run");
                assert_eq!(written, u64::from(!answer.replay && !answer.dry_run));
            }
            Call::Fence => assert!(written <= 1),
            Call::ImportMessage => assert!(written >= 2, "its begin and its end are noted"),
            _ => assert_eq!(written, 0, "{call:?} only reads"),
        }
    }

    /// The same request has the same settlement, byte for byte.
    fn same_again(&mut self, message: Vec<u8>, settlement: Vec<u8>) {
        if let Some(known) = self.settled.get(&message) {
            assert_eq!(*known, settlement, "the same request is answered otherwise");
            self.reached.hit("the same answer again");
        }
        self.settled.insert(message, settlement);
    }
}

/// What a call is answered: one message, or those of a stream.
async fn answer(service: &Service, call: Call, mut messages: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Status> {
    let settlements = service.settlements.clone();
    match call {
        Call::StreamMessage => {
            let stream = wire::exchange(settlements, path(call), tokio_stream::iter(messages)).await?;
            answers(stream).await
        }
        Call::ImportMessage => {
            let answer = wire::send(service.references.clone(), path(call), tokio_stream::iter(messages)).await;
            answer.map(|answer| vec![answer])
        }
        Call::GetReference => {
            let message = messages.pop().unwrap_or_default();
            wire::call(service.references.clone(), path(call), message).await.map(|answer| vec![answer])
        }
        _ => {
            let message = messages.pop().unwrap_or_default();
            wire::call(settlements, path(call), message).await.map(|answer| vec![answer])
        }
    }
}

/// All answers of a stream; of one that bytes end which are no message, those before.
async fn answers(mut stream: tonic::Streaming<Vec<u8>>) -> Result<Vec<Vec<u8>>, Status> {
    let mut answers = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => return Ok(answers),
            Err(status) if refusal::is_no_message(&status) && !answers.is_empty() => return Ok(answers),
            Err(status) => return Err(status),
        }
    }
}

fn path(call: Call) -> &'static str {
    match call {
        Call::Quote => "/onestop.settlement.v1.SettlementService/Quote",
        Call::Settle => "/onestop.settlement.v1.SettlementService/Settle",
        Call::StreamMessage => "/onestop.settlement.v1.SettlementService/SettleStream",
        Call::Reverse => "/onestop.settlement.v1.SettlementService/Reverse",
        Call::GetOutcome => "/onestop.settlement.v1.SettlementService/GetOutcome",
        Call::Fence => "/onestop.settlement.v1.SettlementService/Fence",
        Call::GetSettlement => "/onestop.settlement.v1.SettlementService/GetSettlement",
        Call::ListSettlements => "/onestop.settlement.v1.SettlementService/ListSettlements",
        Call::GetAccount => "/onestop.settlement.v1.SettlementService/GetAccount",
        Call::ImportMessage => "/onestop.reference.v1.ReferenceService/ImportReference",
        Call::GetReference => "/onestop.reference.v1.ReferenceService/GetReference",
    }
}
