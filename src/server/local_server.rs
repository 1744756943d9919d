//! A server that a command runs for itself, on a loopback port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

use crate::config::ServerLimits;
use crate::engine::{Engine, EngineSettings};
use crate::policy::Book;
use crate::store::embedded::{self, Durability, EmbeddedStore};
use crate::store::redis::address::Address;
use crate::store::redis::{self, RedisSettings, RedisStore};
use crate::store::tiered::TieredStore;
use crate::store::{Store, StoreError, secret_file};

use super::serve::{ServeError, serve};

/// A server over a fresh store that is removed when the server stops.
pub enum TemporaryServer {
    /// The store is in a directory of its own under the temporary directory.
    Directory {
        /// The server.
        server: LocalServer<EmbeddedStore>,
        /// The directory.
        directory: PathBuf,
    },
    /// The store is on a Redis, under a prefix of its own.
    Redis(LocalServer<TieredStore<RedisStore, EmbeddedStore>>),
}

/// Why a server for a command's own use failed.
#[derive(Debug, thiserror::Error)]
pub enum LocalServerError {
    /// The store cannot be opened.
    #[error(transparent)]
    Directory(#[from] embedded::OpenError),
    /// The store cannot be opened.
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
    /// The system gives no randomness for a secret.
    #[error("cannot generate a secret for the temporary store: the system's random source failed: {0}")]
    Secret(std::io::Error),
    /// The engine refuses the store.
    #[error(transparent)]
    Engine(StoreError),
    /// No loopback port is available.
    #[error("cannot listen on loopback: {0}")]
    Listen(std::io::Error),
    /// The server failed while serving.
    #[error("the temporary server failed while serving: {0}")]
    Serve(#[from] ServeError),
    /// The server's task ended early.
    #[error("the task of the temporary server panicked or was cancelled: {0}")]
    Task(#[from] JoinError),
    /// The store cannot be removed afterwards.
    #[error("cannot remove {path}: {error}")]
    RemoveDirectory {
        /// The directory of the store.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// The store cannot be removed afterwards.
    #[error("cannot remove the store on Redis: {0}")]
    RemoveRedis(StoreError),
}

impl TemporaryServer {
    /// Starts a server over a fresh store in a temporary directory.
    ///
    /// # Errors
    /// If directory or port are not available.
    pub async fn in_directory(book: Book) -> Result<TemporaryServer, LocalServerError> {
        let directory = std::env::temp_dir().join(format!("onestop-{}", uuid::Uuid::now_v7()));
        let store = EmbeddedStore::open(&directory, Durability::Synced)?;
        Ok(TemporaryServer::Directory { server: LocalServer::start(store, book).await?, directory })
    }

    /// Starts a server over a fresh store on this Redis, under a prefix of its own below the prefix of the address.
    ///
    /// # Errors
    /// If Redis or port are not available.
    pub async fn on_redis(address: &Address, book: Book) -> Result<TemporaryServer, LocalServerError> {
        let prefix = format!("{}-case-{}", address.prefix, uuid::Uuid::now_v7());
        let secret = secret_file::generate().map_err(LocalServerError::Secret)?;
        let store = RedisStore::open(Address { prefix, ..address.clone() }, secret, RedisSettings::default()).await?;
        // The store type of `onestop serve` on Redis, so that the program compiles one server for both.
        Ok(TemporaryServer::Redis(LocalServer::start(TieredStore::new(store, None), book).await?))
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        match self {
            TemporaryServer::Directory { server, .. } => server.url(),
            TemporaryServer::Redis(server) => server.url(),
        }
    }

    /// The directory of the store, if it is in one.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            TemporaryServer::Directory { directory, .. } => Some(directory),
            TemporaryServer::Redis(_) => None,
        }
    }

    /// Stops the server and removes its store.
    ///
    /// # Errors
    /// If the server failed, or the store cannot be removed.
    pub async fn stop(self) -> Result<(), LocalServerError> {
        match self {
            TemporaryServer::Directory { server, directory: path } => {
                drop(server.stop().await?);
                std::fs::remove_dir_all(&path).map_err(|error| LocalServerError::RemoveDirectory { path, error })
            }
            TemporaryServer::Redis(server) => {
                let engine = server.stop().await?;
                engine.store().live().remove().await.map_err(LocalServerError::RemoveRedis)
            }
        }
    }
}

/// A server over a store, on a loopback port, in a task of its own.
pub struct LocalServer<S> {
    engine: Arc<Engine<S>>,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl<S: Store> LocalServer<S> {
    async fn start(store: S, book: Book) -> Result<LocalServer<S>, LocalServerError> {
        let engine = Engine::open(store, book, EngineSettings::default()).await;
        let engine = Arc::new(engine.map_err(LocalServerError::Engine)?);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(LocalServerError::Listen)?;
        let address = listener.local_addr().map_err(LocalServerError::Listen)?;
        let (shutdown, shutdown_requested) = oneshot::channel::<()>();
        let serving = serve(Arc::clone(&engine), listener, ServerLimits::default(), async {
            // A dropped sender also stops the server.
            let _requested_or_dropped = shutdown_requested.await;
        });
        Ok(LocalServer { engine, address, shutdown, task: tokio::spawn(serving) })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn stop(self) -> Result<Arc<Engine<S>>, LocalServerError> {
        let LocalServer { engine, shutdown, task, .. } = self;
        // If the server already ended, its task reports why.
        let _already_ended = shutdown.send(());
        task.await??;
        Ok(engine)
    }
}
