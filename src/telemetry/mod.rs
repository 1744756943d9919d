//! What a server tells its operators in numbers. No id, name or amount is a label: calls, statuses and callers are.

pub mod metrics;

pub use metrics::Metrics;
