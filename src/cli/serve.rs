//! `onestop serve`, and servers that a command starts for itself on a loopback port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::domain::ids::Digest;
use crate::engine::Engine;
use crate::grpc::activation::LoadBook;
use crate::policy::Book;
use crate::say;
use crate::server::access_setup::AccessSetup;
use crate::server::serve::{self as server, Law, Setup};
use crate::store::Store;
use crate::store::embedded::{Durability, EmbeddedStore};
use crate::store::redis::RedisSettings;

use super::admin::configure;
use super::cases::case;
use super::exit::{Ended, Failure};
use crate::server::configured_access as door;
use crate::server::local_server::Running;
use crate::server::store_location::{self as home, StoreLocation, With};

/// What `serve` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// A configuration file; what stands here comes before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The directory of the store, made if it is missing, or a Redis: redis://, redis-sentinel://,
    /// redis-cluster:// [default: onestop-store]
    #[arg(long, value_name = "DIR|URL")]
    store: Option<PathBuf>,
    /// The secret of a store on Redis, the same for every instance; `onestop secret FILE` makes one
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The archive that closed years of a store on Redis were moved to: a copy of its directory, for this instance alone
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// The replicas of a Redis that must have a commit before it is answered [default: 0]
    #[arg(long, value_name = "N")]
    replicas: Option<usize>,
    /// A directory of policy files in place of the shipped book
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Where to serve health and metrics, without TLS
    #[arg(long, value_name = "ADDRESS")]
    operations: Option<SocketAddr>,
    /// Serve beyond loopback without asking who calls
    #[arg(long)]
    accept_anonymous: bool,
    /// Answer before bytes are synced: a power cut may take acknowledged settlements
    #[arg(long)]
    accept_volatile: bool,
    /// The most calls in flight; those beyond are shed before any work [default: 1024]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    in_flight: Option<usize>,
    /// The most claims of one stream that are taken and whose answers were not read [default: 256]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    stream_window: Option<usize>,
}

impl Options {
    /// The configuration that file and command line give.
    fn config(&self) -> Result<Config, Failure> {
        let mut config = configure::read(self.config.as_deref())?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.store = self.store.clone().unwrap_or(config.store);
        config.secret = self.secret.clone().or(config.secret);
        config.archive = self.archive.clone().or(config.archive);
        config.replicas = self.replicas.unwrap_or(config.replicas);
        config.policies = self.policies.clone().or(config.policies);
        config.operations = self.operations.or(config.operations);
        config.accept_anonymous |= self.accept_anonymous;
        config.accept_volatile |= self.accept_volatile;
        config.server.in_flight = self.in_flight.unwrap_or(config.server.in_flight);
        config.server.stream_window = self.stream_window.unwrap_or(config.server.stream_window);
        Ok(config)
    }
}

/// Serves until a signal to end (SIGINT or SIGTERM), then until the calls in flight are answered.
///
/// # Errors
/// Exit 1 if policies, address or store are refused.
pub async fn run(options: &Options) -> Ended {
    let config = options.config()?;
    let door = door::of(&config)?;
    let home = StoreLocation::of(&config.store)?;
    let told = home.to_string();
    match home {
        StoreLocation::Directory(path) => {
            home::no_archive(config.archive.as_deref())?;
            let durability = if config.accept_volatile { Durability::Volatile } else { Durability::Synced };
            serve(home::directory(&path, durability)?, &told, door, config).await
        }
        StoreLocation::Redis(address) => {
            let (accept_volatile, replicas) = (config.accept_volatile, config.replicas);
            let settings = RedisSettings { accept_volatile, replicas, ..RedisSettings::default() };
            let with = With { secret: config.secret.as_deref(), archive: config.archive.as_deref() };
            serve(home::redis(address, with, settings).await?, &told, door, config).await
        }
    }
}

async fn serve<S: Store>(store: S, told: &str, door: AccessSetup, config: Config) -> Ended {
    let book = case::book(config.policies.as_deref())?;
    let listener = bind(config.listen).await?;
    let engine = Engine::open(store, book, config.engine.clone()).await;
    let engine = Arc::new(engine.map_err(|error| Failure::Refused(error.to_string()))?);
    let door = AccessSetup { log: door::log(&config)?, ..door };
    if config.accept_volatile {
        tracing::warn!("answers do not wait for the disk (accept_volatile)");
    }
    let operations = match config.operations {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let (ended, reload) = (ended(), hangups()?);
    tell(told, &listener, operations.as_ref(), &door, engine.book().digest())?;
    let stopping = async {
        ended.await;
        tracing::info!("stopping: no new connections, calls in flight are answered");
    };
    let law = Law { read: config.policies.map(read_book) };
    let setup = Setup { law, door, limits: config.server, operations, reload };
    let served = server::serve_with(setup, engine, listener, stopping).await;
    tracing::info!("stopped");
    served.map_err(|error| Failure::Unreachable(format!("the server failed: {error}")))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure::Refused(format!("{address}: {error}")))
}

/// Says where it serves, and what.
fn tell(
    store: &str,
    listener: &TcpListener,
    operations: Option<&TcpListener>,
    door: &AccessSetup,
    book: Digest,
) -> Result<(), Failure> {
    let address = |of: &TcpListener| of.local_addr().map_err(|error| Failure::Usage(error.to_string()));
    let scheme = if door.tls.is_some() { "https" } else { "http" };
    let beside = operations.map(address).transpose()?;
    let beside = beside.map_or_else(String::new, |address| format!(", health and metrics on http://{address}"));
    let address = address(listener)?;
    say!("onestop serves on {scheme}://{address}, store {store}, book {book}{beside}");
    tracing::info!(%address, callers = door.callers.count(), "serving");
    Ok(())
}

/// Reads the directory anew.
fn read_book(directory: PathBuf) -> LoadBook {
    Arc::new(move || Book::from_dir(&directory))
}

/// A hangup (SIGHUP) asks for policies, certificates and callers to be read anew, and the access log to be opened anew. Several at once ask once.
fn hangups() -> Result<mpsc::Receiver<()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangups = signal(SignalKind::hangup()).map_err(|error| Failure::Usage(error.to_string()))?;
    let (ask, asked) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            // One that waits already is enough.
            let _waiting = ask.try_send(());
        }
    });
    Ok(asked)
}

/// A limit of a million is more than any server takes, and far from what the program cannot count.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(|| "is not 1 to 1000000".to_owned())
}

/// Ends when the process is asked to. The signals are caught from this call on, not from the first wait: what
/// says "serving" may be ended at once.
pub fn ended() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            // Without signals the process can only be killed, which the store survives.
            _ => std::future::pending().await,
        }
    }
}

/// A server of a command's own: a loopback port, a fresh embedded store in a temporary directory.
pub struct Own {
    running: Running<EmbeddedStore>,
    directory: PathBuf,
}

impl Own {
    /// Starts one that applies this book.
    ///
    /// # Errors
    /// If directory or port cannot be had.
    pub async fn start(book: Book) -> Result<Own, Failure> {
        let directory = std::env::temp_dir().join(format!("onestop-{}", uuid::Uuid::now_v7()));
        let store = home::directory(&directory, Durability::Synced)?;
        Ok(Own { running: Running::start(store, book).await?, directory })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        self.running.url()
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends it and removes its directory.
    ///
    /// # Errors
    /// If it did not end as it should.
    pub async fn stop(self) -> Result<(), Failure> {
        let Own { running, directory } = self;
        drop(running.stop().await?);
        let failed = |error| Failure::Unreachable(format!("{}: {error}", directory.display()));
        std::fs::remove_dir_all(&directory).map_err(failed)
    }
}
