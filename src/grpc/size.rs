//! Around every call: a line in the log; and a message above the size limit, which is refused before any
//! handler sees it, gets the same details as every other refusal.

use std::task::{Context, Poll};
use std::time::Instant;

use tonic::body::Body;
use tonic::codegen::http::{HeaderValue, Request, Response};
use tonic::codegen::{BoxFuture, Service};
use tonic::{Code, Status};

use crate::domain::refusal::{Reason, Refusal};

use super::status;

/// Wraps a service.
#[derive(Clone, Copy, Debug)]
pub struct Layer;

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Explain<S>;
    fn layer(&self, inner: S) -> Explain<S> {
        Explain(inner)
    }
}

/// Logs calls, and adds details to an `OUT_OF_RANGE` that has none.
#[derive(Clone, Debug)]
pub struct Explain<S>(S);

impl<S> Service<Request<Body>> for Explain<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<Response<Body>, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (call, start) = (request.uri().path().to_owned(), Instant::now());
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await.map(explained);
            if let Ok(answer) = &answer {
                log(&call, answer, start);
            }
            answer
        })
    }
}

/// One line a call: which, its status unless it is OK, and how long it took. Nothing of what was said.
fn log(call: &str, answer: &Response<Body>, start: Instant) {
    let status = answer.headers().get(Status::GRPC_STATUS).and_then(|status| status.to_str().ok()).unwrap_or("0");
    tracing::info!(call, status, micros = start.elapsed().as_micros() as u64, "answered");
}

fn explained(answer: Response<Body>) -> Response<Body> {
    let out_of_range = HeaderValue::from(Code::OutOfRange as i32);
    let bare = answer.headers().get(Status::GRPC_STATUS) == Some(&out_of_range)
        && !answer.headers().contains_key(Status::GRPC_STATUS_DETAILS);
    if bare { status::of(&Refusal::because(Reason::MessageTooLarge)).into_http() } else { answer }
}
