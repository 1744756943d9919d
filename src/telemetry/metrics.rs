//! The metrics of a server, and their export as OpenMetrics text for Prometheus.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The upper bounds of the histogram buckets of call durations, in seconds.
const DURATION_BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallAndCode {
    call: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByCall {
    call: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByCaller {
    caller: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// The metrics of a server.
pub struct Metrics {
    registry: Registry,
    calls: Family<CallAndCode, Counter>,
    durations: Family<ByCall, Histogram>,
    stream_claims: Family<ByReason, Counter>,
    shed: Family<ByCaller, Counter>,
    unknown_callers: Counter,
    /// The number of open connections.
    pub(crate) connections: Gauge,
    refused_connections: Family<ByReason, Counter>,
    closed_connections: Family<ByReason, Counter>,
    panics: Counter,
    ready: Gauge,
    volatile: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("onestop");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the server", build);
        let mut metrics = Metrics {
            registry,
            calls: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            stream_claims: Family::default(),
            shed: Family::default(),
            unknown_callers: Counter::default(),
            connections: Gauge::default(),
            refused_connections: Family::default(),
            closed_connections: Family::default(),
            panics: Counter::default(),
            ready: Gauge::default(),
            volatile: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("calls", "Calls answered, by call and status code", self.calls.clone());
        let help = "Time from the request to the start of the response";
        registry.register_with_unit("call_duration", help, Unit::Seconds, self.durations.clone());
        registry.register(
            "stream_claims",
            "Claims in streams answered, by reason of refusal or OK",
            self.stream_claims.clone(),
        );
        registry.register("shed", "Calls refused because of a limit of the caller or the server", self.shed.clone());
        let help = "Calls refused because the certificate belongs to no known caller";
        registry.register("unknown_callers", help, self.unknown_callers.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("refused_connections", "Connections refused, by reason", self.refused_connections.clone());
        let help = "Connections that the server closed because the peer broke a limit, by reason";
        registry.register("closed_connections", help, self.closed_connections.clone());
        registry.register("panics", "Calls whose handler panicked", self.panics.clone());
        registry.register("ready", "1 while the server accepts calls, otherwise 0", self.ready.clone());
        let help = "1 while the store may lose acknowledged settlements (accept_volatile), otherwise 0";
        registry.register("store_volatile", help, self.volatile.clone());
    }

    /// Counts a call that was answered with this status code; a stream counts when it starts.
    pub(crate) fn count_call(&self, call: &'static str, code: &'static str, took: Duration) {
        self.calls.get_or_create(&CallAndCode { call, code }).inc();
        self.durations.get_or_create(&ByCall { call }).observe(took.as_secs_f64());
    }

    /// Counts a claim of a stream that was answered; `reason` is OK or the reason of its refusal.
    pub(crate) fn count_stream_claim(&self, reason: &'static str) {
        self.stream_claims.get_or_create(&ByReason { reason }).inc();
    }

    /// Counts a call of this caller that a limit refused.
    pub(crate) fn count_shed(&self, caller: &str) {
        self.shed.get_or_create(&ByCaller { caller: caller.to_owned() }).inc();
    }

    /// Counts a call of an unknown caller.
    pub(crate) fn count_unknown_caller(&self) {
        self.unknown_callers.inc();
    }

    /// Counts a connection that was refused for this reason.
    pub(crate) fn count_refused_connection(&self, reason: &'static str) {
        self.refused_connections.get_or_create(&ByReason { reason }).inc();
    }

    /// Counts a connection that the server closed for this reason.
    pub(crate) fn count_closed_connection(&self, reason: &'static str) {
        self.closed_connections.get_or_create(&ByReason { reason }).inc();
    }

    /// Counts a call whose handler panicked.
    pub(crate) fn count_panic(&self) {
        self.panics.inc();
    }

    /// Sets whether the server accepts calls.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Sets whether the store may lose acknowledged settlements.
    pub(crate) fn set_volatile(&self, volatile: bool) {
        self.volatile.set(i64::from(volatile));
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// Never in practice: writing to a string cannot fail.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
