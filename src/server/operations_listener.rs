//! The HTTP listener for health and metrics.
//!
//! It has neither TLS nor callers, because probes and scrapers have no certificates. It reveals no id of a person, claim
//! or hospital, and serves no call that changes anything.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::telemetry::Metrics;

/// The media type of the metrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves health and metrics until it is dropped.
///
/// # Errors
/// If the listener fails.
pub(super) async fn serve(
    listener: TcpListener,
    health: HealthServer<impl Health>,
    metrics: Arc<Metrics>,
) -> Result<(), tonic::transport::Error> {
    let exported = Arc::clone(&metrics);
    let router = Routes::new(health)
        .into_axum_router()
        .route("/metrics", get(move || export(exported)))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(move || ready(metrics)));
    let server = Server::builder().accept_http1(true).add_routes(Routes::from(router));
    server.serve_with_incoming(TcpIncoming::from(listener)).await
}

async fn export(metrics: Arc<Metrics>) -> impl IntoResponse {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(metrics: Arc<Metrics>) -> impl IntoResponse {
    if metrics.is_ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
