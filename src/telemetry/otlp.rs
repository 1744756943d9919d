//! The log of the process, and the export of traces, metrics and logs over OTLP/gRPC.
//!
//! Without an endpoint nothing is exported: no span is made, and the log goes to standard error alone. The exporters have
//! a thread and a runtime of their own, so that they do not delay calls. Their further settings (headers, time limits,
//! intervals, sizes of batches) come from the standard variables of OpenTelemetry.

use std::env;
use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::runtime::Runtime;
use tonic::transport::ClientTlsConfig;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::filter::{DynFilterFn, FilterExt, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use super::Metrics;
use super::call_span;
use super::expected_series::ExpectedSeries;
use super::repeats::Unrepeated;
use super::settings::OtlpSettings;

/// The name of the service, unless it is configured.
const SERVICE_NAME: &str = "onestop";

/// The spans that begin a trace; every other span exists only within one.
const ROOT_SPANS: [&str; 3] = ["call", "request", "sync"];

/// Why telemetry cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The settings of an exporter cannot be used.
    #[error("telemetry cannot be exported: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The exporters' thread cannot start.
    #[error("the thread that exports telemetry cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The telemetry of the process.
pub struct Telemetry {
    exports: Option<Exports>,
}

struct Exports {
    runtime: Runtime,
    resource: Resource,
    endpoint: Option<String>,
    traces: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

/// A kind of telemetry.
#[derive(Clone, Copy)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    /// The endpoint of this kind, by its own standard variable or the common setting; `None` if it is not exported.
    fn endpoint(self, common: Option<&str>) -> Option<String> {
        let name = match self {
            Signal::Traces => "TRACES",
            Signal::Metrics => "METRICS",
            Signal::Logs => "LOGS",
        };
        let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || variable(&format!("OTEL_{name}_EXPORTER")).is_some_and(|value| value == "none");
        let own = variable(&format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT"));
        own.or_else(|| common.map(str::to_owned)).filter(|_| !disabled)
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

impl Telemetry {
    /// Starts the log of the process, and the export of traces and logs if an endpoint is set. `log_level` is what is
    /// logged unless ONESTOP_LOG says otherwise.
    ///
    /// # Errors
    /// If the settings of an exporter cannot be used.
    pub fn start(settings: &OtlpSettings, log_level: &str) -> Result<Telemetry, TelemetryError> {
        let exports = Exports::start(settings)?;
        // A test may have installed a subscriber of its own.
        let _installed = tracing_subscriber::registry().with(layers(exports.as_ref(), log_level)).try_init();
        Ok(Telemetry { exports })
    }

    /// The metrics of a server, exported if an endpoint is set.
    ///
    /// # Errors
    /// If the settings of the exporter cannot be used.
    pub fn metrics(&self, expected: ExpectedSeries) -> Result<Metrics, TelemetryError> {
        let mut provider = SdkMeterProvider::builder();
        if let Some(exports) = &self.exports
            && let Some(endpoint) = Signal::Metrics.endpoint(exports.endpoint.as_deref())
        {
            let _in_its_runtime = exports.runtime.enter();
            let exporter = at(MetricExporter::builder().with_tonic(), endpoint).build()?;
            provider = provider.with_resource(exports.resource.clone()).with_periodic_exporter(exporter);
        }
        Ok(Metrics::new(provider, expected))
    }

    /// Exports what was not exported yet. It blocks, for a few seconds at most.
    pub fn shutdown(self) {
        let Some(exports) = self.exports else { return };
        let traces = exports.traces.map_or(Ok(()), |traces| traces.shutdown());
        let logs = exports.logs.map_or(Ok(()), |logs| logs.shutdown());
        for error in [traces, logs].into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "telemetry was not exported at the end");
        }
        exports.runtime.shutdown_background();
    }
}

/// The log, and the export of what is exported. A layer that is absent must not be in the stack: with an `Option` that is
/// `None` above a layer that has a filter, every span is made, also one that every filter refuses.
fn layers(exports: Option<&Exports>, log_level: &str) -> Vec<BoxedLayer> {
    let filter = || EnvFilter::try_from_env("ONESTOP_LOG").unwrap_or_else(|_| EnvFilter::new(log_level));
    let log = fmt::layer().with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() {
        log.boxed()
    } else {
        log.json().with_current_span(false).with_span_list(false).boxed()
    };
    let mut layers = vec![log.with_filter(filter().and(Unrepeated)).boxed()];
    layers.extend(exports.and_then(|exports| exports.traces.as_ref()).map(|traces| {
        let layer = tracing_opentelemetry::layer().with_tracer(traces.tracer("onestop"));
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_level(false);
        let layer = layer.with_tracked_inactivity(false);
        layer.with_filter(own_spans()).boxed()
    }));
    layers.extend(exports.and_then(|exports| exports.logs.as_ref()).map(|logs| {
        let own = filter_fn(|metadata| metadata.is_event() && is_own(metadata));
        OpenTelemetryTracingBridge::new(logs).with_filter(own).with_filter(filter()).boxed()
    }));
    layers
}

impl Exports {
    /// `None` if nothing is to be exported.
    fn start(settings: &OtlpSettings) -> Result<Option<Exports>, TelemetryError> {
        let common = settings.endpoint.as_deref();
        let [traces, metrics, logs] =
            [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| signal.endpoint(common));
        if traces.is_none() && metrics.is_none() && logs.is_none() {
            return Ok(None);
        }
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("telemetry").enable_all().build()?;
        let resource = resource(settings);
        let entered = runtime.enter();
        let sampler = settings.sampler.sampler(settings.sampled_share);
        let traces = traces.map(|endpoint| tracer(endpoint, &resource, sampler)).transpose()?;
        let logs = logs.map(|endpoint| logger(endpoint, &resource)).transpose()?;
        drop(entered);
        Ok(Some(Exports { runtime, resource, endpoint: settings.endpoint.clone(), traces, logs }))
    }
}

fn resource(settings: &OtlpSettings) -> Resource {
    let name = settings.service_name.clone().unwrap_or_else(|| SERVICE_NAME.to_owned());
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let instance = opentelemetry::KeyValue::new("service.instance.id", uuid::Uuid::now_v7().to_string());
    Resource::builder().with_service_name(name).with_attributes([version, instance]).build()
}

fn tracer(endpoint: String, resource: &Resource, sampler: Sampler) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = at(SpanExporter::builder().with_tonic(), endpoint).build()?;
    call_span::trace_with(sampler);
    // What is not sampled has no span, so every span is exported.
    let builder = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOn).with_resource(resource.clone());
    Ok(builder.with_batch_exporter(exporter).build())
}

fn logger(endpoint: String, resource: &Resource) -> Result<SdkLoggerProvider, TelemetryError> {
    let exporter = at(LogExporter::builder().with_tonic(), endpoint).build()?;
    Ok(SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(exporter).build())
}

/// An exporter to this endpoint.
fn at<B: WithExportConfig + WithTonicConfig>(builder: B, endpoint: String) -> B {
    let builder = if endpoint.starts_with("https://") { builder.with_tls_config(tls()) } else { builder };
    builder.with_endpoint(endpoint)
}

/// TLS to a collector with an `https` URL; the authorities are those of OTEL_EXPORTER_OTLP_CERTIFICATE.
fn tls() -> ClientTlsConfig {
    let authority = variable("OTEL_EXPORTER_OTLP_CERTIFICATE").and_then(|path| std::fs::read(path).ok());
    let config = ClientTlsConfig::new();
    match authority {
        Some(pem) => config.ca_certificate(tonic::transport::Certificate::from_pem(pem)),
        None => config,
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some("onestop")
}

/// The spans that are recorded: those that begin a trace, and those within one.
fn own_spans<S: tracing::Subscriber + for<'a> LookupSpan<'a>>() -> impl tracing_subscriber::layer::Filter<S> {
    let enabled = |metadata: &Metadata<'_>, context: &Context<'_, S>| {
        ROOT_SPANS.contains(&metadata.name()) || context.lookup_current().is_some()
    };
    let of_callsite = |metadata: &'static Metadata<'static>| {
        if metadata.is_span() && is_own(metadata) { Interest::sometimes() } else { Interest::never() }
    };
    DynFilterFn::new(enabled).with_max_level_hint(LevelFilter::DEBUG).with_callsite_filter(of_callsite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_export_no_span_is_made_and_warnings_are_logged() {
        let subscriber = tracing_subscriber::registry().with(layers(None, "warn,onestop::life=info"));
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracing::debug_span!("look_up").is_none());
            assert!(tracing::enabled!(tracing::Level::WARN));
            assert!(!tracing::enabled!(tracing::Level::INFO));
        });
    }
}
