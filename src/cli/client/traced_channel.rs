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
    security: Security,
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Without TLS.
    Plain,
    /// With TLS, and without a certificate of the client.
    Tls,
    /// With TLS and a certificate of the client; or as whoever opened the channel knows.
    Other,
}

impl TracedChannel {
    /// A channel that is secured in this way.
    pub(super) fn new(channel: Channel, security: Security) -> TracedChannel {
        TracedChannel { channel, security }
    }

    /// The status of a call whose connection failed.
    fn connection_failed(security: Security, error: &dyn std::error::Error) -> Status {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let hint = match security {
            Security::Plain => "; if the server requires TLS, call it as https:// with --ca",
            Security::Tls => "; if the server requires a client certificate, present one with --certificate and --key",
            Security::Other => "",
        };
        Status::unavailable(format!("the connection failed: {innermost}{hint}"))
    }
}

impl From<Channel> for TracedChannel {
    fn from(channel: Channel) -> TracedChannel {
        TracedChannel::new(channel, Security::Other)
    }
}

impl Service<Request<Body>> for TracedChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<Response<Body>, Status>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        let security = self.security;
        self.channel.poll_ready(context).map_err(|error| TracedChannel::connection_failed(security, &error))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let span = call_span::client_span(request.uri().path().trim_start_matches('/'));
        call_span::propagate(&span, request.headers_mut());
        let (answer, recorded, security) = (self.channel.call(request), span.clone(), self.security);
        let answer = async move {
            let answer = answer.await;
            let status = answer.as_ref().map(|answer| answer.headers().get(Status::GRPC_STATUS));
            let code = match status {
                Ok(status) => status.map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes())),
                Err(_unreachable) => Code::Unavailable,
            };
            call_span::record_status(&recorded, code_name(code), code != Code::Ok);
            answer.map_err(|error| TracedChannel::connection_failed(security, &error))
        };
        Box::pin(answer.instrument(span))
    }
}
