//! The gate: before a message is read, who calls is known, the role permits the call, and there is room for it.
//! What passed carries the proof of it; a handler that finds none serves nobody.

use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};

use crate::access::{AccessError, Call, Caller, Callers};
use crate::telemetry::Metrics;

use super::error::CallError;

/// Who is at the other end, as the certificate says; it goes with every call of the connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// URI and DNS names; none without a certificate.
    pub identities: Arc<[String]>,
}

/// What the gate goes by.
pub struct Authorizer {
    /// Who is known; replaced while serving.
    pub callers: ArcSwap<Callers>,
    /// The calls in flight, of all callers together.
    pub in_flight: Arc<Semaphore>,
    /// Where what was shed is counted.
    pub metrics: Arc<Metrics>,
}

/// A call that passed: by whom, and the places it holds until its work is done.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// What.
    pub call: &'static Call,
    identities: Arc<[String]>,
    _places: Option<Arc<Permits>>,
}

/// A call's place among those of its caller, and among all.
#[derive(Debug)]
struct Permits {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Permitted {
    /// The proof that a request carries.
    ///
    /// # Errors
    /// `INTERNAL` if it carries none: then it came past the gate.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Permitted, Status> {
        let permitted = request.extensions().get::<Permitted>().cloned();
        permitted.ok_or_else(|| CallError::Internal("a call came past the gate".to_owned()).into())
    }
}

impl Authorizer {
    fn pass(&self, call: &'static Call, peer: Option<&Peer>) -> Result<Permitted, CallError> {
        let identities = peer.map_or_else(|| Arc::from([]), |peer| Arc::clone(&peer.identities));
        let caller = self.known(&identities, call)?;
        let places = self.places(&caller, call).inspect_err(|_| self.metrics.count_shed(&caller.name))?;
        Ok(Permitted { caller, call, identities, _places: places.map(Arc::new) })
    }

    /// The same call by the caller as it is known now: callers change while a stream lasts.
    ///
    /// # Errors
    /// If the caller is no longer known, or may no longer make the call.
    pub fn reauthorize(&self, permitted: &Permitted) -> Result<Permitted, AccessError> {
        let caller = self.known(&permitted.identities, permitted.call)?;
        Ok(Permitted { caller, ..permitted.clone() })
    }

    fn known(&self, identities: &[String], call: &Call) -> Result<Arc<Caller>, AccessError> {
        let caller =
            self.callers.load().authenticate(identities).inspect_err(|_| self.metrics.count_unknown_caller())?;
        caller.authorize_call(call).map(|()| caller)
    }

    /// A stream takes its places claim by claim.
    fn places(&self, caller: &Caller, call: &Call) -> Result<Option<Permits>, CallError> {
        if call.stream {
            return Ok(caller.allowance.check_rate().map(|()| None)?);
        }
        let own = caller.allowance.try_acquire()?;
        let of_all = Arc::clone(&self.in_flight).try_acquire_owned();
        let of_all = of_all.map_err(|_full| CallError::Overloaded)?;
        Ok(Some(Permits { _own: own, _of_all: of_all }))
    }
}

/// Puts the gate before a service.
#[derive(Clone)]
pub struct AuthorizeLayer(pub Arc<Authorizer>);

impl<S> tower_layer::Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;
    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize { inner, rules: Arc::clone(&self.0) }
    }
}

/// A service that only authorized calls reach.
#[derive(Clone)]
pub struct Authorize<S> {
    inner: S,
    rules: Arc<Authorizer>,
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
        // What is no call of ours (health, reflection, what does not exist) says nothing about anybody.
        let Some(call) = Call::from_path(request.uri().path()) else { return Box::pin(self.inner.call(request)) };
        match self.rules.pass(call, request.extensions().get::<Peer>()) {
            Err(error) => {
                let answer = Status::from(error).into_http();
                Box::pin(async { Ok(answer) })
            }
            Ok(permitted) => {
                request.extensions_mut().insert(permitted);
                Box::pin(self.inner.call(request))
            }
        }
    }
}
