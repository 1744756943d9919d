//! SettleStream: many claims over one call.
//!
//! A claim takes places in the stream's window, by its size, and gives them back when its answer is handed to the
//! transport: from a caller that stops reading nothing more is taken. Each claim is a task, so that claims of different persons share a sync; the task waits for the one before it of
//! the same person, so that those keep their order.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::fast::RandomState;
use futures_util::FutureExt;
use prost::Message;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio_stream::Stream;
use tonic::{Status, Streaming};
use tracing::Instrument;

use crate::journal::claim::person_id;
use crate::pb::encoded::{self, settle_stream_response::Answer};
use crate::store::Store;

use super::authorize::{Authorizer, Permitted};
use super::call_resources::{MemoryPermit, request_memory};
use super::error::CallError;
use super::settle::Settler;
use super::status::Reason;
use super::status_details::status_message;

/// A claim of this many bytes takes one permit of the window, and one more for each time as much.
const BYTES_PER_PERMIT: usize = 16 << 10;

/// What all streams of a server have in common.
#[derive(Clone)]
pub struct Streams {
    /// The most claims of a stream that are taken and whose answers were not read.
    pub window: usize,
    /// Becomes true when the server stops.
    pub shutdown: watch::Receiver<bool>,
    /// Authorizes every claim again: a caller that is no longer known settles nothing more.
    pub authorizer: Arc<Authorizer>,
    /// How long a claim may take.
    pub max_duration: Duration,
    /// How long a stream may be without a further claim.
    pub idle: Duration,
}

/// What a claim holds until its answer is handed to the transport.
struct StreamPermit {
    _window: OwnedSemaphorePermit,
    _memory: MemoryPermit,
}

/// An answer, and the permit in the window that it holds until it is read.
type HeldAnswer = (Result<encoded::SettleStreamResponse, Status>, Option<StreamPermit>);

/// The answers of a stream.
pub struct SettleAnswers(UnboundedReceiver<HeldAnswer>);

impl Stream for SettleAnswers {
    type Item = Result<encoded::SettleStreamResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|held| held.map(|(answer, _permit)| answer))
    }
}

/// Settles what arrives, until the caller ends the stream or the server stops.
pub fn settle_stream<S: Store>(
    settler: Settler<S>,
    permitted: Permitted,
    streams: &Streams,
    requests: Streaming<encoded::SettleStreamRequest>,
) -> SettleAnswers {
    let (answers, read) = mpsc::unbounded_channel();
    let context = Arc::new(StreamContext { settler, permitted, streams: streams.clone() });
    let stream = ClaimStream { context, answers, last: HashMap::default() };
    tokio::spawn(stream.run(requests).in_current_span());
    SettleAnswers(read)
}

/// One stream's claims on their way.
struct ClaimStream<S> {
    context: Arc<StreamContext<S>>,
    answers: UnboundedSender<HeldAnswer>,
    /// By person, the end of the claim that was taken last.
    last: HashMap<String, oneshot::Receiver<()>, RandomState>,
}

impl<S: Store> ClaimStream<S> {
    /// Takes claims as there is room for their answers; the end of the stream follows the answers of all that
    /// was taken.
    async fn run(mut self, mut requests: Streaming<encoded::SettleStreamRequest>) {
        let Streams { window: places, mut shutdown, .. } = self.context.streams.clone();
        let window = Arc::new(Semaphore::new(places));
        let mut position = 0;
        let end = loop {
            let taken = tokio::select! {
                biased;
                () = self.answers.closed() => return,
                _ = shutdown.wait_for(|stop| *stop) => break stopping_status(),
                taken = self.next_claim(&mut requests, &window) => taken,
            };
            match taken {
                Ok(Some((request, permit))) => self.spawn_claim(position, request, permit),
                Ok(None) => return,
                Err(status) => break status,
            }
            position += 1;
        };
        // Nobody closes the window, and whoever is gone needs no end.
        let _all = window.acquire_many(u32::try_from(places).unwrap_or(u32::MAX)).await;
        let _gone = self.answers.send((Err(end), None));
    }

    /// The next claim, when there is room for its answer.
    async fn next_claim(
        &self,
        requests: &mut Streaming<encoded::SettleStreamRequest>,
        window: &Arc<Semaphore>,
    ) -> Result<Option<(encoded::SettleStreamRequest, StreamPermit)>, Status> {
        let StreamContext { streams, permitted, .. } = &*self.context;
        let request = loop {
            match tokio::time::timeout(streams.idle, requests.message()).await {
                Ok(message) => break message?,
                // A caller that waits for answers is not idle.
                Err(_elapsed) if window.available_permits() < streams.window => {}
                Err(_elapsed) => return Err(CallError::StreamIdle.into()),
            }
        };
        let Some(request) = request else { return Ok(None) };
        let bytes = request.encoded_len();
        let places = (1 + bytes / BYTES_PER_PERMIT).min(streams.window);
        let window = Arc::clone(window).acquire_many_owned(u32::try_from(places).unwrap_or(u32::MAX)).await;
        let memory = permitted.resources.limits.acquire(request_memory(bytes)).await.ok_or_else(stopping_status)?;
        Ok(Some((request, StreamPermit { _window: window.map_err(|_| stopping_status())?, _memory: memory })))
    }

    fn spawn_claim(&mut self, position: u64, request: encoded::SettleStreamRequest, permit: StreamPermit) {
        // Of a claim in parts the last person that is named: a claim whose last part names an empty one is refused.
        let mut parts = request.claim.iter().rev();
        let person =
            parts.find_map(|part| Some(person_id(part)).filter(|person| !person.is_empty())).unwrap_or_default();
        let (ended, end) = oneshot::channel::<()>();
        let before = self.last.insert(person.to_owned(), end);
        if self.last.len() > 2 * self.context.streams.window {
            self.last.retain(|_, end| end.try_recv() == Err(oneshot::error::TryRecvError::Empty));
        }
        let (context, answers) = (Arc::clone(&self.context), self.answers.clone());
        // Boxed, since a task copies its future when it begins and twice when it ends, and this one has kilobytes.
        let answered = Box::pin(async move {
            if let Some(before) = before {
                // However it ended, it is this one's turn.
                let _ended = before.await;
            }
            // What has not begun when the caller goes away is not begun.
            if let Some(answer) = context.settle(position, request, || !answers.is_closed()).await {
                drop(ended);
                let _gone = answers.send((Ok(answer), Some(permit)));
            }
        });
        tokio::spawn(answered.instrument(tracing::debug_span!("claim", onestop.position = position)));
    }
}

/// What the claims of a stream have in common.
struct StreamContext<S> {
    settler: Settler<S>,
    permitted: Permitted,
    streams: Streams,
}

impl<S: Store> StreamContext<S> {
    /// The answer to a claim, when there is room for it among those of its caller and among all.
    async fn settle(
        &self,
        position: u64,
        request: encoded::SettleStreamRequest,
        wanted: impl Fn() -> bool,
    ) -> Option<encoded::SettleStreamResponse> {
        let own = self.permitted.caller.allowance.acquire().await?;
        let of_all = self.streams.authorizer.in_flight.acquire(&self.permitted.caller.name).await?;
        if !wanted() {
            return None;
        }
        let permits = (own, of_all);
        let encoded::SettleStreamRequest { claim, request_id, quote_digest, view } = request;
        let request = encoded::SettleRequest { claim, request_id: request_id.clone(), quote_digest, view };
        let settled = match self.streams.authorizer.reauthorize(&self.permitted) {
            Ok(permitted) => {
                let settled = self.settler.settle(&permitted, request, self.streams.max_duration, permits);
                AssertUnwindSafe(settled).catch_unwind().await.unwrap_or_else(|_panic| {
                    self.streams.authorizer.metrics.count_panic();
                    Err(CallError::Panicked)
                })
            }
            Err(error) => Err(error),
        };
        let word = settled.as_ref().map_or_else(|error| Reason::from(error).as_str(), |_| "OK");
        self.streams.authorizer.metrics.count_stream_claim(word);
        if settled.is_err() {
            self.streams.authorizer.metrics.count_refusal(word);
        }
        let (answer, replay) = match settled {
            Ok(encoded::SettleResponse { settlement, replay }) => (Answer::Settlement(settlement), replay),
            Err(error) => (Answer::Refusal(status_message(&error)), false),
        };
        Some(encoded::SettleStreamResponse { position, request_id, replay, answer: Some(answer) })
    }
}

/// The end of a stream whose server stops: what was not answered is sent again, to it or to another.
fn stopping_status() -> Status {
    CallError::Stopping.into()
}
