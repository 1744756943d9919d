//! A server for the load alone: on a loopback port, over a store in a temporary directory that is removed afterwards. It
//! has a thread and a runtime of its own, as a server process has.

use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::cli::error::load::LoadError;
use crate::policy::Book;
use crate::server::local_server::{LocalServerError, TemporaryServer};

/// The server.
pub(super) struct OwnServer {
    /// Its URL.
    pub(super) url: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), LocalServerError>>,
}

impl OwnServer {
    /// Starts a server that applies this book.
    ///
    /// # Errors
    /// If it cannot start.
    pub(super) fn start(book: Book) -> Result<OwnServer, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LoadError::Runtime)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, url) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let server = TemporaryServer::in_directory(book).await?;
                // A load that no longer waits for the server drops the other end, which also stops the server.
                let _no_longer_awaited = started.send(server.url());
                let _stopped_or_dropped = stopped.await;
                server.stop().await
            })
        });
        match url.recv() {
            Ok(url) => Ok(OwnServer { url, stop, thread }),
            Err(_) => Err(joined(thread).err().unwrap_or(LoadError::ServerThread)),
        }
    }

    /// Stops the server and removes its store.
    ///
    /// # Errors
    /// If the server failed, or the store cannot be removed.
    pub(super) fn stop(self) -> Result<(), LoadError> {
        // If the server already ended, its thread reports why.
        let _already_ended = self.stop.send(());
        joined(self.thread)
    }
}

fn joined(thread: JoinHandle<Result<(), LocalServerError>>) -> Result<(), LoadError> {
    Ok(thread.join().map_err(|_panicked| LoadError::ServerThread)??)
}
