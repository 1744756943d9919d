//! The metrics of a server: OpenTelemetry instruments, exported over OTLP if that is configured and shown by `/metrics`.

use std::fmt;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, UpDownCounter};
use opentelemetry::{KeyValue, StringValue};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};

use super::expected_series::ExpectedSeries;
use super::exposition::Format;
use super::histogram::{HistogramSpec, call_attributes};
use super::payments::{LayerAndPayer, Payments, SettlementEvent};
use super::process;
use super::reader::SharedReader;
use super::set_gauge::SetGauge;

/// The method of calls that the service does not have.
const OTHER_METHOD: &str = "_OTHER";

/// The metrics of a server.
pub struct Metrics {
    provider: SdkMeterProvider,
    reader: SharedReader,
    histograms: Vec<HistogramSpec>,
    meter: Meter,
    call_duration: Histogram<f64>,
    sync_duration: Histogram<f64>,
    batch_size: Histogram<f64>,
    payments: Payments,
    patient: LayerAndPayer,
    settlements: Counter<u64>,
    replays: Counter<u64>,
    refusals: Counter<u64>,
    stream_claims: Counter<u64>,
    shed: Counter<u64>,
    unknown_callers: Counter<u64>,
    connections: UpDownCounter<i64>,
    refused_connections: Counter<u64>,
    closed_connections: Counter<u64>,
    panics: Counter<u64>,
    ready: Gauge<u64>,
    volatile: Gauge<u64>,
}

impl Default for Metrics {
    /// Metrics that are not exported.
    fn default() -> Metrics {
        Metrics::unexported(ExpectedSeries::default())
    }
}

impl Metrics {
    /// Metrics that only `/metrics` shows.
    pub(crate) fn unexported(expected: ExpectedSeries) -> Metrics {
        Metrics::new(SdkMeterProvider::builder(), expected)
    }

    /// The metrics of a provider that is to be built.
    pub(super) fn new(provider: MeterProviderBuilder, expected: ExpectedSeries) -> Metrics {
        let reader = SharedReader::default();
        let provider = provider.with_reader(reader.clone()).build();
        let meter = provider.meter("onestop");
        let methods = expected.methods.iter().copied().chain([OTHER_METHOD]);
        let [calls, syncs, batches] =
            [HistogramSpec::call_duration(methods), HistogramSpec::sync_duration(), HistogramSpec::batch_size()];
        let counter = |name, help| meter.u64_counter(name).with_description(help).build();
        let gauge = |name, help| meter.u64_gauge(name).with_description(help).build();
        let connections = meter.i64_up_down_counter("onestop.connections").with_description("Open connections");
        let metrics = Metrics {
            call_duration: calls.build(&meter),
            sync_duration: syncs.build(&meter),
            batch_size: batches.build(&meter),
            payments: Payments::default(),
            patient: LayerAndPayer { layer: "patient".into(), payer: "patient".into() },
            settlements: counter("onestop.settlements", "Settlements, by event: settled, reversed, revised"),
            replays: counter("onestop.replays", "Calls that were answered with what the same request committed before"),
            refusals: counter("onestop.refusals", "Calls and claims of streams that were refused, by reason"),
            stream_claims: counter("onestop.stream.claims", "Claims of streams, by reason of refusal or OK"),
            shed: counter("onestop.shed", "Calls refused because of a limit of the caller or the server, by caller"),
            unknown_callers: counter("onestop.unknown_callers", "Calls with a certificate of no known caller"),
            connections: connections.build(),
            refused_connections: counter("onestop.refused_connections", "Connections refused, by reason"),
            closed_connections: counter(
                "onestop.closed_connections",
                "Connections that the server closed because the peer broke a limit, by reason",
            ),
            panics: counter("onestop.panics", "Calls whose handler panicked"),
            ready: gauge("onestop.ready", "1 while the server accepts calls, otherwise 0"),
            volatile: gauge(
                "onestop.store.volatile",
                "1 while the store may lose acknowledged settlements (accept_volatile), otherwise 0",
            ),
            histograms: vec![calls, syncs, batches],
            reader,
            provider,
            meter,
        };
        metrics.show_from_the_start(&expected);
        metrics
    }

    fn show_from_the_start(&self, expected: &ExpectedSeries) {
        process::register(&self.meter);
        self.payments.register(&self.meter);
        self.gauge("onestop.build_info", "", "1, with the version of the server")
            .set(1.0, &[("version", env!("CARGO_PKG_VERSION"))]);
        for counter in [&self.replays, &self.unknown_callers, &self.panics] {
            counter.add(0, &[]);
        }
        self.connections.add(0, &[]);
        SettlementEvent::ALL
            .iter()
            .for_each(|event| self.settlements.add(0, &[KeyValue::new("event", event.as_str())]));
        let zero = |counter: &Counter<u64>, reasons: &[&'static str]| {
            reasons.iter().for_each(|reason| counter.add(0, &[KeyValue::new("reason", *reason)]));
        };
        zero(&self.refusals, &expected.reasons);
        zero(&self.stream_claims, &expected.reasons);
        zero(&self.stream_claims, &["OK"]);
        zero(&self.refused_connections, &expected.refused_connections);
        zero(&self.closed_connections, &expected.closed_connections);
        self.set_ready(false);
        self.set_volatile(false);
    }

    /// Shows the layers of the policies in use, before they pay.
    pub(crate) fn show_layers(&self, layers: impl IntoIterator<Item = LayerAndPayer>) {
        layers.into_iter().chain([self.patient.clone()]).for_each(|from| self.payments.show(&from));
    }

    /// Shows callers before a call of theirs is shed.
    pub(crate) fn show_callers(&self, callers: impl IntoIterator<Item = impl Into<StringValue>>) {
        callers.into_iter().for_each(|caller| self.shed.add(0, &[KeyValue::new("caller", caller.into())]));
    }

    /// Counts a call that ended with this status code. `method` is `None` for a call that the service does not have.
    pub(crate) fn count_call(&self, method: Option<&'static str>, code: &'static str, took: Duration) {
        self.call_duration.record(took.as_secs_f64(), &call_attributes(method.unwrap_or(OTHER_METHOD), code));
    }

    /// Counts a refusal.
    pub(crate) fn count_refusal(&self, reason: impl Into<StringValue>) {
        self.refusals.add(1, &[KeyValue::new("reason", reason.into())]);
    }

    /// Counts a claim of a stream that was answered; `reason` is OK or the reason of its refusal.
    pub(crate) fn count_stream_claim(&self, reason: &'static str) {
        self.stream_claims.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Counts settlements to which this happened.
    pub(crate) fn count_settlements(&self, event: SettlementEvent, count: u64) {
        self.settlements.add(count, &[KeyValue::new("event", event.as_str())]);
    }

    /// Counts what each layer and the patient pay of a new settlement, in fen.
    pub(crate) fn count_payments(&self, layers: impl IntoIterator<Item = (LayerAndPayer, u64)>, patient_fen: u64) {
        let paid = layers.into_iter().filter(|(_, fen)| *fen > 0);
        self.payments.add(paid.chain([(self.patient.clone(), patient_fen)]));
    }

    /// Counts a call that was answered with what the same request committed before.
    pub(crate) fn count_replay(&self) {
        self.replays.add(1, &[]);
    }

    /// Counts a call of this caller that a limit refused.
    pub(crate) fn count_shed(&self, caller: &str) {
        self.shed.add(1, &[KeyValue::new("caller", caller.to_owned())]);
    }

    /// Counts a call of an unknown caller.
    pub(crate) fn count_unknown_caller(&self) {
        self.unknown_callers.add(1, &[]);
    }

    /// Counts connections that were opened, or with −1 closed.
    pub(crate) fn add_connections(&self, opened: i64) {
        self.connections.add(opened, &[]);
    }

    /// Counts a connection that was refused for this reason.
    pub(crate) fn count_refused_connection(&self, reason: &'static str) {
        self.refused_connections.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Counts a connection that the server closed for this reason.
    pub(crate) fn count_closed_connection(&self, reason: &'static str) {
        self.closed_connections.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Counts a call whose handler panicked.
    pub(crate) fn count_panic(&self) {
        self.panics.add(1, &[]);
    }

    /// Counts a batch of commits that was synced to disk.
    pub(crate) fn count_sync(&self, commits: usize, took: Duration) {
        self.sync_duration.record(took.as_secs_f64(), &[]);
        self.batch_size.record(commits as f64, &[]);
    }

    /// Sets whether the server accepts calls.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.record(u64::from(ready), &[]);
    }

    /// Sets whether the store may lose acknowledged settlements.
    pub(crate) fn set_volatile(&self, volatile: bool) {
        self.volatile.record(u64::from(volatile), &[]);
    }

    /// A gauge that the caller sets.
    pub(crate) fn gauge(&self, name: &'static str, unit: &'static str, help: &'static str) -> SetGauge {
        SetGauge(self.meter.f64_gauge(name).with_unit(unit).with_description(help).build())
    }

    /// A gauge that is read when metrics are collected; it is not shown while there is no value.
    pub(crate) fn observe_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) {
        let builder = self.meter.u64_observable_gauge(name).with_description(help);
        builder
            .with_callback(move |to| {
                if let Some(value) = read() {
                    to.observe(value, &[])
                }
            })
            .build();
    }

    /// A counter that is read when metrics are collected.
    pub(crate) fn observe_counter(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Option<u64> + Send + Sync + 'static,
    ) {
        let builder = self.meter.u64_observable_counter(name).with_description(help);
        builder
            .with_callback(move |to| {
                if let Some(value) = read() {
                    to.observe(value, &[])
                }
            })
            .build();
    }

    /// All metrics as text in this format; `None` after the provider was shut down.
    pub(crate) fn encode(&self, format: Format) -> Option<String> {
        let mut metrics = ResourceMetrics::default();
        self.reader.collect(&mut metrics).ok()?;
        Some(format.encode(&metrics, &self.histograms))
    }
}

impl Drop for Metrics {
    /// Exports what was not exported yet.
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "metrics were not exported at the end");
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
