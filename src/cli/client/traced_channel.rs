//! A channel whose calls are traced, if the process exports traces: each has a span, and its headers name it to the server.
//! A connection that fails is described by its cause, with a hint where TLS or a certificate may be missing.

use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tracing::Instrument;

use crate::grpc::status::code_name;
use crate::telemetry::call_span;

/// A channel whose calls are traced.
#[derive(Clone, Debug)]
pub struct TracedChannel {
    channel: Channel,
    hint: ConnectionHint,
}

/// What a caller may have left out if the connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionHint {
    /// TLS: the connection is without it.
    UseTls,
    /// A certificate of the client: the connection has TLS alone.
    PresentCertificate,
    /// Nothing: the connection has TLS and a certificate, or whoever opened the channel knows.
    None,
}

impl TracedChannel {
    /// A channel whose failed connection is described with this hint.
    pub(super) fn new(channel: Channel, hint: ConnectionHint) -> TracedChannel {
        TracedChannel { channel, hint }
    }

    /// The status of a call whose connection failed.
    fn connection_failed(hint: ConnectionHint, error: &dyn std::error::Error) -> Status {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let text = match hint {
            ConnectionHint::UseTls => "; if the server requires TLS, call it as https:// with --ca",
            ConnectionHint::PresentCertificate => {
                "; if the server requires a client certificate, present one with --certificate and --key"
            }
            ConnectionHint::None => "",
        };
        Status::unavailable(format!("the connection failed: {innermost}{text}"))
    }
}

impl From<Channel> for TracedChannel {
    fn from(channel: Channel) -> TracedChannel {
        TracedChannel::new(channel, ConnectionHint::None)
    }
}

impl Service<Request<Body>> for TracedChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<Response<Body>, Status>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        let hint = self.hint;
        self.channel.poll_ready(context).map_err(|error| TracedChannel::connection_failed(hint, &error))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let span = call_span::client_span(request.uri().path().trim_start_matches('/'));
        call_span::propagate(&span, request.headers_mut());
        let (answer, recorded, hint) = (self.channel.call(request), span.clone(), self.hint);
        let answer = async move {
            let answer = answer.await;
            let status = answer.as_ref().map(|answer| answer.headers().get(Status::GRPC_STATUS));
            let code = match status {
                Ok(status) => status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes())),
                Err(_unreachable) => Code::Unavailable,
            };
            call_span::record_status(&recorded, code_name(code), code != Code::Ok);
            answer.map_err(|error| TracedChannel::connection_failed(hint, &error))
        };
        Box::pin(answer.instrument(span))
    }
}
