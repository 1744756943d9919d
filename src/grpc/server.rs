//! The server, assembled: services, health, reflection, limits. Listener and shutdown come from outside,
//! so tests need neither fixed ports nor signals.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::engine::Engine;
use crate::policy::PolicyFault;
use crate::store::Store;

use super::activation::{Activation, ReadBook};
use super::pb;
use super::pb::policy::policy_service_server::{self as policy, PolicyServiceServer};
use super::pb::reference::reference_service_server::{self as reference, ReferenceServiceServer};
use super::pb::settlement::settlement_service_server::{self as settlement, SettlementServiceServer};
use super::policy::Policies;
use super::readiness;
use super::reference::References;
use super::settlement::Settlements;
use super::stream::Streams;

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

/// The services whose health says whether the store takes commits.
const SERVICES: [&str; 3] = [settlement::SERVICE_NAME, reference::SERVICE_NAME, policy::SERVICE_NAME];

/// What a server takes at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls in flight; those beyond are shed.
    pub in_flight: usize,
    /// Bytes of a message.
    pub message_bytes: usize,
    /// Claims of a stream that are taken and whose answers the caller has not read yet.
    pub stream_window: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { in_flight: 1_024, message_bytes: 4 << 20, stream_window: 256 }
    }
}

/// Where the law comes from when it is to change.
pub struct Law {
    /// Reads the book anew.
    pub read: ReadBook,
    /// Asks for that, besides the call.
    pub asked: mpsc::Receiver<()>,
}

impl Law {
    /// The book in use, which has no files to be read anew.
    pub fn fixed() -> Law {
        let told = "the server was started without a directory of policies; there is nothing to read anew";
        let fault = PolicyFault { file: "policies".to_owned(), line: 1, told: told.to_owned() };
        Law { read: Arc::new(move || Err(vec![fault.clone()])), asked: mpsc::channel(1).1 }
    }
}

/// Serves under a law that does not change; see [`serve_under`].
///
/// # Errors
/// If the listener fails.
pub async fn serve<S: Store>(
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    serve_under(Law::fixed(), engine, listener, limits, shutdown).await
}

/// Serves until `shutdown` ends, then until the calls in flight are answered.
///
/// # Errors
/// If the listener fails.
pub async fn serve_under<S: Store>(
    law: Law,
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let in_flight = Arc::new(Semaphore::new(limits.in_flight));
    let (stop, stopping) = watch::channel(false);
    let (health, health_service) = tonic_health::server::health_reporter();
    let ready = readiness::tell(health.clone(), &SERVICES, engine.store().readiness());
    let activation = Arc::new(Activation::new(Arc::clone(&engine), law.read, health).await);
    let followed = readiness::follow_book(Arc::clone(&engine), Arc::clone(&activation));
    let tables = Arc::clone(&engine);
    let asked = when_asked(Arc::clone(&activation), law.asked);
    let routes = Routes::new(health_service);
    let routes = with_services(routes, engine, activation, &limits, &in_flight, stopping);
    let server = Server::builder()
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .initial_stream_window_size(STREAM_BYTES)
        .initial_connection_window_size(CONNECTION_BYTES)
        .layer(super::size::Layer)
        .add_routes(routes);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (told, to_end) = oneshot::channel();
    let served = server.serve_with_incoming_shutdown(incoming, async {
        shutdown.await;
        // Streams end when they have answered what they took; without one nobody listens.
        let _streams = stop.send(true);
        // Whoever waits for this is the other half of the select below, and outlives it.
        let _heard = told.send(());
    });
    tokio::select! {
        served = served => served,
        never = asked => match never {},
        never = ready => match never {},
        never = followed => match never {},
        never = tables.follow() => match never {},
        () = idle(to_end, &in_flight, limits.in_flight) => Ok(()),
    }
}

/// Changes the law as often as it is asked to; what is refused is logged, and the law in use stays.
async fn when_asked<S: Store>(activation: Arc<Activation<S>>, mut asked: mpsc::Receiver<()>) -> Infallible {
    while asked.recv().await.is_some() {
        if let Err(refusal) = activation.activate(false, &[]).await {
            tracing::error!(%refusal, "the policies are refused; the book in use stays");
        }
    }
    std::future::pending().await
}

/// Every service, with its limits.
fn with_services<S: Store>(
    routes: Routes,
    engine: Arc<Engine<S>>,
    activation: Arc<Activation<S>>,
    limits: &Limits,
    in_flight: &Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
) -> Routes {
    let references = References::new(Arc::clone(&engine), stopping.clone());
    let streams = Streams { window: limits.stream_window, stopping };
    let settlements = Settlements::new(Arc::clone(&engine), Arc::clone(in_flight), streams);
    let policies = Policies::new(engine, activation);
    let routes = routes
        .add_service(SettlementServiceServer::new(settlements).max_decoding_message_size(limits.message_bytes))
        .add_service(ReferenceServiceServer::new(references).max_decoding_message_size(limits.message_bytes))
        .add_service(PolicyServiceServer::new(policies).max_decoding_message_size(limits.message_bytes));
    with_reflection(routes)
}

/// Descriptors that this program compiled itself cannot fail to be read; without them the service still does
/// its work.
fn with_reflection(mut routes: Routes) -> Routes {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    if let Ok(v1) = reflection().build_v1() {
        routes = routes.add_service(v1);
    }
    if let Ok(v1alpha) = reflection().build_v1alpha() {
        routes = routes.add_service(v1alpha);
    }
    routes
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
