//! Accepts connections: limited in total and per caller, with a time limit for each TLS handshake.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use crate::telemetry::Metrics;

use super::connection::Connection;
use super::tls::{self, Tls};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after the operating system could not accept a connection, for example for lack of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Accepted connections that wait until the server serves them.
const ACCEPT_QUEUE: usize = 64;

/// Limits on the number of open connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// In total; further connections wait until one closes.
    pub(super) total: usize,
    /// Of one caller, by the first name in its certificate; further connections are closed.
    pub(super) per_caller: usize,
}

/// What an open connection holds until it is closed.
pub(super) struct ConnectionPermit {
    _total: OwnedSemaphorePermit,
    _caller: Option<CallerPermit>,
    metrics: Arc<Metrics>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

/// The connections of a listener.
pub(super) type IncomingConnections = ReceiverStream<Result<Connection<ConnectionPermit>, Infallible>>;

/// Accepts connections until the returned stream is dropped.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    limits: ConnectionLimits,
    metrics: Arc<Metrics>,
) -> IncomingConnections {
    let (accepted, incoming) = mpsc::channel(ACCEPT_QUEUE);
    let acceptor = Acceptor { tls, per_caller: limits.per_caller, callers: Arc::default(), metrics, accepted };
    tokio::spawn(accept_loop(listener, Arc::new(Semaphore::new(limits.total)), acceptor));
    ReceiverStream::new(incoming)
}

async fn accept_loop(listener: TcpListener, permits: Arc<Semaphore>, acceptor: Acceptor) {
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = acceptor.accepted.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(acceptor.clone().handle(stream, permit))),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// Turns accepted sockets into connections.
#[derive(Clone)]
struct Acceptor {
    tls: Option<Arc<Tls>>,
    per_caller: usize,
    callers: Arc<Mutex<HashMap<String, usize>>>,
    metrics: Arc<Metrics>,
    accepted: mpsc::Sender<Result<Connection<ConnectionPermit>, Infallible>>,
}

impl Acceptor {
    async fn handle(self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        // If it fails, answers are only delayed.
        let _delayed = stream.set_nodelay(true);
        match self.connection(stream, permit).await {
            // The server may have ended.
            Ok(connection) => drop(self.accepted.send(Ok(connection)).await),
            Err(reason) => {
                self.metrics.count_refused_connection(reason);
                tracing::info!(reason, "connection refused");
            }
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        permit: OwnedSemaphorePermit,
    ) -> Result<Connection<ConnectionPermit>, &'static str> {
        let Some(tls) = &self.tls else { return Ok(Connection::plain(stream, self.connection_permit(permit, None))) };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(|_| "handshake_too_slow")?;
        let stream = stream.map_err(|error| handshake_failure(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identities = certificate.map(tls::identities).unwrap_or_default();
        let acquire = |name: &String| CallerPermit::acquire(name, &self.callers, self.per_caller);
        let caller = identities.first().map(acquire).transpose()?;
        Ok(Connection::tls(stream, identities, self.connection_permit(permit, caller)))
    }

    fn connection_permit(&self, total: OwnedSemaphorePermit, caller: Option<CallerPermit>) -> ConnectionPermit {
        self.metrics.connections.inc();
        ConnectionPermit { _total: total, _caller: caller, metrics: Arc::clone(&self.metrics) }
    }
}

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

/// Counts one connection of a caller.
struct CallerPermit {
    name: String,
    callers: Arc<Mutex<HashMap<String, usize>>>,
}

impl CallerPermit {
    fn acquire(
        name: &str,
        callers: &Arc<Mutex<HashMap<String, usize>>>,
        limit: usize,
    ) -> Result<CallerPermit, &'static str> {
        let mut open = callers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(name.to_owned()).or_default();
        if *count >= limit {
            return Err("too_many_of_one_caller");
        }
        *count += 1;
        Ok(CallerPermit { name: name.to_owned(), callers: Arc::clone(callers) })
    }
}

impl Drop for CallerPermit {
    fn drop(&mut self) {
        let mut open = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.name);
            }
        }
    }
}
