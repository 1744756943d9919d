//! The gate: before a message is read, who calls is known, the role permits the call, and there is room for it.
//! What passed carries the proof of it; a handler that finds none serves nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use prost::Message;
use tonic::Status;

use crate::access::byte_limit::ByteLimit;
use crate::access::fair_limit::FairLimit;
use crate::access::keyed_limit::KeyedLimit;
use crate::access::{AccessError, Call, Caller, Callers};
use crate::telemetry::Metrics;

use super::call_resources::{CallPermit, CallResources, MemoryLimits};
use super::error::CallError;
use super::observe::CallerName;
use super::open_calls::OpenCalls;

/// How long a caller that has as many streams as it may is asked to wait.
const STREAM_RETRY_DELAY: Duration = Duration::from_secs(5);

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
    pub(super) duration: Duration,
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

    /// The proof for a call, if it may be made and there is room for it.
    ///
    /// # Errors
    /// If the caller is unknown or may not make the call, or a limit is reached.
    pub(super) fn permit(
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
