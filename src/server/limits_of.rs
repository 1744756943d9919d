//! The limits of each part of a server, from its configuration.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::ServerLimits;
use crate::grpc::authorize::{Authorizer, CallLimits};
use crate::grpc::import_stream::ImportLimits;
use crate::grpc::open_calls::ConnectionTimes;
use crate::grpc::stream::Streams;

use super::accept::ConnectionLimits;
use super::descriptors;

/// The limits of calls.
pub(super) fn call_limits(limits: &ServerLimits) -> CallLimits {
    CallLimits {
        in_flight: limits.in_flight,
        caller_streams: limits.caller_streams,
        bytes: limits.memory_bytes,
        duration: Duration::from_secs(limits.call_seconds),
    }
}

/// The limits of streams of claims.
pub(super) fn stream_settings(
    limits: &ServerLimits,
    authorizer: &Arc<Authorizer>,
    shutdown: &watch::Receiver<bool>,
) -> Streams {
    Streams {
        window: limits.stream_window,
        shutdown: shutdown.clone(),
        authorizer: Arc::clone(authorizer),
        max_duration: Duration::from_secs(limits.call_seconds),
        idle: Duration::from_secs(limits.stream_idle_seconds),
    }
}

/// The limits of imports.
pub(super) fn import_limits(limits: &ServerLimits) -> ImportLimits {
    ImportLimits {
        total: limits.imports,
        per_caller: limits.caller_imports,
        idle: Duration::from_secs(limits.import_idle_seconds),
        duration: Duration::from_secs(limits.import_seconds),
    }
}

/// The limits of lists that are reconciled, which take as long as imports.
pub(super) fn reconciliation_limits(limits: &ServerLimits) -> ImportLimits {
    ImportLimits { total: limits.reconciliations, per_caller: limits.caller_reconciliations, ..import_limits(limits) }
}

/// The limits of connections.
pub(super) fn connection_limits(limits: &ServerLimits) -> ConnectionLimits {
    ConnectionLimits {
        total: descriptors::affordable_connections(limits),
        per_caller: limits.caller_connections,
        handshakes_per_address: limits.address_handshakes,
        handshake: Duration::from_secs(limits.handshake_seconds),
        times: ConnectionTimes {
            call: Duration::from_secs(limits.call_seconds),
            unread: Duration::from_secs(limits.unread_seconds),
            idle: Duration::from_secs(limits.idle_seconds),
        },
        bytes: limits.connection_memory_bytes,
    }
}
