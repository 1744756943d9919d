//! The gate before a service: only calls that are authorized reach it, a unary one until its deadline.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};

use crate::access::Call;

use super::authorize::{Authorizer, Peer};
use super::deadline;
use super::error::CallError;
use super::refusal_response::refusal_response;
use super::request_body::{self, RequestBody, StreamBody};
use super::response_body::{HeldByResponse, ResponseBody};

/// How long after its deadline a handler may still answer by itself.
const ANSWER_GRACE: Duration = Duration::from_millis(100);

/// How long after the longest time of a call the peer has to read the end of the response.
const END_GRACE: Duration = Duration::from_secs(1);

/// The most open calls of a connection beside which a call of another service, such as health, is begun.
const MAX_OPEN_CALLS: usize = 128;

/// A unary call, when it was received, and when it must be answered.
struct UnaryCall {
    call: &'static Call,
    received: Instant,
    deadline: Instant,
}

/// Puts an authorizer before a service.
#[derive(Clone)]
pub struct AuthorizeLayer(pub Arc<Authorizer>);

impl<S> tower_layer::Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;
    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize { inner, authorizer: Arc::clone(&self.0) }
    }
}

/// A service that only authorized calls reach.
#[derive(Clone)]
pub struct Authorize<S> {
    inner: S,
    authorizer: Arc<Authorizer>,
}

impl<S> Service<Request<Body>> for Authorize<S>
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
        let peer = request.extensions().get::<Peer>().cloned();
        let open = |end| peer.as_ref().map(|peer| peer.calls.open(end));
        // What is no call of ours (health, reflection, what does not exist) says nothing about anybody.
        let Some(call) = Call::from_path(request.uri().path()) else {
            if peer.as_ref().is_some_and(|peer| peer.calls.count() > MAX_OPEN_CALLS) {
                return refuse(request, &CallError::Overloaded);
            }
            let exchange = HeldByResponse { open: open(None), resources: None, counts_response: false };
            return self.run(request, exchange, None);
        };
        let received = Instant::now();
        let deadline = received + deadline::time_limit(request.headers(), self.authorizer.duration);
        let permitted = match self.authorizer.permit(call, peer.as_ref(), deadline, request.extensions().get()) {
            Err(error) => return refuse(request, &error),
            Ok(permitted) => permitted,
        };
        let end = (!call.stream).then(|| received + self.authorizer.duration + END_GRACE);
        let resources = Arc::clone(&permitted.resources);
        request = request.map(|body| match call.stream {
            true => Body::new(StreamBody(body)),
            false => Body::new(RequestBody::new(body, Arc::clone(&resources), deadline.into())),
        });
        request.extensions_mut().insert(permitted);
        let exchange =
            HeldByResponse { open: open(end), resources: Some(resources), counts_response: call.counts_response() };
        self.run(request, exchange, (!call.stream).then_some(UnaryCall { call, received, deadline }))
    }
}

impl<S> Authorize<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    /// Runs a call, a unary one until its deadline. What the call holds is released when its response was written. A
    /// panic of the handler is an answer.
    fn run(
        &mut self,
        request: Request<Body>,
        exchange: HeldByResponse,
        unary: Option<UnaryCall>,
    ) -> BoxFuture<Response<Body>, S::Error> {
        let in_flight = Arc::clone(&self.authorizer.in_flight);
        let metrics = Arc::clone(&self.authorizer.metrics);
        let on_panic: Arc<dyn Fn() + Send + Sync> = Arc::new(move || metrics.count_panic());
        let exchange = Arc::new(exchange);
        let handled = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        Box::pin(async move {
            let handled = async {
                match handled {
                    Ok(handled) => AssertUnwindSafe(handled).catch_unwind().await,
                    Err(panic) => Err(panic),
                }
            };
            let response = match unary {
                Some(UnaryCall { call, received, deadline }) => {
                    let handled = tokio::time::timeout_at((deadline + ANSWER_GRACE).into(), handled).await;
                    if call.is_short() {
                        in_flight.record(received.elapsed());
                    }
                    handled.unwrap_or_else(|_elapsed| Ok(Ok(refusal_response(&timeout_error(call)))))
                }
                None => handled.await,
            };
            let response = response.unwrap_or_else(|_panic| {
                on_panic();
                Ok(refusal_response(&CallError::Panicked))
            });
            response.map(|response| response.map(|body| Body::new(ResponseBody::new(body, exchange, on_panic))))
        })
    }
}

fn refuse<E>(request: Request<Body>, error: &CallError) -> BoxFuture<Response<Body>, E> {
    let response = refusal_response(error);
    Box::pin(async {
        request_body::discard(request.into_body()).await;
        Ok(response)
    })
}

/// Why a call ends whose handler gave no answer in time.
fn timeout_error(call: &Call) -> CallError {
    if call.commits { CallError::DeadlinePassed } else { CallError::ReadTimedOut }
}
