//! Taking connections: bounded in number, all together and of one caller, and each handshake in time.

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

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long to wait after the operating system had no connection to give (too many files, say).
const PAUSE: Duration = Duration::from_millis(50);

/// Connections that wait for the server to serve them.
const QUEUE: usize = 64;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// All together; those beyond wait to be taken.
    pub all: usize,
    /// Of one certificate's names; those beyond are closed.
    pub of_one: usize,
}

/// What an open connection holds, and gives back when it is closed.
pub struct Held {
    _place: OwnedSemaphorePermit,
    _counted: Option<Counted>,
    metrics: Arc<Metrics>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

/// The connections of a listener.
pub type IncomingConnections = ReceiverStream<Result<Connection<Held>, Infallible>>;

/// Takes connections until nobody asks for more.
pub fn incoming(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    bounds: ConnectionLimits,
    metrics: Arc<Metrics>,
) -> IncomingConnections {
    let (ready, incoming) = mpsc::channel(QUEUE);
    let desk = Desk { tls, of_one: bounds.of_one, callers: Arc::default(), metrics, ready };
    tokio::spawn(accept(listener, Arc::new(Semaphore::new(bounds.all)), desk));
    ReceiverStream::new(incoming)
}

async fn accept(listener: TcpListener, places: Arc<Semaphore>, desk: Desk) {
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let taken = tokio::select! {
            () = desk.ready.closed() => return,
            taken = listener.accept() => taken,
        };
        match taken {
            Ok((stream, _)) => drop(tokio::spawn(desk.clone().take(stream, place))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What every connection needs on its way in.
#[derive(Clone)]
struct Desk {
    tls: Option<Arc<Tls>>,
    of_one: usize,
    callers: Arc<Mutex<HashMap<String, usize>>>,
    metrics: Arc<Metrics>,
    ready: mpsc::Sender<Result<Connection<Held>, Infallible>>,
}

impl Desk {
    async fn take(self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Without it answers come later, and that is all.
        let _late = stream.set_nodelay(true);
        match self.connection(stream, place).await {
            // Whoever would serve it may have ended.
            Ok(connection) => drop(self.ready.send(Ok(connection)).await),
            Err(reason) => {
                self.metrics.refused_connection(reason);
                tracing::info!(reason, "a connection was refused");
            }
        }
    }

    async fn connection(
        &self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
    ) -> Result<Connection<Held>, &'static str> {
        let Some(tls) = &self.tls else { return Ok(Connection::plain(stream, self.held(place, None))) };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        let stream = tokio::time::timeout(HANDSHAKE, handshake).await.map_err(|_| "handshake_too_slow")?;
        let stream = stream.map_err(|error| failed(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let identities = certificate.map(tls::identities).unwrap_or_default();
        let counted = identities.first().map(|first| Counted::of(first, &self.callers, self.of_one)).transpose()?;
        Ok(Connection::tls(stream, identities, self.held(place, counted)))
    }

    fn held(&self, place: OwnedSemaphorePermit, counted: Option<Counted>) -> Held {
        self.metrics.connections.inc();
        Held { _place: place, _counted: counted, metrics: Arc::clone(&self.metrics) }
    }
}

/// Why a handshake failed, of few kinds: what the other side sent is nothing to repeat.
fn failed(error: &std::io::Error) -> &'static str {
    use rustls::Error;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::NoCertificatesPresented) => "no_certificate",
        Some(Error::InvalidCertificate(_)) => "certificate_not_believed",
        Some(Error::AlertReceived(_)) => "refused_by_caller",
        Some(_) => "not_tls",
        None => "broken_off",
    }
}

/// One of a caller's connections.
struct Counted {
    name: String,
    callers: Arc<Mutex<HashMap<String, usize>>>,
}

impl Counted {
    fn of(name: &str, callers: &Arc<Mutex<HashMap<String, usize>>>, most: usize) -> Result<Counted, &'static str> {
        let mut open = callers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(name.to_owned()).or_default();
        if *count >= most {
            return Err("too_many_of_one_caller");
        }
        *count += 1;
        Ok(Counted { name: name.to_owned(), callers: Arc::clone(callers) })
    }
}

impl Drop for Counted {
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
