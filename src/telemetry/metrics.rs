//! The metrics, in the text form that Prometheus reads (OpenMetrics).

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

/// The upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    call: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Named {
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

/// What is counted.
pub struct Metrics {
    registry: Registry,
    calls: Family<Answered, Counter>,
    seconds: Family<Named, Histogram>,
    claims: Family<ByReason, Counter>,
    shed: Family<ByCaller, Counter>,
    unknown: Counter,
    /// Connections that are open.
    pub connections: Gauge,
    handshakes: Family<ByReason, Counter>,
    ready: Gauge,
    volatile: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("onestop");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The release that serves", build);
        let mut metrics = Metrics {
            registry,
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            claims: Family::default(),
            shed: Family::default(),
            unknown: Counter::default(),
            connections: Gauge::default(),
            handshakes: Family::default(),
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
        registry.register("calls", "Calls answered, by call and status", self.calls.clone());
        let told = "How long calls took until their answer began";
        registry.register_with_unit("call_duration", told, Unit::Seconds, self.seconds.clone());
        registry.register("stream_claims", "Claims of streams answered, by reason or OK", self.claims.clone());
        registry.register("shed", "Calls refused as more than their caller or the server takes", self.shed.clone());
        let told = "Calls of certificates that are of no caller known";
        registry.register("unknown_callers", told, self.unknown.clone());
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register("refused_connections", "Connections refused, by reason", self.handshakes.clone());
        registry.register("ready", "1 while the server takes calls", self.ready.clone());
        let about = "1 while the store could lose what was acknowledged, which somebody accepted";
        registry.register("store_volatile", about, self.volatile.clone());
    }

    /// A call was answered with this status; streams, when they began.
    pub fn answered(&self, call: &'static str, code: &'static str, took: Duration) {
        self.calls.get_or_create(&Answered { call, code }).inc();
        self.seconds.get_or_create(&Named { call }).observe(took.as_secs_f64());
    }

    /// A claim of a stream was answered: OK, or the reason of its refusal.
    pub fn claim(&self, reason: &'static str) {
        self.claims.get_or_create(&ByReason { reason }).inc();
    }

    /// A call of this caller was shed.
    pub fn shed(&self, caller: &str) {
        self.shed.get_or_create(&ByCaller { caller: caller.to_owned() }).inc();
    }

    /// Somebody called whom nobody knows.
    pub fn unknown(&self) {
        self.unknown.inc();
    }

    /// A connection was refused for this reason.
    pub fn refused_connection(&self, reason: &'static str) {
        self.handshakes.get_or_create(&ByReason { reason }).inc();
    }

    /// Notes whether calls are taken.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Notes whether the store could lose what was acknowledged.
    pub fn set_volatile(&self, volatile: bool) {
        self.volatile.set(i64::from(volatile));
    }

    /// Whether calls are taken.
    pub fn is_ready(&self) -> bool {
        self.ready.get() == 1
    }

    /// All of it as text.
    ///
    /// # Errors
    /// If it cannot be written, which text in memory always can.
    pub fn text(&self) -> Result<String, fmt::Error> {
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
