//! A collector: it takes traces, metrics and logs over OTLP/gRPC and keeps them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use crate::support::otlp::{ReceiveExports, collector_services};

/// A collector.
#[derive(Clone, Default)]
pub struct Collector(Arc<Received>);

#[derive(Default)]
struct Received {
    traces: Mutex<Vec<ExportTraceServiceRequest>>,
    metrics: Mutex<Vec<ExportMetricsServiceRequest>>,
    logs: Mutex<Vec<ExportLogsServiceRequest>>,
}

impl Collector {
    /// Starts one on a free port, and returns its URL.
    pub async fn start() -> (Collector, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let collector = Collector::default();
        let server = collector_services(&collector.0);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, url)
    }

    /// Every span, with the name of the service that made it.
    pub fn spans(&self) -> Vec<(String, Span)> {
        let requests = self.0.traces.lock().expect("no panic").clone();
        let resources = requests.into_iter().flat_map(|request| request.resource_spans);
        let spans = resources.flat_map(|resource| {
            let service = resource.resource.map(|own| attribute(&own.attributes, "service.name")).expect("a resource");
            let spans: Vec<_> = resource.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
            spans.into_iter().map(move |span| (service.clone(), span))
        });
        spans.collect()
    }

    /// Every metric.
    pub fn metrics(&self) -> Vec<Metric> {
        let requests = self.0.metrics.lock().expect("no panic").clone();
        let resources = requests.into_iter().flat_map(|request| request.resource_metrics);
        resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics).collect()
    }

    /// Every log record.
    pub fn logs(&self) -> Vec<LogRecord> {
        let requests = self.0.logs.lock().expect("no panic").clone();
        let resources = requests.into_iter().flat_map(|request| request.resource_logs);
        resources.flat_map(|resource| resource.scope_logs).flat_map(|scope| scope.log_records).collect()
    }

    /// All that was received, as text.
    pub fn text(&self) -> String {
        let Received { traces, metrics, logs } = &*self.0;
        format!("{traces:?}{metrics:?}{logs:?}")
    }

    /// Waits until a condition holds of what was received.
    pub async fn until(&self, what: &str, holds: impl Fn(&Collector) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "{what} was not received: {:?}", self.spans());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The text of an attribute; empty if there is none.
pub fn attribute(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_ref()?.value.clone());
    match value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

impl ReceiveExports for Received {
    fn receive_traces(&self, request: ExportTraceServiceRequest) {
        self.traces.lock().expect("no panic").push(request);
    }

    fn receive_metrics(&self, request: ExportMetricsServiceRequest) {
        self.metrics.lock().expect("no panic").push(request);
    }

    fn receive_logs(&self, request: ExportLogsServiceRequest) {
        self.logs.lock().expect("no panic").push(request);
    }
}
