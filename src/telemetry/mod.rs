//! The metrics of a server. Labels are calls, status codes, reasons and callers; never an id, a name or an amount.

pub mod metrics;

pub use metrics::Metrics;
