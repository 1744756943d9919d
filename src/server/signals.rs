//! The signals of a server process: SIGINT and SIGTERM end it, SIGHUP reloads its files.

use std::future::Future;
use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Completes upon SIGINT or SIGTERM. The signals are caught from this call on, not from the first poll: a process that
/// has announced itself may be stopped at once.
pub fn shutdown() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            // Without signal handlers the process can only be killed, which the store survives.
            _ => std::future::pending().await,
        }
    }
}

/// One message per SIGHUP; several that arrive before a reload count as one.
///
/// # Errors
/// If the signal cannot be caught.
pub(super) fn reload_requests() -> io::Result<mpsc::Receiver<()>> {
    let mut hangups = signal(SignalKind::hangup())?;
    let (request, requests) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            // A full channel already holds a request.
            let _already_requested = request.try_send(());
        }
    });
    Ok(requests)
}
