//! SettleStream: many claims over one call.
//!
//! A claim takes places in the stream's window, by its size, and gives them back when its answer is handed to the
//! transport: from a caller that stops reading nothing more is taken. Each claim is a task, so that claims of different persons share a sync; the task waits for the one before it of
//! the same person, so that those keep their order.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use prost::Message;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_stream::Stream;
use tonic::{Status, Streaming};

use crate::domain::ids::PersonId;
use crate::engine::Engine;
use crate::store::Store;

use super::deadline::to_its_end;
use super::pb::settlement as pb;
use super::pb::settlement::settle_stream_response::Answer;
use super::reversals::unexpected;
use super::{from_proto, stamp, status, to_proto};

/// A claim of this many bytes takes one place of the window, and one more for each time as much.
const BYTES_A_PLACE: usize = 16 << 10;

/// What all streams of a server have in common.
#[derive(Clone)]
pub struct Streams {
    /// The most claims of a stream that are taken and whose answers were not read.
    pub window: usize,
    /// Becomes true when the server stops.
    pub stopping: watch::Receiver<bool>,
}

/// An answer, and the place in the window that it holds until it is read.
type Held = (Result<pb::SettleStreamResponse, Status>, Option<OwnedSemaphorePermit>);

/// The answers of a stream.
pub struct Answers(UnboundedReceiver<Held>);

impl Stream for Answers {
    type Item = Result<pb::SettleStreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|held| held.map(|(answer, _place)| answer))
    }
}

/// Settles what arrives, until the caller ends the stream or the server stops.
pub fn answers<S: Store>(
    engine: Arc<Engine<S>>,
    in_flight: Arc<Semaphore>,
    streams: &Streams,
    requests: Streaming<pb::SettleStreamRequest>,
) -> Answers {
    let (answers, read) = mpsc::unbounded_channel();
    let desk = Desk { engine, in_flight, answers, last: HashMap::new(), window: streams.window };
    tokio::spawn(desk.take(requests, streams.stopping.clone()));
    Answers(read)
}

/// One stream's claims on their way.
struct Desk<S> {
    engine: Arc<Engine<S>>,
    in_flight: Arc<Semaphore>,
    answers: UnboundedSender<Held>,
    /// By person, the end of the claim that was taken last.
    last: HashMap<PersonId, oneshot::Receiver<()>>,
    window: usize,
}

impl<S: Store> Desk<S> {
    /// Takes claims as there is room for their answers; how the stream ends is told behind those of all that
    /// was taken.
    async fn take(mut self, mut requests: Streaming<pb::SettleStreamRequest>, mut stopping: watch::Receiver<bool>) {
        let window = Arc::new(Semaphore::new(self.window));
        let mut position = 0;
        let end = loop {
            let taken = tokio::select! {
                biased;
                () = self.answers.closed() => return,
                _ = stopping.wait_for(|stop| *stop) => break stopped(),
                taken = next(&mut requests, &window, self.window) => taken,
            };
            match taken {
                Ok(Some((request, place))) => self.begin(position, request, place),
                Ok(None) => return,
                Err(status) => break status,
            }
            position += 1;
        };
        // Nobody closes the window, and whoever is gone needs no end.
        let _all = window.acquire_many(u32::try_from(self.window).unwrap_or(u32::MAX)).await;
        let _gone = self.answers.send((Err(end), None));
    }

    fn begin(&mut self, position: u64, request: pb::SettleStreamRequest, place: OwnedSemaphorePermit) {
        let person = request.claim.as_ref().map(|claim| claim.person_id.as_str()).unwrap_or_default();
        let (ended, end) = oneshot::channel::<()>();
        let before = self.last.insert(person.into(), end);
        if self.last.len() > 2 * self.window {
            self.last.retain(|_, end| end.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        }
        let (engine, in_flight, answers) =
            (Arc::clone(&self.engine), Arc::clone(&self.in_flight), self.answers.clone());
        tokio::spawn(async move {
            if let Some(before) = before {
                // However it ended, it is this one's turn.
                let _ended = before.await;
            }
            // What has not begun when the caller goes away is not begun.
            let Ok(in_work) = in_flight.acquire_owned().await else { return };
            if !answers.is_closed() {
                let request_id = request.request_id.clone();
                let (answer, replay) = settle(engine, request).await;
                drop((ended, in_work));
                let answer = pb::SettleStreamResponse { position, request_id, replay, answer: Some(answer) };
                let _gone = answers.send((Ok(answer), Some(place)));
            }
        });
    }
}

/// The next claim, when there is room for its answer.
async fn next(
    requests: &mut Streaming<pb::SettleStreamRequest>,
    window: &Arc<Semaphore>,
    places: usize,
) -> Result<Option<(pb::SettleStreamRequest, OwnedSemaphorePermit)>, Status> {
    let Some(request) = requests.message().await? else { return Ok(None) };
    let places = (1 + request.encoded_len() / BYTES_A_PLACE).min(places);
    let place = Arc::clone(window).acquire_many_owned(u32::try_from(places).unwrap_or(u32::MAX)).await;
    Ok(Some((request, place.map_err(|_| stopped())?)))
}

/// The answer to one claim, which runs to its end once it has begun; and whether it was there before.
async fn settle<S: Store>(engine: Arc<Engine<S>>, request: pb::SettleStreamRequest) -> (Answer, bool) {
    let pb::SettleStreamRequest { claim, request_id, quote_digest } = request;
    let settled = async {
        let told = from_proto::settle(claim, request_id, quote_digest)?;
        let stamp = stamp::of(&told.claim.person_id);
        let committed = to_its_end(None, async move { engine.settle(told, stamp).await }).await?;
        let settled = committed.entry.settled().ok_or_else(|| unexpected(&committed.entry))?;
        Ok((to_proto::settlement(&committed.entry, settled), committed.replay))
    };
    match settled.await {
        Ok((settlement, replay)) => (Answer::Settlement(settlement), replay),
        Err(refusal) => (Answer::Refusal(status::message(&refusal)), false),
    }
}

/// The end of a stream whose server stops: what was not answered is sent again, to it or to another.
fn stopped() -> Status {
    Status::unavailable("the server stops; send what was not answered again")
}
