//! Telemetry: the log of the process, the metrics of a server, the spans of calls, and their export over OTLP. Labels and
//! attributes are calls, status codes, reasons, callers, layers and payers; never an id, a name or an amount of a person.

pub mod call_span;
pub mod expected_series;
mod exposition;
mod histogram;
pub mod metrics;
pub mod otlp;
pub mod payments;
mod process;
mod reader;
pub(crate) mod repeats;
pub(crate) mod set_gauge;
pub mod settings;

/// The target of the events of a server's life (start, ready, reload, drain, stop), which are logged by default.
pub(crate) const LIFE: &str = "onestop::life";

pub(crate) use exposition::Format;
pub use metrics::Metrics;
pub use otlp::Telemetry;
