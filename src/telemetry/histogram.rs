//! The histograms: name, unit, meaning, bounds, and the series that exist from the start.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

/// Upper bounds of durations, in seconds.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Upper bounds of the size of a batch.
const BATCH: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// A histogram.
pub(super) struct HistogramSpec {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
    pub(super) bounds: &'static [f64],
    /// The attributes of the series that are shown before anything is recorded.
    pub(super) series: Vec<Vec<KeyValue>>,
}

impl HistogramSpec {
    /// The duration of calls, by the conventions for RPC; `methods` are shown from the start.
    pub(super) fn call_duration(methods: impl Iterator<Item = &'static str>) -> HistogramSpec {
        HistogramSpec {
            name: "rpc.server.call.duration",
            unit: "s",
            help: "Time from the headers of a call to the end of its response, by method and status code",
            bounds: SECONDS,
            series: methods.map(|method| call_attributes(method, "OK").to_vec()).collect(),
        }
    }

    /// The duration of syncs to disk.
    pub(super) fn sync_duration() -> HistogramSpec {
        HistogramSpec {
            name: "onestop.store.sync.duration",
            unit: "s",
            help: "Time to write a batch of commits and sync it to disk",
            bounds: SECONDS,
            series: vec![Vec::new()],
        }
    }

    /// The size of batches.
    pub(super) fn batch_size() -> HistogramSpec {
        HistogramSpec {
            name: "onestop.store.batch.size",
            unit: "{commit}",
            help: "Commits that shared one sync to disk",
            bounds: BATCH,
            series: vec![Vec::new()],
        }
    }

    pub(super) fn build(&self, meter: &Meter) -> Histogram<f64> {
        let builder = meter.f64_histogram(self.name).with_unit(self.unit).with_description(self.help);
        builder.with_boundaries(self.bounds.to_vec()).build()
    }
}

/// The attributes of a call.
pub(super) fn call_attributes(method: &'static str, code: &'static str) -> [KeyValue; 3] {
    [
        KeyValue::new("rpc.system.name", "grpc"),
        KeyValue::new("rpc.method", method),
        KeyValue::new("rpc.response.status_code", code),
    ]
}
