//! Metrics as text for a scraper: the Prometheus text format, or OpenMetrics if the scraper prefers it.
//!
//! A name `a.b` with the unit `s` becomes `a_b_seconds`, and a counter ends in `_total`. Series are in the order of their
//! names. A histogram that has not recorded anything yet is shown with zeros.

use std::collections::BTreeMap;
use std::fmt::Write;

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, HistogramDataPoint, Metric, MetricData, ResourceMetrics};

use super::histogram::HistogramSpec;

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The Prometheus text format, version 0.0.4.
    Prometheus,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format that an Accept header asks for: Prometheus, unless it ranks OpenMetrics at least as high.
    pub(crate) fn accepted(header: &str) -> Format {
        let open_metrics = quality(header, "application/openmetrics-text");
        if open_metrics > 0.0 && open_metrics >= quality(header, "text/plain") {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        }
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The metrics as text.
    pub(super) fn encode(self, metrics: &ResourceMetrics, expected: &[HistogramSpec]) -> String {
        let mut text = String::new();
        for (name, family) in families(metrics, expected) {
            self.write(&mut text, &name, &family);
        }
        if self == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }

    fn write(self, text: &mut String, name: &str, family: &Family) {
        let total = if family.kind == Kind::Counter { "_total" } else { "" };
        let described = match self {
            Format::Prometheus => format!("{name}{total}"),
            Format::OpenMetrics => name.to_owned(),
        };
        text.push_str(&format!("# HELP {described} {}\n", family.help));
        text.push_str(&format!("# TYPE {described} {}\n", family.kind.as_str()));
        if self == Format::OpenMetrics && !family.unit.is_empty() {
            text.push_str(&format!("# UNIT {described} {}\n", family.unit));
        }
        for Sample { suffix, labels, value } in &family.samples {
            text.push_str(&format!("{name}{total}{suffix}{labels} {value}\n"));
        }
    }
}

/// The greatest weight that an Accept header gives to a media type; 0 if it does not name it.
fn quality(header: &str, media_type: &str) -> f64 {
    let weight = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|media| media.eq_ignore_ascii_case(media_type));
        let given =
            parts.find_map(|parameter| parameter.strip_prefix("q=")).map(|weight| weight.parse().unwrap_or(0.0));
        if named { given.unwrap_or(1.0) } else { 0.0 }
    };
    header.split(',').map(weight).fold(0.0, f64::max)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// All series of one name.
struct Family {
    kind: Kind,
    help: String,
    unit: &'static str,
    samples: Vec<Sample>,
}

struct Sample {
    suffix: &'static str,
    labels: String,
    value: String,
}

impl Family {
    fn add(&mut self, suffix: &'static str, labels: String, value: impl ToString) {
        self.samples.push(Sample { suffix, labels, value: value.to_string() });
    }

    fn add_buckets(
        &mut self,
        attributes: &[KeyValue],
        buckets: impl Iterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) {
        for (bound, cumulative) in buckets {
            self.add("_bucket", labels(attributes, Some(bound)), cumulative);
        }
        self.add("_bucket", labels(attributes, Some(f64::INFINITY)), count);
        self.add("_sum", labels(attributes, None), number(sum));
        self.add("_count", labels(attributes, None), count);
    }
}

fn families(metrics: &ResourceMetrics, expected: &[HistogramSpec]) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::new();
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        if let Some((name, family)) = family(metric) {
            families.insert(name, family);
        }
    }
    expected.iter().for_each(|spec| add_zeros(&mut families, spec));
    families
}

/// The series of a metric; `None` for a form that no instrument of this program has.
fn family(metric: &Metric) -> Option<(String, Family)> {
    let unit = unit(metric.unit());
    let new = |kind| Family { kind, help: metric.description().to_owned(), unit, samples: Vec::new() };
    let family = match metric.data() {
        AggregatedMetrics::F64(data) => with_samples(data, number, |sum| sum, new),
        AggregatedMetrics::U64(data) => with_samples(data, |value| value.to_string(), |sum| sum as f64, new),
        AggregatedMetrics::I64(data) => with_samples(data, |value| value.to_string(), |sum| sum as f64, new),
    };
    Some((family_name(metric.name(), unit), family?))
}

fn with_samples<T: Copy>(
    data: &MetricData<T>,
    text: impl Fn(T) -> String,
    float: impl Fn(T) -> f64,
    new: impl Fn(Kind) -> Family,
) -> Option<Family> {
    let family = match data {
        MetricData::Gauge(gauge) => {
            let points = gauge.data_points().map(|point| (point.attributes().cloned().collect(), point.value()));
            with_values(new(Kind::Gauge), points, text)
        }
        MetricData::Sum(sum) => {
            let kind = if sum.is_monotonic() { Kind::Counter } else { Kind::Gauge };
            let points = sum.data_points().map(|point| (point.attributes().cloned().collect(), point.value()));
            with_values(new(kind), points, text)
        }
        MetricData::Histogram(histogram) => {
            let mut family = new(Kind::Histogram);
            for point in histogram.data_points() {
                let attributes: Vec<_> = point.attributes().cloned().collect();
                family.add_buckets(&attributes, cumulative(point), float(point.sum()), point.count());
            }
            family
        }
        MetricData::ExponentialHistogram(_) => return None,
    };
    Some(family)
}

fn with_values<T>(
    mut family: Family,
    points: impl Iterator<Item = (Vec<KeyValue>, T)>,
    text: impl Fn(T) -> String,
) -> Family {
    points.for_each(|(attributes, value)| family.add("", labels(&attributes, None), text(value)));
    family.samples.sort_by(|one, other| one.labels.cmp(&other.labels));
    family
}

/// Each bound with the number of values up to it.
fn cumulative<T: Copy>(point: &HistogramDataPoint<T>) -> impl Iterator<Item = (f64, u64)> {
    let mut count = 0;
    point.bounds().zip(point.bucket_counts()).map(move |(bound, own)| {
        count += own;
        (bound, count)
    })
}

/// Adds the series that have not recorded anything yet.
fn add_zeros(families: &mut BTreeMap<String, Family>, spec: &HistogramSpec) {
    let unit = unit(spec.unit);
    let new = || Family { kind: Kind::Histogram, help: spec.help.to_owned(), unit, samples: Vec::new() };
    let family = families.entry(family_name(spec.name, unit)).or_insert_with(new);
    for attributes in &spec.series {
        let own = labels(attributes, None);
        if !family.samples.iter().any(|sample| sample.labels == own) {
            family.add_buckets(attributes, spec.bounds.iter().map(|bound| (*bound, 0)), 0.0, 0);
        }
    }
}

fn family_name(name: &str, unit: &str) -> String {
    let name = name.replace('.', "_");
    if unit.is_empty() || name.ends_with(unit) { name } else { format!("{name}_{unit}") }
}

/// The unit in words; empty for a count.
fn unit(ucum: &str) -> &'static str {
    match ucum {
        "s" => "seconds",
        "By" => "bytes",
        _ => "",
    }
}

/// The labels in the order of their names, with the bound of a bucket if there is one.
fn labels(attributes: &[KeyValue], bound: Option<f64>) -> String {
    let mut pairs: Vec<_> =
        attributes.iter().map(|pair| (pair.key.as_str().replace('.', "_"), pair.value.as_str().into_owned())).collect();
    pairs.sort();
    pairs.extend(bound.map(|bound| ("le".to_owned(), number(bound))));
    let mut text = String::new();
    for (at, (name, value)) in pairs.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _written = write!(text, "{}{name}=\"{value}\"", if at == 0 { "{" } else { "," });
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_text_is_sent_unless_openmetrics_ranks_at_least_as_high() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (header, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain", Format::Prometheus),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.5", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("application/openmetrics-text;version=1.0.0", Format::OpenMetrics),
            (prometheus, Format::OpenMetrics),
        ] {
            assert_eq!(Format::accepted(header), format, "{header}");
        }
    }

    #[test]
    fn labels_are_sorted_and_escaped() {
        let attributes = [KeyValue::new("rpc.method", "a\"b\\c\nd"), KeyValue::new("code", "OK")];
        assert_eq!(labels(&attributes, Some(0.5)), "{code=\"OK\",rpc_method=\"a\\\"b\\\\c\\nd\",le=\"0.5\"}");
        assert_eq!(labels(&[], None), "");
    }
}
