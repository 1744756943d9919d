//! A collector that takes traces, metrics and logs over OTLP/gRPC and counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::measure::Failed;

/// What a collector received.
#[derive(Clone, Default)]
pub struct Collector(Arc<Received>);

#[derive(Default)]
struct Received {
    spans: AtomicU64,
    metrics: AtomicU64,
    logs: AtomicU64,
}

impl Collector {
    /// Starts one with a thread and a runtime of its own, and returns its URL.
    pub fn start() -> Result<(Collector, String), Failed> {
        let (collector, listener) = (Collector::default(), std::net::TcpListener::bind("127.0.0.1:0")?);
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let server = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()).max_decoding_message_size(usize::MAX))
            .add_service(MetricsServiceServer::new(collector.clone()))
            .add_service(LogsServiceServer::new(collector.clone()).max_decoding_message_size(usize::MAX));
        std::thread::spawn(move || {
            runtime.block_on(async {
                let incoming = TcpListenerStream::new(tokio::net::TcpListener::from_std(listener)?);
                Ok::<(), Failed>(server.serve_with_incoming(incoming).await?)
            })
        });
        Ok((collector, url))
    }

    /// Spans, metrics and log records so far.
    pub fn counts(&self) -> [u64; 3] {
        let Received { spans, metrics, logs } = &*self.0;
        [spans, metrics, logs].map(|count| count.load(Ordering::Relaxed))
    }
}

fn count(counter: &AtomicU64, lengths: impl Iterator<Item = usize>) {
    counter.fetch_add(lengths.sum::<usize>() as u64, Ordering::Relaxed);
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        count(&self.0.spans, resources.flat_map(|resource| resource.scope_spans).map(|scope| scope.spans.len()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        count(&self.0.metrics, resources.flat_map(|resource| resource.scope_metrics).map(|scope| scope.metrics.len()));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let resources = request.into_inner().resource_logs.into_iter();
        count(&self.0.logs, resources.flat_map(|resource| resource.scope_logs).map(|scope| scope.log_records.len()));
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}
