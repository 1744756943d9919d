//! A channel whose calls are traced, if the process exports traces: each has a span, and its headers name it to the server.

use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::transport::{Channel, Error};
use tonic::{Code, Status};
use tracing::Instrument;

use crate::grpc::status::code_name;
use crate::telemetry::call_span;

/// A channel whose calls are traced.
#[derive(Clone, Debug)]
pub struct TracedChannel(Channel);

impl From<Channel> for TracedChannel {
    fn from(channel: Channel) -> TracedChannel {
        TracedChannel(channel)
    }
}

impl Service<Request<Body>> for TracedChannel {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<Response<Body>, Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let span = call_span::client_span(request.uri().path().trim_start_matches('/'));
        call_span::propagate(&span, request.headers_mut());
        let (answer, recorded) = (self.0.call(request), span.clone());
        let answer = async move {
            let answer = answer.await;
            let status = answer.as_ref().map(|answer| answer.headers().get(Status::GRPC_STATUS));
            let code = match status {
                Ok(status) => status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes())),
                Err(_unreachable) => Code::Unavailable,
            };
            call_span::record_status(&recorded, code_name(code), code != Code::Ok);
            answer
        };
        Box::pin(answer.instrument(span))
    }
}
