//! The HTTP listener for health and metrics.
//!
//! It has neither TLS nor callers, because probes and scrapers have no certificates. It reveals no id of a person, claim
//! or hospital, and serves no call that changes anything. Its connections are few, and file descriptors are kept for them
//! (see `super::descriptors`), so that it answers whatever happens to the other listener.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::access::keyed_limit::{KeyedLimit, KeyedPermit};
use crate::telemetry::{Format, Metrics};

use super::connection::{ArrivalStream, Stream};
use super::readiness::ReadyState;

/// Open connections; further connections wait until one closes.
pub(super) const CONNECTIONS: usize = 64;

/// Open connections of one address; further connections are closed.
const CONNECTIONS_PER_ADDRESS: usize = 16;

/// The time until the first byte, and for the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// The HTTP/2 keepalive.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after the operating system could not accept a connection.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Serves health and metrics until it is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    health: HealthServer<impl Health>,
    metrics: Arc<Metrics>,
    ready_state: Arc<ReadyState>,
) -> Infallible {
    let router = Routes::new(health)
        .into_axum_router()
        .route("/metrics", get(move |headers| export_metrics(headers, metrics)))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(move || ready_response(ready_state)));
    let (total, addresses) = (Arc::new(Semaphore::new(CONNECTIONS)), KeyedLimit::new(CONNECTIONS_PER_ADDRESS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_ended) = connections.join_next() => {}
            accepted = accept(&listener, &total) => {
                let Some((stream, address, permit)) = accepted else { continue };
                if let Some(own) = addresses.try_acquire(&address) {
                    connections.spawn(serve_connection(stream, router.clone(), (permit, own)));
                }
            }
        }
    }
}

async fn accept(listener: &TcpListener, total: &Arc<Semaphore>) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(total).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address.ip(), permit)),
        Err(error) => {
            tracing::warn!(%error, "accepting a connection for health and metrics failed");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router, _permits: (OwnedSemaphorePermit, KeyedPermit<IpAddr>)) {
    let (connection, arrived) = ArrivalStream::new(Stream::Plain(stream), 1);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(KEEPALIVE_INTERVAL);
    builder.http2().keep_alive_timeout(KEEPALIVE_TIMEOUT);
    let silent = async {
        if tokio::time::timeout(HEADER_TIMEOUT, arrived).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = builder.serve_connection(TokioIo::new(connection), TowerToHyperService::new(router)) => {
            served.inspect_err(|error| tracing::debug!(%error, "a connection for health and metrics failed")).ok();
        }
        () = silent => {}
    }
}

/// The metrics in the format that the scraper asks for.
async fn export_metrics(headers: HeaderMap, metrics: Arc<Metrics>) -> impl IntoResponse {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accepted);
    match metrics.encode(format) {
        Some(text) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready_response(state: Arc<ReadyState>) -> impl IntoResponse {
    match state.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
    }
}
