//! Tells systemd when the server is ready, reloads and stops. Without a service manager this does nothing.

use sd_notify::NotifyState;

/// Sends the state; a service manager that does not receive it reports a timeout itself.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager was not notified");
    }
}

/// The server serves.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The server begins to reload its files.
pub(super) fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

/// The server stops.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}
