//! The body of a request. That of a unary one is counted as it arrives, and awaited until the deadline of the call only.
//!
//! The body of a call that is refused is read all the same. HTTP/2 counts what arrives for an answered call as a fault of the
//! peer, and after a thousand of them it ends the connection with all its calls.
//!
//! A body never ends because its peer cancelled the call: to a handler that would look like a message that is missing, and
//! its refusal like the outcome of the call. The transport drops a cancelled call.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tonic::{Code, Status};

use super::call_resources::CallResources;
use super::error::CallError;

/// How much is read of the body of a call that is refused by its headers, and for how long.
const DISCARD_BYTES: usize = 256 << 10;
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The body of a request.
pub(super) struct RequestBody {
    inner: Body,
    resources: Arc<CallResources>,
    received: usize,
    deadline: Instant,
    /// Why the call is refused; the rest of the body is read before it is.
    refusal: Option<CallError>,
    /// Set when the body is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    /// The body of a call that holds these resources.
    pub(super) fn new(inner: Body, resources: Arc<CallResources>, deadline: Instant) -> RequestBody {
        RequestBody { inner, resources, received: 0, deadline, refusal: None, timer: None }
    }

    /// Counts a part before it is decoded.
    fn count_memory(&mut self, bytes: usize) -> Result<(), CallError> {
        self.received += bytes;
        self.resources.hold_request(self.received)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        while let Poll::Ready(frame) = poll_uncancelled(&mut self.inner, context) {
            let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            match (bytes, self.refusal.take()) {
                (None, Some(refusal)) => return Poll::Ready(Some(Err(refusal.into()))),
                (Some(_), Some(refusal)) => self.refusal = Some(refusal),
                (bytes, None) => match self.count_memory(bytes.unwrap_or_default()) {
                    Ok(()) => return Poll::Ready(frame),
                    Err(refusal) => self.refusal = Some(refusal),
                },
            }
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(self.refusal.take().unwrap_or(CallError::RequestTimedOut).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

/// The body of a stream of requests.
pub(super) struct StreamBody(pub(super) Body);

impl HttpBody for StreamBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        poll_uncancelled(&mut self.0, context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }
}

/// Reads the body of a call that is refused by its headers.
pub(super) async fn discard(mut body: Body) {
    let read = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DISCARD_BYTES {
                return;
            }
        }
    };
    // What comes later is the peer's own fault.
    let _read = tokio::time::timeout(DISCARD_TIME, read).await;
}

/// The next part of a body; none comes any more once the peer has cancelled the call.
fn poll_uncancelled(body: &mut Body, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
    match ready!(Pin::new(body).poll_frame(context)) {
        Some(Err(status)) if status.code() == Code::Cancelled => Poll::Pending,
        frame => Poll::Ready(frame),
    }
}
