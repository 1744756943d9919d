//! `onestop serve`, and servers that a command starts for itself on a loopback port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::engine::{Engine, Settings};
use crate::grpc::activation::ReadBook;
use crate::grpc::server::{self, Law, Limits};
use crate::policy::Book;
use crate::say;
use crate::store::embedded::{Durability, EmbeddedStore};

use super::exit::{Ended, Failure};
use super::{case, configure};

/// What `serve` is told.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// A configuration file; what stands here comes before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The directory of the store; made if it is missing [default: onestop-store]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// A directory of policy files in place of the shipped book
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
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
        config.policies = self.policies.clone().or(config.policies);
        config.accept_volatile |= self.accept_volatile;
        config.limits.in_flight = self.in_flight.unwrap_or(config.limits.in_flight);
        config.limits.stream_window = self.stream_window.unwrap_or(config.limits.stream_window);
        Ok(config)
    }
}

/// Serves until a signal to end (SIGINT or SIGTERM), then until the calls in flight are answered.
///
/// # Errors
/// Exit 1 if policies, address or store are refused.
pub async fn run(options: &Options) -> Ended {
    let Config { listen, store, policies, accept_volatile, settings, limits } = options.config()?;
    let durability = if accept_volatile { Durability::Volatile } else { Durability::Synced };
    let book = case::book(policies.as_deref()).map_err(super::policy::refused)?;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| Failure::Refused(format!("{listen}: {error}")))?;
    let engine = open(&store, book, durability, settings).await?;
    if accept_volatile {
        tracing::warn!("answers do not wait for the disk (accept_volatile)");
    }
    let address = listener.local_addr().map_err(|error| Failure::Usage(error.to_string()))?;
    let (ended, asked) = (ended(), hangups()?);
    say!("onestop serves on http://{address}, store {}, book {}", store.display(), engine.book().digest());
    tracing::info!(%address, "serving");
    let stopping = async {
        ended.await;
        tracing::info!("stopping: no new connections, calls in flight are answered");
    };
    let law = Law { read: read_book(policies), asked };
    let served = server::serve_under(law, engine, listener, limits, stopping).await;
    tracing::info!("stopped");
    served.map_err(|error| Failure::Unreachable(format!("the server failed: {error}")))
}

/// Reads the directory anew; the shipped book has none.
fn read_book(policies: Option<PathBuf>) -> ReadBook {
    match policies {
        Some(directory) => Arc::new(move || Book::from_dir(&directory)),
        None => Law::fixed().read,
    }
}

/// A hangup (SIGHUP) asks for the policies to be read anew. Several at once ask once.
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

async fn open(
    store: &Path,
    book: Book,
    durability: Durability,
    settings: Settings,
) -> Result<Arc<Engine<EmbeddedStore>>, Failure> {
    let store = EmbeddedStore::open(store, durability).map_err(|error| Failure::Refused(error.to_string()))?;
    let engine = Engine::open(store, book, settings).await;
    Ok(Arc::new(engine.map_err(|error| Failure::Refused(error.to_string()))?))
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
    engine: Arc<Engine<EmbeddedStore>>,
    address: SocketAddr,
    directory: PathBuf,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Own {
    /// Starts one that applies this book.
    ///
    /// # Errors
    /// If directory or port cannot be had.
    pub async fn start(book: Book) -> Result<Own, Failure> {
        let directory = std::env::temp_dir().join(format!("onestop-{}", uuid::Uuid::now_v7()));
        let engine = open(&directory, book, Durability::Synced, Settings::default()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| Failure::Unreachable(e.to_string()))?;
        let address = listener.local_addr().map_err(|error| Failure::Unreachable(error.to_string()))?;
        let (shutdown, end) = oneshot::channel::<()>();
        let served = server::serve(Arc::clone(&engine), listener, Limits::default(), async {
            // Whether it is told to end or forgotten, it ends.
            let _told_or_forgotten = end.await;
        });
        Ok(Own { engine, address, directory, shutdown, task: tokio::spawn(served) })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
        let Own { engine, directory, shutdown, task, .. } = self;
        // A server that ended by itself has nobody to tell; its task says why below.
        let _already_ended = shutdown.send(());
        let failed = |why: String| Failure::Unreachable(format!("the server failed: {why}"));
        task.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        drop(engine);
        std::fs::remove_dir_all(&directory).map_err(|error| failed(format!("{}: {error}", directory.display())))
    }
}
