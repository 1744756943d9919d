//! Logs, counts and traces every call, and completes the refusals that are not made by a handler
//! ([`super::complete_status`]).

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tracing::{Instrument, Span};

use crate::access::Call;
use crate::telemetry::{Metrics, call_span};

use super::complete_status::{EndOfStream, check_headers, complete_response};
use super::refusal_response::refusal_response;
use super::status::Reason;
use super::{request_body, status};

/// Wraps a service.
#[derive(Clone, Debug)]
pub struct ObserveLayer(pub Arc<Metrics>);

impl<S> tower_layer::Layer<S> for ObserveLayer {
    type Service = Observe<S>;
    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, metrics: Arc::clone(&self.0) }
    }
}

/// Logs, counts and traces calls, and completes refusals without details.
#[derive(Clone, Debug)]
pub struct Observe<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Response<Body>, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let observed = ObservedCall::begin(&request, Arc::clone(&self.metrics));
        if let Err(error) = check_headers(&request) {
            let answer = refusal_response(&error);
            observed.refused(Reason::from(&error));
            return Box::pin(async {
                request_body::discard(request.into_body()).await;
                Ok(answer)
            });
        }
        request.extensions_mut().insert(observed.caller.clone());
        let span = observed.span.clone();
        let answer = span.in_scope(|| self.inner.call(request));
        let answered = async move {
            let is_stream = observed.call.is_none_or(|call| call.stream);
            let mut observed = Some(observed);
            let answer = answer.await.map(|answer| {
                if let Some(reason) = answer.extensions().get::<Reason>() {
                    observed.take().into_iter().for_each(|observed| observed.refused(*reason));
                    return answer;
                }
                let is_refusal = answer.headers().contains_key(Status::GRPC_STATUS);
                let end = observed.take_if(|_| is_stream && !is_refusal).map(EndOfStream::new);
                complete_response(answer, end)
            });
            if let (Ok(answer), Some(observed)) = (&answer, observed) {
                observed.end(answer.headers());
            }
            answer
        };
        Box::pin(answered.instrument(span))
    }
}

/// The name of the caller, which becomes known when the call is authorized.
#[derive(Clone, Debug, Default)]
pub(super) struct CallerName(Arc<OnceLock<Arc<str>>>);

impl CallerName {
    /// Notes the caller.
    pub(super) fn set(&self, name: &Arc<str>) {
        self.0.get_or_init(|| Arc::clone(name));
    }
}

/// A call that is not answered yet. One that is dropped before its answer was cancelled by its caller.
struct ObservedCall {
    call: Option<&'static Call>,
    start: Instant,
    span: Span,
    trace_id: Option<String>,
    caller: CallerName,
    metrics: Arc<Metrics>,
    is_recorded: bool,
}

impl ObservedCall {
    fn begin(request: &Request<Body>, metrics: Arc<Metrics>) -> ObservedCall {
        let call = Call::from_path(request.uri().path());
        let span = call.map_or_else(Span::none, |call| call_span::server_span(call.method(), request.headers()));
        let is_logged = tracing::enabled!(tracing::Level::INFO);
        let trace_id = is_logged.then(|| call_span::trace_id(&span, request.headers())).flatten();
        let trace_id = trace_id.map(|id| id.to_string());
        let caller = CallerName::default();
        ObservedCall { call, start: Instant::now(), span, trace_id, caller, metrics, is_recorded: false }
    }

    /// Logs one line for the call, counts it and ends its span; nothing of its content. `headers` are those of the
    /// response, or its trailers.
    fn end(mut self, headers: &HeaderMap) {
        let code = headers.get(Status::GRPC_STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
        let reason = if code == Code::Ok { None } else { reason(headers) };
        self.record(code, reason.map(Cow::Owned));
    }

    /// The same for a call that no handler answered, for this reason.
    fn refused(mut self, reason: Reason) {
        self.record(reason.code(), Some(Cow::Borrowed(reason.as_str())));
    }

    fn record(&mut self, code: Code, reason: Option<Cow<'static, str>>) {
        self.is_recorded = true;
        let (took, name) = (self.start.elapsed(), status::code_name(code));
        // The path of an unknown call is text of the caller: it is neither logged nor counted by itself.
        let path = self.call.map_or("other", |call| call.path);
        let caller = self.caller.0.get().map(|name| &**name);
        let (micros, trace_id, word) = (took.as_micros() as u64, self.trace_id.as_deref(), reason.as_deref());
        let answered =
            || tracing::info!(call = path, status = name, reason = word, caller, micros, trace_id, "answered");
        self.span.in_scope(answered);
        self.metrics.count_call(self.call.map(Call::method), name, took);
        call_span::record_status(&self.span, name, is_fault_of_server(code));
        if let Some(caller) = caller {
            self.span.record("onestop.caller", caller);
        }
        if let Some(reason) = word {
            self.span.record("onestop.reason", reason);
        }
        if code != Code::Ok {
            self.metrics.count_refusal(reason.unwrap_or(Cow::Borrowed(name)));
        }
    }
}

impl Drop for ObservedCall {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record(Code::Cancelled, None);
        }
    }
}

impl EndOfStream {
    /// Ends a stream's call with the status in the trailers; without trailers it was cancelled.
    fn new(observed: ObservedCall) -> EndOfStream {
        EndOfStream::call(move |trailers| {
            if let Some(trailers) = trailers {
                observed.end(trailers);
            }
        })
    }
}

/// The reason of a refusal.
fn reason(headers: &HeaderMap) -> Option<String> {
    Status::from_header_map(headers)?.get_details_error_info().map(|info| info.reason)
}

/// Whether a code means that the server failed, by the conventions for RPC.
fn is_fault_of_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
