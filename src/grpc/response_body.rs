//! The body of a response: its call keeps its permits and its memory until the transport has written the last byte.
//!
//! The transport takes a response in small parts, each when the peer has room for it, so that a peer that reads slowly
//! still makes progress. A response that would exceed a limit on memory is dropped, and the call ends with a refusal;
//! the memory of a call that commits was counted with its request.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

use super::call_resources::CallResources;
use super::error::CallError;
use super::open_calls::OpenCall;

/// The bytes of a part.
const PART_BYTES: usize = 16 << 10;

/// What is released when the last byte of a response was written.
pub(super) struct HeldByResponse {
    /// The call among those of its connection, if it has one.
    pub(super) open: Option<OpenCall>,
    /// What the call holds, if it is a call of this service.
    pub(super) resources: Option<Arc<CallResources>>,
    /// Whether the bytes of the response are to be counted.
    pub(super) counts_response: bool,
}

/// The body of a response.
pub(super) struct ResponseBody {
    /// `None` after the end.
    inner: Option<Body>,
    /// What was not yet handed to the transport.
    rest: Bytes,
    exchange: Arc<HeldByResponse>,
    on_panic: Arc<dyn Fn() + Send + Sync>,
}

impl ResponseBody {
    /// The body of a response; `on_panic` is called if the body panics.
    pub(super) fn new(
        inner: Body,
        exchange: Arc<HeldByResponse>,
        on_panic: Arc<dyn Fn() + Send + Sync>,
    ) -> ResponseBody {
        ResponseBody { inner: Some(inner), rest: Bytes::new(), exchange, on_panic }
    }

    /// The next part of what the inner body gave.
    fn next_part(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PART_BYTES));
        Frame::data(Bytes::from_owner(Part::new(bytes, Arc::clone(&self.exchange))))
    }

    /// Drops the response and ends the call with this error.
    fn end_with_error(&mut self, error: CallError) -> Frame<Bytes> {
        (self.inner, self.rest) = (None, Bytes::new());
        let mut trailers = HeaderMap::new();
        // It fails for a status that is no header; then the response ends without one, which is an error too.
        let _added = Status::from(error).add_header(&mut trailers);
        Frame::trailers(trailers)
    }

    fn count_memory(&self, bytes: usize) -> Result<(), CallError> {
        match &self.exchange.resources {
            Some(resources) if self.exchange.counts_response => resources.acquire_memory(bytes),
            _ => Ok(()),
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_part())));
        }
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(context)));
        let Ok(polled) = polled else {
            (self.on_panic)();
            return Poll::Ready(Some(Ok(self.end_with_error(CallError::Panicked))));
        };
        let frame = match ready!(polled) {
            None => {
                self.inner = None;
                return Poll::Ready(None);
            }
            Some(Err(status)) => return Poll::Ready(Some(Err(status))),
            Some(Ok(frame)) => frame,
        };
        let data = match frame.into_data() {
            Ok(data) if !data.is_empty() => data,
            Ok(empty) => return Poll::Ready(Some(Ok(Frame::data(empty)))),
            Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
        };
        if let Err(error) = self.count_memory(data.len()) {
            return Poll::Ready(Some(Ok(self.end_with_error(error))));
        }
        self.rest = data;
        Poll::Ready(Some(Ok(self.next_part())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }
}

/// A part that the transport holds until it is written.
struct Part {
    bytes: Bytes,
    exchange: Arc<HeldByResponse>,
}

impl Part {
    fn new(bytes: Bytes, exchange: Arc<HeldByResponse>) -> Part {
        if let Some(open) = &exchange.open {
            open.handed_over(bytes.len());
        }
        Part { bytes, exchange }
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(open) = &self.exchange.open {
            open.sent(self.bytes.len());
        }
    }
}
