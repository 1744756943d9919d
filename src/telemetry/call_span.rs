//! The spans of calls, on the server and on the client, by the conventions of OpenTelemetry for RPC; and the W3C header
//! `traceparent` that joins them.
//!
//! Whether a call is traced is decided when it begins, before a span exists, so that a call that is not traced costs
//! nothing more. Spans inside a call exist only within one that is traced (see [`super::otlp`]).

use std::sync::OnceLock;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanKind, TraceContextExt};
use opentelemetry::{Context, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The W3C header that names the trace and the span of the caller.
const TRACEPARENT: &str = "traceparent";

/// Which calls of this process are traced; empty while traces are not exported. The spans go to the subscriber of the
/// process, so this belongs to the process too.
static SAMPLER: OnceLock<Sampler> = OnceLock::new();

/// Traces the calls of this process that the sampler chooses; the first sampler stays.
pub(super) fn trace_with(sampler: Sampler) {
    SAMPLER.get_or_init(|| sampler);
}

/// The span of a call that a server received.
pub(crate) fn server_span(method: &'static str, headers: &HeaderMap) -> Span {
    let Some((sampler, parent)) = SAMPLER.get().map(|sampler| (sampler, parent(headers))) else { return Span::none() };
    if !is_sampled(sampler, parent.as_ref(), method, &SpanKind::Server) {
        return Span::none();
    }
    let span = tracing::debug_span!(
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        "error.type" = Empty,
        onestop.caller = Empty,
        onestop.reason = Empty,
    );
    if let Some(parent) = parent {
        // It fails only for a span that no layer records.
        let _not_recorded = span.set_parent(parent);
    }
    span
}

/// The span of a call that a client makes.
pub(crate) fn client_span(method: &str) -> Span {
    let Some(sampler) = SAMPLER.get() else { return Span::none() };
    let is_within_trace = !Span::current().is_none();
    if !is_within_trace && !is_sampled(sampler, None, method, &SpanKind::Client) {
        return Span::none();
    }
    tracing::debug_span!(
        "request",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        "error.type" = Empty,
    )
}

/// Writes the trace and the span into the headers of a request; nothing for a call that is not traced.
pub(crate) fn propagate(span: &Span, headers: &mut HeaderMap) {
    if !span.is_none() {
        TraceContextPropagator::new().inject_context(&span.context(), &mut Headers(headers));
    }
}

/// Records the status with which a call ended; `is_error` by the conventions for its side.
pub(crate) fn record_status(span: &Span, code: &'static str, is_error: bool) {
    span.record("rpc.response.status_code", code);
    if is_error {
        span.record("error.type", code);
        span.record("otel.status_code", "ERROR");
    }
}

/// The trace id of a call: of its span, otherwise that which the caller sent.
pub(crate) fn trace_id(span: &Span, headers: &HeaderMap) -> Option<TraceId> {
    if span.is_none() {
        return headers
            .contains_key(TRACEPARENT)
            .then(|| parent(headers).map(|parent| context_of(&parent).trace_id()))?;
    }
    let context = span.context().span().span_context().clone();
    context.is_valid().then(|| context.trace_id())
}

fn is_sampled(sampler: &Sampler, parent: Option<&Context>, method: &str, kind: &SpanKind) -> bool {
    let trace_id =
        parent.map_or_else(|| RandomIdGenerator::default().new_trace_id(), |parent| context_of(parent).trace_id());
    let decided = sampler.should_sample(parent, trace_id, method, kind, &[], &[]);
    decided.decision == SamplingDecision::RecordAndSample
}

/// The context that the caller sent, if it is one.
fn parent(headers: &HeaderMap) -> Option<Context> {
    headers.get(TRACEPARENT)?;
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Sent(headers));
    context_of(&context).is_valid().then_some(context)
}

fn context_of(context: &Context) -> SpanContext {
    context.span().span_context().clone()
}

/// The headers that were sent.
struct Sent<'a>(&'a HeaderMap);

impl Extractor for Sent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The headers that are to be sent.
struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
