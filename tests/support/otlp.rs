//! The services of a collector that takes traces, metrics and logs over OTLP/gRPC; what becomes of them is the caller's.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tonic::transport::server::Router;
use tonic::{Request, Response, Status};

/// What becomes of exported traces, metrics and logs.
pub trait ReceiveExports: Send + Sync + 'static {
    /// Takes traces.
    fn receive_traces(&self, request: ExportTraceServiceRequest);
    /// Takes metrics.
    fn receive_metrics(&self, request: ExportMetricsServiceRequest);
    /// Takes logs.
    fn receive_logs(&self, request: ExportLogsServiceRequest);
}

/// The three services over what receives them; messages may have any size.
pub fn collector_services<R: ReceiveExports>(receiver: &Arc<R>) -> Router {
    let services = || Services(Arc::clone(receiver));
    tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(services()).max_decoding_message_size(usize::MAX))
        .add_service(MetricsServiceServer::new(services()).max_decoding_message_size(usize::MAX))
        .add_service(LogsServiceServer::new(services()).max_decoding_message_size(usize::MAX))
}

struct Services<R>(Arc<R>);

#[tonic::async_trait]
impl<R: ReceiveExports> TraceService for Services<R> {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.receive_traces(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl<R: ReceiveExports> MetricsService for Services<R> {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.receive_metrics(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl<R: ReceiveExports> LogsService for Services<R> {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.0.receive_logs(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
