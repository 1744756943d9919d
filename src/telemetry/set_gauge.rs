//! A gauge that is set.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Gauge;

/// A gauge that is set; series that are not set any longer keep their last value.
#[derive(Clone, Debug)]
pub(crate) struct SetGauge(pub(super) Gauge<f64>);

impl SetGauge {
    /// Sets the series with these labels.
    pub(crate) fn set(&self, value: f64, labels: &[(&'static str, &str)]) {
        let attributes: Vec<_> = labels.iter().map(|(name, value)| KeyValue::new(*name, (*value).to_owned())).collect();
        self.0.record(value, &attributes);
    }
}
