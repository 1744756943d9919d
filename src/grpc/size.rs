//! A message above the size limit is refused before any handler sees it; here that answer gets the same
//! details as every other refusal.

use std::task::{Context, Poll};

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

/// Adds details to an `OUT_OF_RANGE` that has none.
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
        let answer = self.0.call(request);
        Box::pin(async move { answer.await.map(explained) })
    }
}

fn explained(answer: Response<Body>) -> Response<Body> {
    let out_of_range = HeaderValue::from(Code::OutOfRange as i32);
    let bare = answer.headers().get(Status::GRPC_STATUS) == Some(&out_of_range)
        && !answer.headers().contains_key(Status::GRPC_STATUS_DETAILS);
    if bare { status::of(&Refusal::because(Reason::MessageTooLarge)).into_http() } else { answer }
}
