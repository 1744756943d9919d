//! Where telemetry is sent, and how much of it: the settings that a configuration and the standard variables of
//! OpenTelemetry give.

use opentelemetry_sdk::trace::Sampler;

/// Where telemetry is sent. The default sends nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtlpSettings {
    /// The URL of a collector that takes OTLP over gRPC; `None` sends nothing.
    pub endpoint: Option<String>,
    /// The name of this service; `onestop` unless set.
    pub service_name: Option<String>,
    /// Which calls are traced.
    pub sampler: TracesSampler,
    /// The share of calls that are traced, from 0 to 1, for a sampler by trace id.
    pub sampled_share: Option<f64>,
}

/// Which calls are traced, by the names of OTEL_TRACES_SAMPLER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TracesSampler {
    /// Every call.
    AlwaysOn,
    /// No call.
    AlwaysOff,
    /// A share of the calls.
    TraceIdRatio,
    /// As the caller decided, otherwise every call.
    #[default]
    ParentBasedAlwaysOn,
    /// As the caller decided, otherwise no call.
    ParentBasedAlwaysOff,
    /// As the caller decided, otherwise a share of the calls.
    ParentBasedTraceIdRatio,
}

impl TracesSampler {
    /// Every sampler.
    pub const ALL: [TracesSampler; 6] = [
        TracesSampler::AlwaysOn,
        TracesSampler::AlwaysOff,
        TracesSampler::TraceIdRatio,
        TracesSampler::ParentBasedAlwaysOn,
        TracesSampler::ParentBasedAlwaysOff,
        TracesSampler::ParentBasedTraceIdRatio,
    ];

    /// The name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            TracesSampler::AlwaysOn => "always_on",
            TracesSampler::AlwaysOff => "always_off",
            TracesSampler::TraceIdRatio => "traceidratio",
            TracesSampler::ParentBasedAlwaysOn => "parentbased_always_on",
            TracesSampler::ParentBasedAlwaysOff => "parentbased_always_off",
            TracesSampler::ParentBasedTraceIdRatio => "parentbased_traceidratio",
        }
    }

    /// The sampler with this name.
    pub fn from_name(name: &str) -> Option<TracesSampler> {
        TracesSampler::ALL.into_iter().find(|sampler| sampler.as_str() == name)
    }

    /// The sampler of the SDK.
    pub(super) fn sampler(self, share: Option<f64>) -> Sampler {
        let share = Sampler::TraceIdRatioBased(share.unwrap_or(1.0));
        match self {
            TracesSampler::AlwaysOn => Sampler::AlwaysOn,
            TracesSampler::AlwaysOff => Sampler::AlwaysOff,
            TracesSampler::TraceIdRatio => share,
            TracesSampler::ParentBasedAlwaysOn => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
            TracesSampler::ParentBasedAlwaysOff => Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
            TracesSampler::ParentBasedTraceIdRatio => Sampler::ParentBased(Box::new(share)),
        }
    }
}
