//! The body of a unary request: counted as it arrives, and awaited until the deadline of the call only.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

use super::call_resources::{CallResources, request_memory};
use super::error::CallError;

/// The body of a request.
pub(super) struct RequestBody {
    inner: Body,
    resources: Arc<CallResources>,
    received: usize,
    /// The memory that is counted for what was received.
    counted: usize,
    deadline: Instant,
    /// Set when the body is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    /// The body of a call that holds these resources.
    pub(super) fn new(inner: Body, resources: Arc<CallResources>, deadline: Instant) -> RequestBody {
        RequestBody { inner, resources, received: 0, counted: 0, deadline, timer: None }
    }

    /// Counts a part before it is decoded. A message that needs more than there is needs all of it.
    fn count_memory(&mut self, bytes: usize) -> Result<(), CallError> {
        self.received += bytes;
        let memory = request_memory(self.received).min(self.resources.limits.max_call_bytes());
        let more = memory - self.counted;
        self.counted = memory;
        if more == 0 { Ok(()) } else { self.resources.acquire_memory(more) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len));
            return Poll::Ready(match self.count_memory(bytes.unwrap_or_default()) {
                Ok(()) => frame,
                Err(error) => Some(Err(error.into())),
            });
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Some(Err(CallError::RequestTimedOut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}
