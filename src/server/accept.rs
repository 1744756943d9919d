//! Accepts connections: limited in total, per caller, and during handshakes per address; serves each in a task of its
//! own; and closes all of them when the server stops.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use crate::access::keyed_limit::{KeyedLimit, KeyedPermit};
use crate::grpc::authorize::Peer;
use crate::grpc::open_calls::{ConnectionTimes, OpenCalls};
use crate::telemetry::Metrics;

use super::connection::{ArrivalStream, Stream};
use super::plaintext;
use super::serve_connection::{ConnectionService, Preface, serve_connection};
use super::tls::{self, Tls};

/// The pause after the operating system could not accept a connection, for example for lack of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// The bytes of the HTTP/2 preface and the head of the frame that must follow it.
const PREFACE_BYTES: usize = 24 + 9;

/// The name under which certificates without a name are counted.
const WITHOUT_NAME: &str = "";

/// Every reason for which a connection is refused.
pub(super) const REFUSALS: [&str; 8] = [
    "too_many_handshakes",
    "handshake_too_slow",
    "too_many_of_one_caller",
    "no_certificate",
    "certificate_not_believed",
    "refused_by_caller",
    "not_tls",
    "broken_off",
];

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// Open connections; further connections wait until one closes.
    pub(super) total: usize,
    /// Open connections of one caller, by the first name in its certificate; further connections are closed.
    pub(super) per_caller: usize,
    /// Connections of one address that have not sent the HTTP/2 preface; further connections are closed.
    pub(super) handshakes_per_address: usize,
    /// The time for the TLS handshake and the HTTP/2 preface.
    pub(super) handshake: Duration,
    /// The limits of an open connection.
    pub(super) times: ConnectionTimes,
    /// The memory of the calls of a connection, in bytes.
    pub(super) bytes: usize,
}

/// What an open connection holds until it is closed.
struct ConnectionPermit {
    _total: OwnedSemaphorePermit,
    _caller: Option<KeyedPermit<String>>,
    metrics: Arc<Metrics>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.metrics.add_connections(-1);
    }
}

/// Turns accepted sockets into connections and serves them.
pub(super) struct Acceptor<S> {
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    total: Arc<Semaphore>,
    callers: KeyedLimit<String>,
    handshakes: KeyedLimit<IpAddr>,
    metrics: Arc<Metrics>,
    service: S,
    shutdown: watch::Receiver<bool>,
}

impl<S: ConnectionService> Acceptor<S> {
    /// Serves `service` on connections within these limits; connections end when `shutdown` is true.
    pub(super) fn new(
        tls: Option<Arc<Tls>>,
        limits: ConnectionLimits,
        metrics: Arc<Metrics>,
        service: S,
        shutdown: watch::Receiver<bool>,
    ) -> Acceptor<S> {
        let total = Arc::new(Semaphore::new(limits.total));
        let (callers, handshakes) =
            (KeyedLimit::new(limits.per_caller), KeyedLimit::new(limits.handshakes_per_address));
        Acceptor { tls, limits, total, callers, handshakes, metrics, service, shutdown }
    }

    /// Accepts and serves until the server stops; then the listener is closed. The connections that are still open end
    /// when the returned set is dropped.
    pub(super) async fn run(self, listener: TcpListener) -> JoinSet<()> {
        let (mut shutdown, mut connections, acceptor) = (self.shutdown.clone(), JoinSet::new(), Arc::new(self));
        loop {
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => return connections,
                Some(_ended) = connections.join_next() => {}
                accepted = acceptor.accept(&listener) => {
                    if let Some((stream, address, permit)) = accepted {
                        connections.spawn(Arc::clone(&acceptor).handle(stream, address, permit));
                    }
                }
            }
        }
    }

    /// The next socket, when there is room for a connection.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.total).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, address)) => Some((stream, address.ip(), permit)),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                None
            }
        }
    }

    async fn handle(self: Arc<Self>, stream: TcpStream, address: IpAddr, total: OwnedSemaphorePermit) {
        // If it fails, answers are only delayed.
        let _delayed = stream.set_nodelay(true);
        if let Err(reason) = self.serve(stream, address, total).await {
            self.metrics.count_refused_connection(reason);
            tracing::info!(reason, "connection refused");
        }
    }

    async fn serve(&self, stream: TcpStream, address: IpAddr, total: OwnedSemaphorePermit) -> Result<(), &'static str> {
        let handshake = self.handshakes.try_acquire(&address).ok_or("too_many_handshakes")?;
        let deadline = Instant::now() + self.limits.handshake;
        let secured = tokio::time::timeout_at(deadline, self.tls_handshake(stream)).await;
        let (stream, identities, caller) = secured.map_err(|_elapsed| "handshake_too_slow")??;
        self.metrics.add_connections(1);
        let _open = ConnectionPermit { _total: total, _caller: caller, metrics: Arc::clone(&self.metrics) };
        let calls = Arc::new(OpenCalls::new(self.limits.times, self.limits.bytes));
        let peer = Peer { identities: identities.into(), calls };
        let (connection, arrived) = ArrivalStream::new(stream, PREFACE_BYTES);
        let preface = Preface { arrived, deadline, permit: handshake };
        let shutdown = self.shutdown.clone();
        if let Some(reason) = serve_connection(connection, self.service.clone(), peer, preface, shutdown).await {
            self.metrics.count_closed_connection(reason.as_str());
            tracing::warn!(reason = reason.as_str(), "connection closed: the peer broke a limit");
        }
        Ok(())
    }

    /// The stream below the protocol, the names in the peer's certificate, and the caller's permit.
    async fn tls_handshake(&self, mut stream: TcpStream) -> Result<Secured, &'static str> {
        let Some(tls) = &self.tls else { return Ok((Stream::Plain(stream), Vec::new(), None)) };
        if plaintext::refuse(&mut stream).await.map_err(|_error| "broken_off")? {
            return Err("not_tls");
        }
        let stream =
            TlsAcceptor::from(tls.current()).accept(stream).await.map_err(|error| handshake_failure(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identities = certificate.map(tls::identities);
        let acquire = |names: &Vec<String>| {
            let name = names.first().cloned().unwrap_or_else(|| WITHOUT_NAME.to_owned());
            self.callers.try_acquire(&name).ok_or("too_many_of_one_caller")
        };
        let caller = identities.as_ref().map(acquire).transpose()?;
        Ok((Stream::Tls(Box::new(stream)), identities.unwrap_or_default(), caller))
    }
}

type Secured = (Stream, Vec<String>, Option<KeyedPermit<String>>);

/// The reason that metrics and log report for a failed handshake: a fixed word, never text from the peer.
fn handshake_failure(error: &std::io::Error) -> &'static str {
    use rustls::Error;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::NoCertificatesPresented) => "no_certificate",
        Some(Error::InvalidCertificate(_)) => "certificate_not_believed",
        Some(Error::AlertReceived(_)) => "refused_by_caller",
        Some(_) => "not_tls",
        None => "broken_off",
    }
}
