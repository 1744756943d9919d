//! A collector that takes traces, metrics and logs over OTLP/gRPC and counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio_stream::wrappers::TcpListenerStream;

use super::measure::Failed;
use super::otlp::{ReceiveExports, collector_services};

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
        let server = collector_services(&collector.0);
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

impl ReceiveExports for Received {
    fn receive_traces(&self, request: ExportTraceServiceRequest) {
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        count(&self.spans, scopes.map(|scope| scope.spans.len()));
    }

    fn receive_metrics(&self, request: ExportMetricsServiceRequest) {
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        count(&self.metrics, scopes.map(|scope| scope.metrics.len()));
    }

    fn receive_logs(&self, request: ExportLogsServiceRequest) {
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        count(&self.logs, scopes.map(|scope| scope.log_records.len()));
    }
}
