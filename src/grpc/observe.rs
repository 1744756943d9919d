//! Logs and counts every call. A message above the size limit, which is refused
//! before a handler sees it, gets the same details as every other refusal.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::{Code, Status};

use crate::access::Call;
use crate::telemetry::Metrics;

use super::error::CallError;
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

/// Logs and counts calls, and adds details to an `OUT_OF_RANGE` that has none.
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
        let (path, start) = (request.uri().path().to_owned(), Instant::now());
        let (answer, metrics) = (self.inner.call(request), Arc::clone(&self.metrics));
        Box::pin(async move {
            let answer = answer.await.map(explained);
            if let Ok(answer) = &answer {
                record_call(&path, answer, start.elapsed(), &metrics);
            }
            answer
        })
    }
}

/// Logs one line for a call, with its status and duration, and counts it; nothing of its content.
fn record_call(path: &str, answer: &Response<Body>, took: Duration, metrics: &Metrics) {
    let status =
        answer.headers().get(Status::GRPC_STATUS).map_or(Code::Ok, |status| Code::from_bytes(status.as_bytes()));
    tracing::info!(call = path, status = status as i32, micros = took.as_micros() as u64, "answered");
    // What is no call of ours has no name: whoever makes names up fills no table.
    metrics.count_call(Call::from_path(path).map_or("other", Call::name), status::code_name(status), took);
}

fn explained(answer: Response<Body>) -> Response<Body> {
    let out_of_range = HeaderValue::from(Code::OutOfRange as i32);
    let bare = answer.headers().get(Status::GRPC_STATUS) == Some(&out_of_range)
        && !answer.headers().contains_key(Status::GRPC_STATUS_DETAILS);
    if bare { Status::from(CallError::MessageTooLarge).into_http() } else { answer }
}
