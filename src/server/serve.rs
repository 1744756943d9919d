//! The server, assembled: services behind the gate, health, limits. Listeners and shutdown come from outside, so
//! tests need neither fixed ports nor signals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tonic::transport::Server;

use crate::domain::file_fault::FileFault;
use crate::engine::Engine;
use crate::store::Store;
use crate::store::coordination::Coordination;
use crate::telemetry::Metrics;

use super::access_setup::{AccessSetup, ReloadTask};
use super::services::Services;
use super::{accept, readiness};
use crate::grpc::activation::{Activation, LoadBook};
use crate::grpc::authorize::{self, Authorizer};
use crate::grpc::observe;
use crate::grpc::operations::{self, Operations};
use crate::grpc::reads::Reads;
use crate::grpc::settlement::Settlements;
use crate::grpc::stream::Streams;

/// How long clients have to take their last answers and to close.
const GRACE: Duration = Duration::from_secs(3);

/// How long a connection may be silent before it is asked whether anybody is there, and how long that may take:
/// a gateway that died leaves no stream behind.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(10);

/// How much of a stream the transport holds that was not taken yet.
const STREAM_BYTES: u32 = 512 << 10;

/// The same of all streams of a connection: much more, so that a stream whose caller stopped reading does not
/// hold the calls beside it.
const CONNECTION_BYTES: u32 = 16 << 20;

/// The most bytes of a call's headers, and the most calls of one connection that may be begun and not ended.
const HEADER_BYTES: u32 = 16 << 10;
const CALLS_A_CONNECTION: u32 = 1_024;

/// What a server takes at once.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Calls in flight; those beyond are shed.
    pub in_flight: usize,
    /// Bytes of a message.
    pub message_bytes: usize,
    /// Claims of a stream that are taken and whose answers the caller has not read yet.
    pub stream_window: usize,
    /// How long a call may take, in seconds; a caller's own deadline may be shorter.
    pub call_seconds: u64,
    /// Connections; those beyond wait to be taken.
    pub connections: usize,
    /// Connections of one caller; those beyond are closed.
    pub caller_connections: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            in_flight: 1_024,
            message_bytes: 4 << 20,
            stream_window: 256,
            call_seconds: 60,
            connections: 4_096,
            caller_connections: 64,
        }
    }
}

/// Where the law comes from when it is to change.
pub struct Law {
    /// Reads the book anew; none for a book that has no files.
    pub read: Option<LoadBook>,
}

impl Law {
    /// The book in use, which has no files to be read anew.
    pub fn fixed() -> Law {
        Law { read: None }
    }

    fn reader(&self) -> LoadBook {
        let told = "the server was started without a directory of policies; there is nothing to read anew";
        let fault = FileFault::new("policies", 1, told);
        self.read.clone().unwrap_or_else(|| Arc::new(move || Err(vec![fault.clone()])))
    }
}

/// What a server is set up with, besides engine and listener.
pub struct Setup {
    /// Where the law comes from.
    pub law: Law,
    /// How callers come in.
    pub door: AccessSetup,
    /// What it takes at once.
    pub limits: ServerLimits,
    /// Where health and metrics are served, if anywhere.
    pub operations: Option<TcpListener>,
    /// Asks for law, certificates, callers and log to be read or opened anew.
    pub reload: mpsc::Receiver<()>,
}

impl Setup {
    /// One whose law does not change and whose door is open.
    pub fn open(limits: ServerLimits) -> Setup {
        let reload = mpsc::channel(1).1;
        Setup { law: Law::fixed(), door: AccessSetup::open(), limits, operations: None, reload }
    }
}

/// Serves with an open door under a law that does not change; see [`serve_with`].
///
/// # Errors
/// If the listener fails.
pub async fn serve<S: Store>(
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    serve_with(Setup::open(limits), engine, listener, shutdown).await
}

/// Serves until `shutdown` ends or an operator drains it, then until the calls in flight are answered.
///
/// # Errors
/// If a listener fails.
pub async fn serve_with<S: Store>(
    setup: Setup,
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let Setup { law, door, limits, operations, reload } = setup;
    let metrics = Arc::new(Metrics::default());
    let in_flight = Arc::new(Semaphore::new(limits.in_flight));
    let callers = ArcSwap::from_pointee(door.callers);
    let rules = Arc::new(Authorizer { callers, in_flight: Arc::clone(&in_flight), metrics: Arc::clone(&metrics) });
    let reads = Arc::new(Reads::new(door.log));
    let (stop, stopping) = watch::channel(false);
    let drain = Arc::new(Notify::new());
    let (health, health_service) = tonic_health::server::health_reporter();
    let activation = Arc::new(Activation::new(Arc::clone(&engine), law.reader(), health.clone()).await);
    let most = Duration::from_secs(limits.call_seconds);
    let stopped = stopping.clone();
    let streams = Streams { window: limits.stream_window, stopping, rules: Arc::clone(&rules), most };
    let services = Services {
        settlements: Settlements::new(Arc::clone(&engine), Arc::clone(&reads), streams),
        activation: Arc::clone(&activation),
        operations: Operations::new(Arc::clone(&drain), Arc::clone(&in_flight), limits.in_flight),
        engine: Arc::clone(&engine),
        reads: Arc::clone(&reads),
    };
    let ready = readiness::tell::<S>(&health, &metrics, engine.store().coordination().readiness(), stopped);
    let followed = readiness::follow_book(&engine, &activation);
    let server = Server::builder()
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .initial_stream_window_size(STREAM_BYTES)
        .initial_connection_window_size(CONNECTION_BYTES)
        .max_concurrent_streams(CALLS_A_CONNECTION)
        .http2_max_header_list_size(HEADER_BYTES)
        .layer(observe::ObserveLayer(Arc::clone(&metrics)))
        .layer(authorize::AuthorizeLayer(Arc::clone(&rules)))
        .add_routes(services.routes(health_service.clone(), limits.message_bytes));
    let bounds = accept::ConnectionLimits { all: limits.connections, of_one: limits.caller_connections };
    let incoming = accept::incoming(listener, door.tls.clone(), bounds, Arc::clone(&metrics));
    let (told, to_end) = oneshot::channel();
    let served = server.serve_with_incoming_shutdown(incoming, async {
        tokio::select! { () = shutdown => {}, () = drain.notified() => {} }
        metrics.set_ready(false);
        // From here on it only ends: whoever asks is sent elsewhere.
        Services::<S>::say_not_serving(&health).await;
        // Streams end when they have answered what they took; without one nobody listens.
        let _streams = stop.send(true);
        // Whoever waits for this is the other half of the select below, and outlives it.
        let _heard = told.send(());
    });
    let keeper = ReloadTask { tls: door.tls, read_callers: door.read_callers, rules, reads };
    let asked = law.read.is_some().then(|| Arc::clone(&activation));
    let beside = async {
        match operations {
            Some(listener) => operations::serve(listener, health_service, Arc::clone(&metrics)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        served = served => served,
        failed = beside => failed,
        () = keeper.keep(reload, asked) => Ok(()),
        never = ready => match never {},
        never = followed => match never {},
        never = engine.follow() => match never {},
        () = idle(to_end, &in_flight, limits.in_flight) => Ok(()),
    }
}

/// Ends when the server was told to end and no call is in flight any more, even if a client that says
/// nothing keeps its connection open.
async fn idle(to_end: oneshot::Receiver<()>, in_flight: &Semaphore, places: usize) {
    if to_end.await.is_err() {
        // It ended by itself.
        return std::future::pending().await;
    }
    tokio::time::sleep(GRACE).await;
    let places = u32::try_from(places).unwrap_or(u32::MAX);
    // The semaphore is never closed.
    let _all = in_flight.acquire_many(places).await;
}
