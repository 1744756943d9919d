//! What operators ask of a server: to drain, and, on a listener of its own, health and metrics.
//!
//! That listener has neither TLS nor callers, for probes and scrapers have no certificates; it tells no id of a
//! person, claim or hospital, and takes no call that does anything.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::telemetry::Metrics;

use super::authorize::Permitted;
use super::pb::operations as pb;
use super::pb::operations::operations_service_server::OperationsService;

/// The media type of the metrics.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The service.
pub struct Operations {
    drain: Arc<Notify>,
    in_flight: Arc<Semaphore>,
    places: usize,
}

impl Operations {
    /// One that tells `drain` when the server is to end; of so many places for calls in flight.
    pub fn new(drain: Arc<Notify>, in_flight: Arc<Semaphore>, places: usize) -> Operations {
        Operations { drain, in_flight, places }
    }
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn drain(&self, request: Request<pb::DrainRequest>) -> Result<Response<pb::DrainResponse>, Status> {
        let by = Permitted::of(&request)?.caller;
        let beside = self.places.saturating_sub(self.in_flight.available_permits() + 1);
        tracing::warn!(caller = &*by.name, "asked to drain");
        self.drain.notify_one();
        Ok(Response::new(pb::DrainResponse { calls_in_flight: u32::try_from(beside).unwrap_or(u32::MAX) }))
    }
}

/// Serves health and metrics until it is dropped.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    health: HealthServer<impl Health>,
    metrics: Arc<Metrics>,
) -> Result<(), tonic::transport::Error> {
    let told = Arc::clone(&metrics);
    let router = Routes::new(health)
        .into_axum_router()
        .route("/metrics", get(move || text(told)))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(move || ready(metrics)));
    let server = Server::builder().accept_http1(true).add_routes(Routes::from(router));
    server.serve_with_incoming(TcpIncoming::from(listener)).await
}

async fn text(metrics: Arc<Metrics>) -> impl IntoResponse {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(metrics: Arc<Metrics>) -> impl IntoResponse {
    if metrics.is_ready() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
