//! A server that a command runs for itself, on a loopback port.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::serve::{self as server, ServerLimits};
use crate::engine::{Engine, EngineSettings};
use crate::policy::Book;
use crate::store::Store;

use crate::cli::exit::Failure;

/// A server over a store.
pub struct Running<S> {
    engine: Arc<Engine<S>>,
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl<S: Store> Running<S> {
    /// Starts one that applies this book.
    ///
    /// # Errors
    /// If the store is refused, or no port can be had.
    pub async fn start(store: S, book: Book) -> Result<Running<S>, Failure> {
        let engine = Engine::open(store, book, EngineSettings::default()).await;
        let engine = Arc::new(engine.map_err(|error| Failure::Refused(error.to_string()))?);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| Failure::Unreachable(e.to_string()))?;
        let address = listener.local_addr().map_err(|error| Failure::Unreachable(error.to_string()))?;
        let (shutdown, end) = oneshot::channel::<()>();
        let served = server::serve(Arc::clone(&engine), listener, ServerLimits::default(), async {
            // Whether it is told to end or forgotten, it ends.
            let _told_or_forgotten = end.await;
        });
        Ok(Running { engine, address, shutdown, task: tokio::spawn(served) })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, and gives what it ran on.
    ///
    /// # Errors
    /// If it did not end as it should.
    pub async fn stop(self) -> Result<Arc<Engine<S>>, Failure> {
        let Running { engine, shutdown, task, .. } = self;
        // A server that ended by itself has nobody to tell; its task says why below.
        let _already_ended = shutdown.send(());
        let failed = |why: String| Failure::Unreachable(format!("the server failed: {why}"));
        task.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        Ok(engine)
    }
}
