//! Settling over one open `SettleStream`: requests of many callers share it, and each caller gets its own answer. A stream
//! that ends fails every request that it has not answered; the next request opens another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as PendingLock, PoisonError};

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::cli::client::Client;
use crate::cli::error::client::status_from_answer;
use crate::pb::settlement as pb;
use crate::pb::settlement::settle_stream_response::Answer;

/// Requests that wait to be sent.
const QUEUE: usize = 16;

type Answered = Result<pb::SettleResponse, Status>;

type Callers = HashMap<u64, oneshot::Sender<Answered>>;

/// The callers that wait for an answer, by position in the stream; none once the stream has ended.
type Pending = Arc<PendingLock<Option<Callers>>>;

/// A stream that is opened when it is needed.
pub(super) struct SettleStream {
    client: Client,
    open: Mutex<Option<OpenStream>>,
}

struct OpenStream {
    requests: mpsc::Sender<pb::SettleStreamRequest>,
    next_position: u64,
    pending: Pending,
}

impl SettleStream {
    /// A stream over the connection of this client.
    pub(super) fn new(client: Client) -> SettleStream {
        SettleStream { client, open: Mutex::new(None) }
    }

    /// Settles a claim.
    ///
    /// # Errors
    /// The refusal of the claim, or the status with which the stream ended.
    pub(super) async fn settle(&self, request: pb::SettleRequest) -> Answered {
        let pb::SettleRequest { claim, request_id, quote_digest, view } = request;
        let request = pb::SettleStreamRequest { claim, request_id, quote_digest, view };
        let answer = {
            // Held while sending: positions follow the order in which requests are sent.
            let mut open = self.open.lock().await;
            if open.as_ref().is_none_or(OpenStream::has_ended) {
                *open = Some(OpenStream::start(self.client.clone()));
            }
            let stream = open.as_mut().ok_or_else(ended)?;
            stream.send(request).await
        };
        answer.await.unwrap_or_else(|_dropped| Err(ended()))
    }
}

impl OpenStream {
    fn start(client: Client) -> OpenStream {
        let (requests, sent) = mpsc::channel(QUEUE);
        let pending = Arc::new(PendingLock::new(Some(Callers::new())));
        tokio::spawn(receive(client, sent, Arc::clone(&pending)));
        OpenStream { requests, next_position: 0, pending }
    }

    fn has_ended(&self) -> bool {
        self.requests.is_closed() || lock(&self.pending).is_none()
    }

    async fn send(&mut self, request: pb::SettleStreamRequest) -> oneshot::Receiver<Answered> {
        let (caller, answer) = oneshot::channel();
        // Where the stream has ended, the caller is dropped and with it the answer fails.
        let waits = lock(&self.pending).as_mut().map(|callers| callers.insert(self.next_position, caller));
        if waits.is_none() || self.requests.send(request).await.is_err() {
            lock(&self.pending).as_mut().and_then(|callers| callers.remove(&self.next_position));
        }
        self.next_position += 1;
        answer
    }
}

/// Opens the stream and hands on its answers until it ends.
async fn receive(mut client: Client, requests: mpsc::Receiver<pb::SettleStreamRequest>, pending: Pending) {
    let status = match client.settle_stream(ReceiverStream::new(requests)).await {
        Err(status) => status,
        Ok(mut answers) => loop {
            match answers.message().await {
                Ok(Some(answer)) => hand_on(answer, &pending),
                Ok(None) => break ended(),
                Err(status) => break status,
            }
        },
    };
    for (_, caller) in lock(&pending).take().unwrap_or_default() {
        // A caller that is gone wants no answer.
        let _gone = caller.send(Err(status.clone()));
    }
}

fn hand_on(answer: pb::SettleStreamResponse, pending: &Pending) {
    let caller = lock(pending).as_mut().and_then(|callers| callers.remove(&answer.position));
    let answered = match answer.answer {
        Some(Answer::Settlement(settlement)) => {
            Ok(pb::SettleResponse { settlement: Some(settlement), replay: answer.replay })
        }
        refusal => Err(status_from_answer(refusal)),
    };
    if let Some(caller) = caller {
        // A caller that is gone wants no answer.
        let _gone = caller.send(answered);
    }
}

fn ended() -> Status {
    Status::unavailable("the stream ended")
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, Option<Callers>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}
