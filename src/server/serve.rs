//! Serves an engine: services behind authorization, health, limits, reload and shutdown.
//!
//! Listeners and shutdown come from the caller, so tests need neither fixed ports nor signals.

use std::convert::Infallible;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower_layer::Layer;

use crate::access::Callers;
use crate::access::fair_limit::FairLimit;
use crate::access::log::AccessLog;
use crate::config::ServerLimits;
use crate::domain::file_fault::FileFault;
use crate::engine::Engine;
use crate::grpc::activation::{Activation, LoadBook};
use crate::grpc::authorize::Authorizer;
use crate::grpc::authorize_layer::AuthorizeLayer;
use crate::grpc::backup::Backups;
use crate::grpc::disclosures::Disclosures;
use crate::grpc::import_stream::ImportStreams;
use crate::grpc::observe::ObserveLayer;
use crate::grpc::operations::OperationsHandler;
use crate::grpc::reconcile_list::ListStreams;
use crate::grpc::reporter::StoreReporter;
use crate::grpc::settlement::SettlementHandler;
use crate::store::Store;
use crate::store::coordination::{ComponentFailed, Coordination};
use crate::telemetry::Metrics;

use super::accept::Acceptor;
use super::access_setup::AccessSetup;
use super::disk_alarm::DiskAlarm;
use super::expected;
use super::figures::{Figures, Watched};
use super::observed_store::ObservedStore;
use super::readiness::{ReadyState, Reporter};
use super::reload::ReloadTask;
use super::services::Services;
use super::{limits_of, operations_listener, readiness};

/// How long calls in flight have to end after a component failed: the process is to be started again soon.
const FAILURE_GRACE: Duration = Duration::from_secs(5);

/// Why a server ended that was not stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A component failed, and only a restart helps.
    #[error("{0}")]
    ComponentFailed(ComponentFailed),
}

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
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// What is watched besides the engine.
    pub watched: Watched,
    /// Where what is read for reports is kept; without it each reads the whole journal.
    pub report_cache: Option<PathBuf>,
}

impl ServerSetup {
    /// Fixed policies, no TLS, callers not identified, no reload.
    pub fn open(limits: ServerLimits) -> ServerSetup {
        let reload = mpsc::channel(1).1;
        let metrics = Arc::new(Metrics::unexported(expected::series_shown_from_start()));
        let (access, watched) = (AccessSetup::open(), Watched::default());
        ServerSetup { load_book: None, access, limits, operations: None, reload, metrics, watched, report_cache: None }
    }
}

/// Serves with [`ServerSetup::open`]; see [`serve_with`].
///
/// # Errors
/// If a component fails.
pub async fn serve<S: Store>(
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve_with(ServerSetup::open(limits), engine, listener, shutdown).await
}

/// Serves until `shutdown` completes or an operator drains the server, then finishes the calls in flight within the drain
/// limit.
///
/// # Errors
/// If a component fails; the server then ends in the same way, within a few seconds.
pub async fn serve_with<S: Store>(
    setup: ServerSetup,
    engine: Arc<Engine<S>>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let ServerSetup { load_book, access, limits, operations, reload, metrics, watched, report_cache } = setup;
    let AccessSetup { tls, callers, load_callers, log } = access;
    let shared = Shared { report_cache, ..Shared::new(callers, log, &limits, metrics) };
    shared.observe(&engine);
    engine.store().set_disk_reserve(watched.disk_reserve);
    let (stop, stopping) = watch::channel(false);
    let (health, health_service) = tonic_health::server::health_reporter();
    let can_reload = load_book.is_some();
    let load_book = load_book.unwrap_or_else(no_policy_directory);
    let activation = Arc::new(Activation::new(Arc::clone(&engine), load_book, health.clone()).await);
    let services = shared.services(&engine, &activation, &limits, stopping.clone());
    let services = services.dispatch(health_service.clone(), limits.message_bytes);
    let service = AuthorizeLayer(Arc::clone(&shared.authorizer)).layer(services);
    let service = ObserveLayer(Arc::clone(&shared.metrics)).layer(service);
    let connections = limits_of::connection_limits(&limits);
    let acceptor = Acceptor::new(tls.clone(), connections, Arc::clone(&shared.metrics), service, stopping);
    let (authorizer, disclosures) = (Arc::clone(&shared.authorizer), Arc::clone(&shared.disclosures));
    let policies = can_reload.then(|| Arc::clone(&activation));
    let reload_task = ReloadTask { tls, load_callers, authorizer, disclosures, policies };
    let reporter = Reporter { health: &health, metrics: &shared.metrics, ready_state: &shared.ready_state };
    let stopped = async {
        let failure = stop_requested::<S>(shutdown, &shared, &reporter, &engine).await;
        reporter.report_stopping::<S>(failure.as_ref()).await;
        stop.send_replace(true);
        failure
    };
    let accepted = acceptor.run(listener);
    let served = async {
        let (failure, connections) = tokio::join!(stopped, accepted);
        finish(failure, connections, &shared, &limits).await
    };
    tokio::select! {
        served = served => served,
        never = serve_operations(operations, health_service, &shared) => match never {},
        () = reload_task.run(reload) => Ok(()),
        never = readiness::follow_book(&engine, &activation) => match never {},
        never = engine.follow() => match never {},
        never = shared.disk_alarm(&watched).run() => match never {},
        never = Figures::new(watched, &shared.metrics).run(&engine) => match never {},
    }
}

/// Completes when the server is to stop; with the component that failed, if one did.
async fn stop_requested<S: Store>(
    shutdown: impl Future<Output = ()>,
    shared: &Shared,
    reporter: &Reporter<'_>,
    engine: &Engine<S>,
) -> Option<ComponentFailed> {
    tokio::select! {
        () = shutdown => None,
        () = shared.drain.notified() => None,
        failed = reporter.report::<S>(engine.store().coordination().readiness()) => Some(failed),
    }
}

/// Finishes what is in flight when the server stops.
async fn finish(
    failure: Option<ComponentFailed>,
    mut connections: JoinSet<()>,
    shared: &Shared,
    limits: &ServerLimits,
) -> Result<(), ServeError> {
    let limit = Duration::from_secs(limits.drain_seconds);
    let limit = if failure.is_some() { limit.min(FAILURE_GRACE) } else { limit };
    drain(&mut connections, &shared.authorizer.in_flight, limit).await;
    // Closes what the drain left open.
    connections.shutdown().await;
    failure.map_or(Ok(()), |failure| Err(ServeError::ComponentFailed(failure)))
}

/// Waits until every connection has ended and no call is in flight, or the limit has passed.
async fn drain(connections: &mut JoinSet<()>, in_flight: &FairLimit, limit: Duration) {
    let drained = async {
        while connections.join_next().await.is_some() {}
        in_flight.idle().await;
    };
    if tokio::time::timeout(limit, drained).await.is_err() {
        let calls = in_flight.in_flight();
        let (seconds, connections) = (limit.as_secs(), connections.len());
        tracing::error!(seconds, connections, calls, "the drain limit has passed: what remains is closed");
    }
}

/// Serves health and metrics on their listener, if there is one.
async fn serve_operations(
    listener: Option<TcpListener>,
    health: HealthServer<impl Health>,
    shared: &Shared,
) -> Infallible {
    let (metrics, ready_state) = (Arc::clone(&shared.metrics), Arc::clone(&shared.ready_state));
    match listener {
        Some(listener) => operations_listener::serve(listener, health, metrics, ready_state).await,
        None => std::future::pending().await,
    }
}

/// What the services, the connections and the tasks beside them share.
struct Shared {
    metrics: Arc<Metrics>,
    ready_state: Arc<ReadyState>,
    authorizer: Arc<Authorizer>,
    disclosures: Arc<Disclosures>,
    drain: Arc<Notify>,
    report_cache: Option<PathBuf>,
}

impl Shared {
    fn new(callers: Callers, log: AccessLog, limits: &ServerLimits, metrics: Arc<Metrics>) -> Shared {
        metrics.show_callers(callers.names());
        let authorizer = Arc::new(Authorizer::new(callers, limits_of::call_limits(limits), Arc::clone(&metrics)));
        let (disclosures, drain) = (Arc::new(Disclosures::new(log)), Arc::default());
        Shared { metrics, ready_state: Arc::default(), authorizer, disclosures, drain, report_cache: None }
    }

    /// Adds to the metrics what engine, store and authorizer count themselves.
    fn observe<S: Store>(&self, engine: &Arc<Engine<S>>) {
        let in_flight = Arc::clone(&self.authorizer.in_flight);
        let help = "Calls in flight, and claims of streams";
        self.metrics.observe_gauge("onestop.calls.in_flight", help, move || Some(in_flight.in_flight() as u64));
        let in_flight = Arc::clone(&self.authorizer.in_flight);
        let help = "Calls that may be in flight, by their measured latency";
        self.metrics.observe_gauge("onestop.calls.in_flight_limit", help, move || Some(in_flight.limit() as u64));
        let counted = Arc::downgrade(engine);
        let help = "Attempts to commit that met another commit for the same person and were repeated";
        self.metrics.observe_counter("onestop.commit.conflicts", help, move || {
            counted.upgrade().map(|engine| engine.conflicts())
        });
        engine.store().set_observer(Arc::new(ObservedStore(Arc::clone(&self.metrics))));
    }

    fn disk_alarm(&self, watched: &Watched) -> DiskAlarm<'_> {
        let help = "1 while commits are refused because the disk of the store is nearly full, otherwise 0";
        DiskAlarm {
            directory: watched.directory.clone(),
            reserve: watched.disk_reserve,
            full: &self.authorizer.disk_full,
            gauge: self.metrics.gauge("onestop.store.disk_full", "", help),
        }
    }

    fn services<S: Store>(
        &self,
        engine: &Arc<Engine<S>>,
        activation: &Arc<Activation<S>>,
        limits: &ServerLimits,
        shutdown: watch::Receiver<bool>,
    ) -> Services<S> {
        let streams = limits_of::stream_settings(limits, &self.authorizer, &shutdown);
        let in_flight = Arc::clone(&self.authorizer.in_flight);
        let (authorizer, disclosures) = (Arc::clone(&self.authorizer), Arc::clone(&self.disclosures));
        let (drain, operated) = (Arc::clone(&self.drain), Arc::clone(engine));
        let backups = Backups::new(engine.store().backup_reader(), authorizer, disclosures, shutdown.clone());
        let (of_reports, report_cache) = (Arc::clone(&self.disclosures), self.report_cache.clone());
        let reporter = StoreReporter::new(Arc::clone(engine), of_reports, report_cache, shutdown.clone());
        let (reporter, disclosures) = (Arc::new(reporter), Arc::clone(&self.disclosures));
        let settlements = SettlementHandler::new(Arc::clone(engine), disclosures, streams, Arc::clone(&reporter));
        Services {
            settlements,
            reporter,
            activation: Arc::clone(activation),
            operations: OperationsHandler::new(operated, drain, in_flight, backups),
            engine: Arc::clone(engine),
            disclosures: Arc::clone(&self.disclosures),
            imports: ImportStreams::new(
                limits_of::import_limits(limits),
                Arc::clone(&self.authorizer),
                shutdown.clone(),
            ),
            reconciliations: ListStreams::new(
                limits_of::reconciliation_limits(limits),
                Arc::clone(&self.authorizer),
                shutdown,
            ),
        }
    }
}

/// What a server without a directory of policies answers to an activation.
fn no_policy_directory() -> LoadBook {
    let message = "the server was started without a directory of policies; there is nothing to reload";
    let fault = FileFault::new("policies", 1, message);
    Arc::new(move || Err(fault.clone().into()))
}
