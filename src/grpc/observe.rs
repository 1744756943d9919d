//! Logs and counts every call, and completes the refusals that are not made by a handler
//! ([`super::complete_status`]).

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::{Code, Status};

use crate::access::Call;
use crate::telemetry::Metrics;

use super::complete_status::{check_headers, complete_response};
use super::status;

/// Wraps a service.
#[derive(Clone, Debug)]
pub struct ObserveLayer(pub Arc<Metrics>);

impl<S> tower_layer::Layer<S> for ObserveLayer {
    type Service = Observe<S>;
    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, metrics: Arc::clone(&self.0) }
    }
}

/// Logs and counts calls, and completes refusals without details.
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (call, start) = (Call::from_path(request.uri().path()), Instant::now());
        let metrics = Arc::clone(&self.metrics);
        if let Err(error) = check_headers(&request) {
            let answer = Status::from(error).into_http();
            record_call(call, &answer, start.elapsed(), &metrics);
            return Box::pin(async { Ok(answer) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let is_stream = call.is_none_or(|call| call.stream);
            let answer = answer.await.map(|answer| complete_response(answer, is_stream));
            if let Ok(answer) = &answer {
                record_call(call, answer, start.elapsed(), &metrics);
            }
            answer
        })
    }
}

/// Logs one line for a call, with its status and duration, and counts it; nothing of its content.
fn record_call(call: Option<&Call>, answer: &Response<Body>, took: Duration, metrics: &Metrics) {
    let status =
        answer.headers().get(Status::GRPC_STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
    // The path of an unknown call is text of the caller: it is neither logged nor counted by itself.
    let (path, name) = call.map_or(("other", "other"), |call| (call.path, call.name()));
    tracing::info!(call = path, status = status as i32, micros = took.as_micros() as u64, "answered");
    metrics.count_call(name, status::code_name(status), took);
}
