//! Runs the server that a configuration describes: opens the store, binds the listeners, serves until a signal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::access::log::AccessLog;
use crate::config::Config;
use crate::domain::file_faults::FileFaults;
use crate::domain::ids::Digest;
use crate::engine::{Engine, EngineError};
use crate::grpc::commit_stamp;
use crate::policy::{Book, shipped};
use crate::store::{Store, StoreError};
use crate::telemetry::otlp::TelemetryError;
use crate::telemetry::{LIFE, Metrics, Telemetry, repeats};

use super::access_setup::{AccessSetup, AccessSetupError};
use super::expected;
use super::figures::Watched;
use super::serve::{self, ServeError, ServerSetup};
use super::store_location::{CommitSafety, MissingStore, SecretAndArchivePaths, StoreLocation, StoreTask};
use super::store_location_error::StoreLocationError;
use super::{service_manager, signals};

/// What a server reports when it starts to serve.
pub struct ServerStart {
    /// The URL that serves gRPC.
    pub url: String,
    /// The address that serves health and metrics.
    pub operations: Option<SocketAddr>,
    /// The location of the store, without a password.
    pub store: String,
    /// The digest of the policy book.
    pub book: Digest,
}

/// Why a server did not start, or failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The access settings cannot be used.
    #[error(transparent)]
    Access(#[from] AccessSetupError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreLocationError),
    /// The policies are refused; one line per fault.
    #[error("{0}")]
    Policies(FileFaults),
    /// The vocabulary lacks words that are used; one line per word.
    #[error("{0}")]
    DroppedWords(FileFaults),
    /// The words that are used cannot be read.
    #[error("cannot compare the vocabulary with the one in use: {0}")]
    Vocabulary(EngineError),
    /// An address is not available.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        error: std::io::Error,
    },
    /// The engine refuses the store.
    #[error(transparent)]
    Engine(StoreError),
    /// The access log cannot be opened.
    #[error("cannot open the access log {path}: {error}")]
    AccessLog {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The system does not tell the address of a listener.
    #[error("cannot read the address of a listener: {0}")]
    ListenerAddress(std::io::Error),
    /// Signals cannot be caught.
    #[error("cannot catch signals: {0}")]
    Signals(std::io::Error),
    /// A listener failed while serving.
    #[error("a listener failed while serving: {0}")]
    Serve(#[from] ServeError),
    /// Metrics cannot be exported.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// The policy book of a directory, or the shipped one.
///
/// # Errors
/// Every fault of the files.
pub fn load_book(directory: Option<&Path>) -> Result<Book, FileFaults> {
    directory.map_or_else(shipped::book, Book::from_dir)
}

/// Serves until SIGINT or SIGTERM, then finishes the calls in flight. Calls `started` when the listeners are bound.
///
/// # Errors
/// If the server cannot start, or a listener fails.
pub async fn run(
    config: Config,
    missing: MissingStore,
    telemetry: &Telemetry,
    started: impl FnOnce(&ServerStart),
) -> Result<(), RunError> {
    let metrics = Arc::new(telemetry.metrics(expected::series_shown_from_start())?);
    let access = AccessSetup::from_config(&config)?;
    let location = StoreLocation::parse(&config.store)?;
    let (secret, archive) = (config.secret.clone(), config.archive.clone());
    let files = SecretAndArchivePaths { secret: secret.as_deref(), archive: archive.as_deref() };
    let safety = CommitSafety { accept_volatile: config.accept_volatile, replicas: config.replicas };
    let task = ServeTask { access, location: location.clone(), config, metrics, started };
    location.open_or_create(files, safety, missing, task).await?
}

struct ServeTask<F> {
    access: AccessSetup,
    location: StoreLocation,
    config: Config,
    metrics: Arc<Metrics>,
    started: F,
}

impl<F: FnOnce(&ServerStart)> StoreTask for ServeTask<F> {
    type Output = Result<(), RunError>;

    async fn run<S: Store>(self, store: S) -> Result<(), RunError> {
        let ServeTask { access, location, config, metrics, started } = self;
        let watched = watched(&config, &location);
        let book = load_book(config.policies.as_deref()).map_err(RunError::Policies)?;
        let listener = bind(config.listen).await?;
        let engine = Engine::open(store, book, config.engine.clone()).await.map_err(RunError::Engine)?;
        put_own_book_in_use(&engine).await?;
        let access = AccessSetup { log: open_access_log(&config, &location)?, ..access };
        if config.accept_volatile {
            tracing::warn!("commits are answered before they are synced to disk (accept_volatile)");
        }
        let operations = match config.operations {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let (shutdown, reload) = (signals::shutdown(), signals::reload_requests().map_err(RunError::Signals)?);
        let start = server_start(&location, &listener, operations.as_ref(), &access, engine.book().digest())?;
        let version = env!("CARGO_PKG_VERSION");
        let (url, store, book) = (&start.url, &start.store, start.book.to_string());
        tracing::info!(target: LIFE, version, url, store, book, callers = access.callers.count(), "started");
        started(&start);
        service_manager::ready();
        let shutdown = async {
            shutdown.await;
            service_manager::stopping();
            tracing::info!(target: LIFE, "stopping: a signal asked for it; calls in flight are finished");
        };
        let load_book = config.policies.map(|directory| Arc::new(move || Book::from_dir(&directory)) as _);
        let report_cache = Some(location.report_cache(config.report_cache.as_deref(), config.secret.as_deref()));
        let limits = config.server;
        let setup = ServerSetup { load_book, access, limits, operations, reload, metrics, watched, report_cache };
        let served = serve::serve_with(setup, Arc::new(engine), listener, shutdown).await;
        repeats::report_all();
        tracing::info!(target: LIFE, "stopped");
        Ok(served?)
    }
}

/// Puts the book of the configuration in use, unless it drops a word that is used.
async fn put_own_book_in_use<S: Store>(engine: &Engine<S>) -> Result<(), RunError> {
    let dropped = engine.put_own_book_in_use(&commit_stamp::now).await.map_err(RunError::Vocabulary)?;
    let book = engine.book();
    let faults: FileFaults = dropped.iter().map(|word| word.fault(book.vocabulary_file())).collect();
    if faults.is_empty() { Ok(()) } else { Err(RunError::DroppedWords(faults)) }
}

fn watched(config: &Config, location: &StoreLocation) -> Watched {
    let named = |name: &'static str, path: &Option<PathBuf>| path.clone().map(|path| (name, path));
    let certificates = [named("server", &config.tls_certificate), named("client_ca", &config.tls_client_ca)];
    Watched {
        certificates: certificates.into_iter().flatten().collect(),
        certificate_days: config.certificate_warning_days,
        register_days: config.register_warning_days,
        disk_reserve: (config.disk_reserve_mib as u64) << 20,
        directory: location.directory().map(Path::to_owned),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Listen { address, error })
}

fn open_access_log(config: &Config, location: &StoreLocation) -> Result<AccessLog, RunError> {
    let path = location.access_log(config.access_log.as_deref(), config.secret.as_deref());
    AccessLog::open(&path).map_err(|error| RunError::AccessLog { path, error })
}

fn server_start(
    location: &StoreLocation,
    listener: &TcpListener,
    operations: Option<&TcpListener>,
    access: &AccessSetup,
    book: Digest,
) -> Result<ServerStart, RunError> {
    let bound = |listener: &TcpListener| listener.local_addr().map_err(RunError::ListenerAddress);
    let scheme = if access.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", bound(listener)?);
    Ok(ServerStart { url, operations: operations.map(bound).transpose()?, store: location.to_string(), book })
}
