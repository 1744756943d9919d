//! Completes refusals that are made before or beside a handler, by the framework: a message that cannot be decoded or is
//! too large, headers that are too large, an unknown call. Like every other refusal, each carries `ErrorInfo` with a
//! reason, and a text in Chinese.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body as HttpBody, Frame};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};

use super::error::CallError;
use super::status_details::framework_status;

/// The maximum bytes of the headers of a call. The transport reads somewhat more, so that the refusal has a reason.
pub const MAX_HEADER_BYTES: u32 = 16 << 10;

/// The bytes that HTTP/2 adds to each header when it counts them.
const HEADER_OVERHEAD: usize = 32;

/// How the message of a status begins with which the framework refuses to decompress a message.
const DECOMPRESSION_FAILED: &str = "Error decompressing:";

/// The refusal of a request with headers above the limit.
pub fn check_headers<B>(request: &Request<B>) -> Result<(), CallError> {
    let headers = request.headers().iter();
    let bytes: usize = headers.map(|(name, value)| name.as_str().len() + value.len() + HEADER_OVERHEAD).sum();
    if bytes + request.uri().path().len() <= MAX_HEADER_BYTES as usize {
        Ok(())
    } else {
        Err(CallError::HeadersTooLarge)
    }
}

/// The response with a complete status, if its headers hold one. Of a stream, the trailers will be completed too, and its
/// end is reported.
pub(super) fn complete_response(mut response: Response<Body>, stream: Option<EndOfStream>) -> Response<Body> {
    complete_headers(response.headers_mut());
    match stream {
        Some(end) => response.map(|body| Body::new(CompleteTrailers { body, end })),
        None => response,
    }
}

/// What is called once when a stream ends: with its trailers, or with `None` if it was dropped before them.
pub(super) struct EndOfStream(Option<StreamReport>);

/// Receives the trailers of a stream, if it had any.
type StreamReport = Box<dyn FnOnce(Option<&HeaderMap>) + Send>;

impl EndOfStream {
    /// Calls this at the end.
    pub(super) fn call(report: impl FnOnce(Option<&HeaderMap>) + Send + 'static) -> EndOfStream {
        EndOfStream(Some(Box::new(report)))
    }

    fn report(&mut self, trailers: Option<&HeaderMap>) {
        if let Some(report) = self.0.take() {
            report(trailers);
        }
    }
}

impl Drop for EndOfStream {
    fn drop(&mut self) {
        self.report(None);
    }
}

/// Completes the status in headers or trailers, if they hold a refusal without details.
fn complete_headers(headers: &mut HeaderMap) {
    let Some(bare) = Status::from_header_map(headers) else { return };
    if bare.code() == Code::Ok || !bare.details().is_empty() {
        return;
    }
    let complete = complete_status(&bare);
    for name in [Status::GRPC_STATUS, Status::GRPC_MESSAGE, Status::GRPC_STATUS_DETAILS] {
        headers.remove(name);
    }
    // A status that does not fit into headers leaves them without one, which clients take for UNKNOWN; these fit.
    if complete.add_header(headers).is_err() {
        tracing::error!(code = bare.code() as i32, "a status cannot be written into headers");
    }
}

/// The status in place of one that the framework made without details.
fn complete_status(bare: &Status) -> Status {
    let message = bare.message();
    match bare.code() {
        Code::OutOfRange => CallError::MessageTooLarge.into(),
        Code::ResourceExhausted if message.starts_with(DECOMPRESSION_FAILED) => CallError::MessageTooLarge.into(),
        Code::Internal if message.starts_with(DECOMPRESSION_FAILED) => {
            CallError::UndecodableMessage("it is not compressed as its header says".to_owned()).into()
        }
        Code::Unimplemented if message.contains("compressed") => CallError::UnsupportedCompression.into(),
        Code::Unimplemented => CallError::UnknownCall.into(),
        // Everything else that fails inside has details already, but for a response that cannot be encoded.
        Code::Internal if !message.starts_with("Error ") => CallError::UndecodableMessage(message.to_owned()).into(),
        Code::Internal => CallError::Internal(message.to_owned()).into(),
        code => framework_status(code, message),
    }
}

/// The body of a streamed response, whose trailers hold a complete status.
struct CompleteTrailers {
    body: Body,
    end: EndOfStream,
}

impl HttpBody for CompleteTrailers {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let CompleteTrailers { body, end } = &mut *self;
        let complete = |frame: Frame<Bytes>| match frame.into_trailers() {
            Ok(mut trailers) => {
                complete_headers(&mut trailers);
                end.report(Some(&trailers));
                Frame::trailers(trailers)
            }
            Err(data) => data,
        };
        Pin::new(body).poll_frame(context).map_ok(complete)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;
    use crate::grpc::status;

    #[test]
    fn every_bare_status_gets_a_reason_and_a_complete_one_stays() {
        for code in (1..17).map(Code::from_i32) {
            let mut headers = HeaderMap::new();
            Status::new(code, "a message").add_header(&mut headers).expect("headers");
            complete_headers(&mut headers);
            let complete = Status::from_header_map(&headers).expect("a status");
            let info = complete.get_details_error_info().expect("an ErrorInfo");
            assert_eq!(info.domain, "onestop", "{code:?}");
            let chinese = complete.get_details_localized_message().expect("a text in Chinese");
            assert_eq!((chinese.locale.as_str(), chinese.message.is_ascii()), ("zh-CN", false), "{code:?}");
            let expected = match code {
                Code::OutOfRange => (Code::OutOfRange, "MESSAGE_TOO_LARGE"),
                Code::Unimplemented => (Code::Unimplemented, "UNKNOWN_CALL"),
                Code::Internal => (Code::InvalidArgument, "UNDECODABLE_MESSAGE"),
                code => (code, status::code_name(code)),
            };
            assert_eq!((complete.code(), info.reason.as_str()), expected);
            let before = headers.clone();
            complete_headers(&mut headers);
            assert_eq!(headers, before);
        }
        let mut answered = HeaderMap::new();
        Status::ok("").add_header(&mut answered).expect("headers");
        complete_headers(&mut answered);
        assert_eq!(answered.len(), 1, "{answered:?}");
    }
}
