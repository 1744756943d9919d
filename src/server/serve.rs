//! Serves an engine: services behind authorization, health, limits, reload and shutdown.
//!
//! Listeners and shutdown come from the caller, so tests need neither fixed ports nor signals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::HealthReporter;
use tower_layer::{Identity, Stack};

use crate::access::Callers;
use crate::access::log::AccessLog;
use crate::config::ServerLimits;
use crate::domain::file_fault::FileFault;
use crate::engine::Engine;
use crate::grpc::activation::{Activation, LoadBook};
use crate::grpc::authorize::{AuthorizeLayer, Authorizer};
use crate::grpc::disclosures::Disclosures;
use crate::grpc::import_stream::{ImportLimits, ImportStreams};
use crate::grpc::observe::ObserveLayer;
use crate::grpc::operations::Operations;
use crate::grpc::settlement::Settlements;
use crate::grpc::stream::Streams;
use crate::store::Store;
use crate::store::coordination::Coordination;
use crate::telemetry::Metrics;

use super::access_setup::AccessSetup;
use super::reload::ReloadTask;
use super::services::Services;
use super::{accept, operations_listener, readiness};

/// How long clients have to read their last answers and to close their connections.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// The HTTP/2 keepalive: how long a connection may be silent before a ping, and how long the answer may take. It
/// closes the streams of a gateway that died.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of one stream that the transport buffers.
const STREAM_WINDOW_BYTES: u32 = 512 << 10;

/// Bytes of all streams of a connection that the transport buffers: many times those of one stream, so that a
/// caller that stops reading one stream does not block its other calls.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The limits of one connection: bytes of a call's headers, and open calls.
const MAX_HEADER_BYTES: u32 = 16 << 10;
const MAX_CALLS_PER_CONNECTION: u32 = 1_024;

/// What a server needs besides engine and listener.
pub struct ServerSetup {
    /// Reads the policy book again; `None` if the policies cannot change while serving.
    pub load_book: Option<LoadBook>,
    /// TLS, callers and access log.
    pub access: AccessSetup,
    /// The limits of the server as a whole.
    pub limits: ServerLimits,
    /// The listener for health and metrics.
    pub operations: Option<TcpListener>,
    /// Requests to reload policies, certificates, callers and access log.
    pub reload: mpsc::Receiver<()>,
}

impl ServerSetup {
    /// Fixed policies, no TLS, callers not identified, no reload.
    pub fn open(limits: ServerLimits) -> ServerSetup {
        let reload = mpsc::channel(1).1;
        ServerSetup { load_book: None, access: AccessSetup::open(), limits, operations: None, reload }
    }
}

/// Serves with [`ServerSetup::open`]; see [`serve_with`].
///
/// # Errors
/// If the listener fails.
pub async fn serve<S: Store>(
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    serve_with(ServerSetup::open(limits), engine, listener, shutdown).await
}

/// Serves until `shutdown` completes or an operator drains the server, then finishes the calls in flight.
///
/// # Errors
/// If a listener fails.
pub async fn serve_with<S: Store>(
    setup: ServerSetup,
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let ServerSetup { load_book, access, limits, operations, reload } = setup;
    let AccessSetup { tls, callers, load_callers, log } = access;
    let shared = Shared::new(callers, log, &limits);
    let (stop_streams, stopping) = watch::channel(false);
    let (health, health_service) = tonic_health::server::health_reporter();
    let can_reload = load_book.is_some();
    let load_book = load_book.unwrap_or_else(no_policy_directory);
    let activation = Arc::new(Activation::new(Arc::clone(&engine), load_book, health.clone()).await);
    let services = shared.services(&engine, &activation, &limits, stopping.clone());
    let routes = services.routes(health_service.clone(), limits.message_bytes);
    let server = transport(&shared.metrics, &shared.authorizer).add_routes(routes);
    let incoming = accept::incoming(listener, tls.clone(), connection_limits(&limits), Arc::clone(&shared.metrics));
    let (shutdown_began, drained) = oneshot::channel();
    let stop = stop_serving::<S>(shutdown, &shared, &health, stop_streams, shutdown_began);
    let serving = server.serve_with_incoming_shutdown(incoming, stop);
    let (authorizer, disclosures) = (Arc::clone(&shared.authorizer), Arc::clone(&shared.disclosures));
    let policies = can_reload.then(|| Arc::clone(&activation));
    let reload_task = ReloadTask { tls, load_callers, authorizer, disclosures, policies };
    let readiness = engine.store().coordination().readiness();
    tokio::select! {
        served = serving => served,
        failed = serve_operations(operations, health_service, Arc::clone(&shared.metrics)) => failed,
        () = reload_task.run(reload) => Ok(()),
        never = readiness::report::<S>(&health, &shared.metrics, readiness, stopping) => match never {},
        never = readiness::follow_book(&engine, &activation) => match never {},
        never = engine.follow() => match never {},
        () = all_calls_ended(drained, &shared.in_flight, limits.in_flight) => Ok(()),
    }
}

fn import_limits(limits: &ServerLimits) -> ImportLimits {
    ImportLimits {
        total: limits.imports,
        per_caller: limits.caller_imports,
        idle: Duration::from_secs(limits.import_idle_seconds),
        duration: Duration::from_secs(limits.import_seconds),
    }
}

/// Completes when the server is to stop; from then on it is not ready and its streams end.
async fn stop_serving<S: Store>(
    shutdown: impl Future<Output = ()>,
    shared: &Shared,
    health: &HealthReporter,
    stop_streams: watch::Sender<bool>,
    shutdown_began: oneshot::Sender<()>,
) {
    tokio::select! { () = shutdown => {}, () = shared.drain.notified() => {} }
    shared.metrics.set_ready(false);
    Services::<S>::set_not_serving(health).await;
    // Open streams answer what they accepted, then end; without open streams nobody listens.
    let _no_streams = stop_streams.send(true);
    // The receiver outlives this future, unless the server ended by itself.
    let _received = shutdown_began.send(());
}

/// Serves health and metrics on their listener, if there is one.
async fn serve_operations(
    listener: Option<TcpListener>,
    health: HealthServer<impl Health>,
    metrics: Arc<Metrics>,
) -> Result<(), tonic::transport::Error> {
    match listener {
        Some(listener) => operations_listener::serve(listener, health, metrics).await,
        None => std::future::pending().await,
    }
}

/// What the services, the transport and the tasks beside them share.
struct Shared {
    metrics: Arc<Metrics>,
    in_flight: Arc<Semaphore>,
    authorizer: Arc<Authorizer>,
    disclosures: Arc<Disclosures>,
    drain: Arc<Notify>,
}

impl Shared {
    fn new(callers: Callers, log: AccessLog, limits: &ServerLimits) -> Shared {
        let metrics = Arc::new(Metrics::default());
        let in_flight = Arc::new(Semaphore::new(limits.in_flight));
        let callers = ArcSwap::from_pointee(callers);
        let authorizer = Authorizer { callers, in_flight: Arc::clone(&in_flight), metrics: Arc::clone(&metrics) };
        let (authorizer, disclosures, drain) = (Arc::new(authorizer), Arc::new(Disclosures::new(log)), Arc::default());
        Shared { metrics, in_flight, authorizer, disclosures, drain }
    }

    fn services<S: Store>(
        &self,
        engine: &Arc<Engine<S>>,
        activation: &Arc<Activation<S>>,
        limits: &ServerLimits,
        stopping: watch::Receiver<bool>,
    ) -> Services<S> {
        let (window, max_duration) = (limits.stream_window, Duration::from_secs(limits.call_seconds));
        let streams = Streams { window, stopping: stopping.clone(), rules: Arc::clone(&self.authorizer), max_duration };
        Services {
            settlements: Settlements::new(Arc::clone(engine), Arc::clone(&self.disclosures), streams),
            activation: Arc::clone(activation),
            operations: Operations::new(Arc::clone(&self.drain), Arc::clone(&self.in_flight), limits.in_flight),
            engine: Arc::clone(engine),
            disclosures: Arc::clone(&self.disclosures),
            imports: ImportStreams::new(import_limits(limits), stopping),
        }
    }
}

fn connection_limits(limits: &ServerLimits) -> accept::ConnectionLimits {
    accept::ConnectionLimits { total: limits.connections, per_caller: limits.caller_connections }
}

type Layers = Stack<AuthorizeLayer, Stack<ObserveLayer, Identity>>;

/// The HTTP/2 transport with its limits, and the layers that every call passes: observed, then authorized.
fn transport(metrics: &Arc<Metrics>, authorizer: &Arc<Authorizer>) -> Server<Layers> {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_CALLS_PER_CONNECTION)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .layer(ObserveLayer(Arc::clone(metrics)))
        .layer(AuthorizeLayer(Arc::clone(authorizer)))
}

/// What a server without a directory of policies answers to an activation.
fn no_policy_directory() -> LoadBook {
    let message = "the server was started without a directory of policies; there is nothing to reload";
    let fault = FileFault::new("policies", 1, message);
    Arc::new(move || Err(vec![fault.clone()]))
}

/// Completes after shutdown began, when no call is in flight: a client that keeps an idle connection open does not
/// delay the shutdown beyond [`SHUTDOWN_GRACE`].
async fn all_calls_ended(shutdown_began: oneshot::Receiver<()>, in_flight: &Semaphore, permits: usize) {
    if shutdown_began.await.is_err() {
        // The server ended by itself.
        return std::future::pending().await;
    }
    tokio::time::sleep(SHUTDOWN_GRACE).await;
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    // The semaphore is never closed.
    let _all = in_flight.acquire_many(permits).await;
}
