//! The gate: before a message is read, who calls is known, the role permits the call, and there is room for it.
//! What passed carries the proof of it; a handler that finds none serves nobody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{BoxFuture, Service};

use crate::access::byte_limit::ByteLimit;
use crate::access::fair_limit::FairLimit;
use crate::access::keyed_limit::KeyedLimit;
use crate::access::{AccessError, Call, Caller, Callers};
use crate::telemetry::Metrics;

use super::call_resources::{CallPermit, CallResources, MemoryLimits};
use super::deadline;
use super::error::CallError;
use super::observe::CallerName;
use super::open_calls::OpenCalls;
use super::request_body::{self, RequestBody, StreamBody};
use super::response_body::{HeldByResponse, ResponseBody};

/// How long a caller that has as many streams as it may is asked to wait.
const STREAM_RETRY_DELAY: Duration = Duration::from_secs(5);

/// How long after its deadline a handler may still answer by itself.
const ANSWER_GRACE: Duration = Duration::from_millis(100);

/// How long after the longest time of a call the peer has to read the end of the response.
const END_GRACE: Duration = Duration::from_secs(1);

/// The most open calls of a connection beside which a call of another service, such as health, is begun.
const MAX_OPEN_CALLS: usize = 128;

/// The header that names how messages are compressed.
const ENCODING: &str = "grpc-encoding";

/// Who is at the other end, as the certificate says, and the open calls of the connection; it goes with every call.
#[derive(Clone, Debug)]
pub struct Peer {
    /// URI and DNS names; none without a certificate.
    pub identities: Arc<[String]>,
    /// The open calls of the connection.
    pub calls: Arc<OpenCalls>,
}

/// The limits of calls over all callers.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Calls in flight.
    pub in_flight: usize,
    /// Streams of one caller.
    pub caller_streams: usize,
    /// Bytes of memory that the calls in flight may hold.
    pub bytes: usize,
    /// The time of a unary call, from its headers to the last byte of its response.
    pub duration: Duration,
}

/// What the gate goes by.
pub struct Authorizer {
    /// Who is known; replaced while serving.
    pub callers: ArcSwap<Callers>,
    /// The calls in flight, of all callers together.
    pub in_flight: Arc<FairLimit>,
    /// Whether the disk of the store has less room than the reserve; then no call that writes is begun.
    pub disk_full: Arc<AtomicBool>,
    /// Where what was shed is counted.
    pub metrics: Arc<Metrics>,
    streams: KeyedLimit<Arc<str>>,
    bytes: Arc<ByteLimit>,
    duration: Duration,
}

/// A call that passed: by whom, and what it holds until its work is done.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// What.
    pub call: &'static Call,
    /// When a unary call must be answered.
    pub(super) deadline: Instant,
    identities: Arc<[String]>,
    pub(super) resources: Arc<CallResources>,
}

impl Permitted {
    /// The proof that a unary request carries. A message that arrived compressed holds the memory of its true size from here
    /// on.
    ///
    /// # Errors
    /// `INTERNAL` if it carries none: then it came past the gate; or if there is no room for the message.
    pub fn from_message(request: &tonic::Request<impl Message>) -> Result<Permitted, Status> {
        let permitted = Permitted::from_request(request)?;
        if request.metadata().contains_key(ENCODING) {
            permitted.resources.hold_request(request.get_ref().encoded_len())?;
        }
        Ok(permitted)
    }

    /// The proof that a request carries.
    ///
    /// # Errors
    /// `INTERNAL` if it carries none: then it came past the gate.
    pub fn from_request<T>(request: &tonic::Request<T>) -> Result<Permitted, Status> {
        let permitted = request.extensions().get::<Permitted>().cloned();
        permitted.ok_or_else(|| CallError::Internal("a call reached a handler without authorization".to_owned()).into())
    }
}

impl Authorizer {
    /// An authorizer of these callers.
    pub fn new(callers: Callers, limits: CallLimits, metrics: Arc<Metrics>) -> Authorizer {
        Authorizer {
            callers: ArcSwap::from_pointee(callers),
            in_flight: FairLimit::new(limits.in_flight),
            metrics,
            disk_full: Arc::default(),
            streams: KeyedLimit::new(limits.caller_streams),
            bytes: Arc::new(ByteLimit::new(limits.bytes)),
            duration: limits.duration,
        }
    }

    fn permit(
        &self,
        call: &'static Call,
        peer: Option<&Peer>,
        deadline: Instant,
        name: Option<&CallerName>,
    ) -> Result<Permitted, CallError> {
        let identities = peer.map_or_else(|| Arc::from([]), |peer| Arc::clone(&peer.identities));
        let caller = self.authorized_caller(&identities, call, name)?;
        self.check_disk(call)?;
        let permit = self.acquire_permit(&caller, call).inspect_err(|_| self.metrics.count_shed(&caller.name))?;
        let (server, connection) = (Arc::clone(&self.bytes), peer.map(|peer| Arc::clone(&peer.calls)));
        let limits = MemoryLimits { connection, caller: Arc::clone(&caller), server };
        let resources = Arc::new(CallResources::new(permit, limits));
        Ok(Permitted { caller, call, deadline, identities, resources })
    }

    /// The same call by the caller as it is known now: callers change while a stream lasts.
    ///
    /// # Errors
    /// If the caller is no longer known, may no longer make the call, or the disk is full.
    pub fn reauthorize(&self, permitted: &Permitted) -> Result<Permitted, CallError> {
        let caller = self.authorized_caller(&permitted.identities, permitted.call, None)?;
        self.check_disk(permitted.call)?;
        Ok(Permitted { caller, ..permitted.clone() })
    }

    /// Checks that the disk has room for what the call writes.
    fn check_disk(&self, call: &Call) -> Result<(), CallError> {
        if call.writes_store() && self.disk_full.load(Ordering::Relaxed) { Err(CallError::DiskFull) } else { Ok(()) }
    }

    fn authorized_caller(
        &self,
        identities: &[String],
        call: &Call,
        name: Option<&CallerName>,
    ) -> Result<Arc<Caller>, AccessError> {
        let caller =
            self.callers.load().authenticate(identities).inspect_err(|_| self.metrics.count_unknown_caller())?;
        if let Some(name) = name {
            name.set(&caller.name);
        }
        caller.authorize_call(call).map(|()| caller)
    }

    /// A stream takes its places claim by claim.
    fn acquire_permit(&self, caller: &Caller, call: &Call) -> Result<CallPermit, CallError> {
        if call.stream {
            caller.allowance.check_rate()?;
            let own = self.streams.try_acquire(&caller.name);
            let own = own.ok_or(AccessError::LimitExceeded { retry_after: STREAM_RETRY_DELAY })?;
            return Ok(CallPermit::Stream { _own: own });
        }
        let own = caller.allowance.try_acquire()?;
        let of_all = self.in_flight.try_acquire(&caller.name).ok_or(CallError::Overloaded)?;
        Ok(CallPermit::Unary { _own: own, _of_all: of_all })
    }
}

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
                return refusal_response(request, CallError::Overloaded);
            }
            let exchange = HeldByResponse { open: open(None), resources: None, counts_response: false };
            return self.run(request, exchange, None);
        };
        let received = Instant::now();
        let deadline = received + deadline::time_limit(request.headers(), self.authorizer.duration);
        let permitted = match self.authorizer.permit(call, peer.as_ref(), deadline, request.extensions().get()) {
            Err(error) => return refusal_response(request, error),
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
                    handled.unwrap_or_else(|_elapsed| Ok(Ok(Status::from(timeout_error(call)).into_http())))
                }
                None => handled.await,
            };
            let response = response.unwrap_or_else(|_panic| {
                on_panic();
                Ok(Status::from(CallError::Panicked).into_http())
            });
            response.map(|response| response.map(|body| Body::new(ResponseBody::new(body, exchange, on_panic))))
        })
    }
}

fn refusal_response<E>(request: Request<Body>, error: CallError) -> BoxFuture<Response<Body>, E> {
    let response = Status::from(error).into_http();
    Box::pin(async {
        request_body::discard(request.into_body()).await;
        Ok(response)
    })
}

/// Why a call ends whose handler gave no answer in time.
fn timeout_error(call: &Call) -> CallError {
    if call.commits { CallError::DeadlinePassed } else { CallError::ReadTimedOut }
}
