//! Serves HTTP/2 on one connection until it ends, the peer breaks a limit, or the server stops.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::{oneshot, watch};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};

use crate::access::keyed_limit::KeyedPermit;
use crate::grpc::authorize::Peer;
use crate::grpc::open_calls::CloseReason;

use super::connection::ArrivalStream;
use super::write_buffer::WriteBuffer;

/// How long a peer has to close a connection without calls after it was notified that the connection ends.
const CLOSE_GRACE: Duration = Duration::from_secs(3);

/// The HTTP/2 keepalive: how long a connection may be silent before a ping, and how long the answer may take. It
/// closes the streams of a gateway that died.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of one stream that the transport buffers.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;

/// Bytes of all streams of a connection that the transport buffers: several times those of one stream, so that a
/// stream whose claims are not taken does not block the other calls.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// The limits of one connection: bytes of a call's headers that the transport reads, and open calls.
///
/// A call with headers above [`MAX_HEADER_BYTES`](crate::grpc::complete_status::MAX_HEADER_BYTES) is refused with a reason
/// as soon as it is accepted, before its message is read. The limit here is announced to the peer, whose library then
/// sends no more; to a peer that does, HTTP/2 answers 431 alone. One call being read holds at most this much, and calls
/// wait for acceptance only during one read of the connection, which takes at most some megabytes.
const MAX_READ_HEADER_BYTES: u32 = 1 << 20;
const MAX_CALLS_PER_CONNECTION: u32 = 1_024;

/// A service that a connection can serve.
pub(super) trait ConnectionService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> ConnectionService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The first bytes of a connection, for which its address holds a permit.
pub(super) struct Preface<K: Eq + std::hash::Hash> {
    /// Completes when they have arrived.
    pub(super) arrived: oneshot::Receiver<()>,
    /// When they must have arrived.
    pub(super) deadline: tokio::time::Instant,
    /// Dropped when they have arrived.
    pub(super) permit: KeyedPermit<K>,
}

/// Why a connection was closed that the peer did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The peer did not send the preface in time.
    NoPreface,
    /// The peer broke a limit of its calls.
    Calls(CloseReason),
}

impl Closed {
    /// Every reason.
    pub(super) const ALL: [Closed; 4] = [
        Closed::NoPreface,
        Closed::Calls(CloseReason::Idle),
        Closed::Calls(CloseReason::CallTooLong),
        Closed::Calls(CloseReason::ResponseUnread),
    ];

    /// The word in logs and metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Closed::NoPreface => "no_preface",
            Closed::Calls(reason) => reason.as_str(),
        }
    }
}

/// Passes requests to a service, with the peer that they come from.
struct PeerService<S> {
    inner: S,
    peer: Peer,
}

impl<S: ConnectionService> hyper::service::Service<Request<Incoming>> for PeerService<S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.peer.clone());
        // A set of routes is always ready.
        self.inner.clone().call(request)
    }
}

/// Serves a connection; returns why it was closed, if the peer broke a limit. Once the server stops, calls in flight are
/// finished, and a connection without calls is closed.
pub(super) async fn serve_connection<S: ConnectionService, K: Eq + std::hash::Hash>(
    connection: ArrivalStream,
    service: S,
    peer: Peer,
    preface: Preface<K>,
    mut shutdown: watch::Receiver<bool>,
) -> Option<Closed> {
    let calls = peer.calls.clone();
    let mut checks = tokio::time::interval(calls.check_interval());
    let written = WriteBuffer::new(connection);
    let http = http2_builder().serve_connection(TokioIo::new(written.share()), PeerService { inner: service, peer });
    let (mut http, Preface { mut arrived, deadline, permit }) = (pin!(http), preface);
    let (mut awaits_preface, mut ends) = (Some(permit), None);
    loop {
        let now = tokio::select! {
            ended = poll_fn(|context| poll_and_send(http.as_mut(), &written, context)) => {
                ended.inspect_err(|error| tracing::debug!(%error, "a connection failed")).ok();
                return ends.and_then(|(_, reason)| reason);
            }
            _ = &mut arrived, if awaits_preface.is_some() => {
                awaits_preface = None;
                continue;
            }
            () = tokio::time::sleep_until(deadline), if awaits_preface.is_some() => return Some(Closed::NoPreface),
            _ = shutdown.wait_for(|stop| *stop), if ends.is_none() => {
                http.as_mut().graceful_shutdown();
                ends = Some((Instant::now(), None));
                continue;
            }
            _ = checks.tick() => Instant::now(),
        };
        match (calls.close_reason(now), ends) {
            (Some(CloseReason::Idle), None) => {
                http.as_mut().graceful_shutdown();
                ends = Some((now, Some(Closed::Calls(CloseReason::Idle))));
            }
            (None | Some(CloseReason::Idle), Some((since, reason))) => {
                if calls.is_empty() && now.duration_since(since) > CLOSE_GRACE {
                    return reason;
                }
            }
            (Some(reason), _) => return Some(Closed::Calls(reason)),
            (None, None) => {}
        }
    }
}

/// Polls the protocol, then sends what it wrote.
fn poll_and_send(
    http: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    written: &WriteBuffer<ArrivalStream>,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    let ended = http.poll(context).map_err(io::Error::other);
    match written.poll_send(context) {
        Poll::Ready(Err(error)) if ended.is_pending() => Poll::Ready(Err(error)),
        _ => ended,
    }
}

/// HTTP/2 with its limits.
fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_CALLS_PER_CONNECTION)
        .max_header_list_size(MAX_READ_HEADER_BYTES);
    builder
}
