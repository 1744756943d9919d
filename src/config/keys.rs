//! The keys of a configuration file except the limits: name, meaning, and the field that each sets.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeValue;

use crate::telemetry::settings::TracesSampler;

use super::Config;
use super::error::KeyError;

/// A key of a configuration file.
pub(super) struct ConfigKey {
    pub name: &'static str,
    /// The meaning, as operators read it above the key.
    pub about: &'static str,
    pub target: KeyTarget,
    /// The standard environment variable of OpenTelemetry for the same, if there is one.
    pub standard_variable: Option<&'static str>,
}

/// The field that a key sets; the variant is the type of its value.
pub(super) enum KeyTarget {
    Address(fn(&mut Config) -> &mut SocketAddr),
    OptionalAddress(fn(&mut Config) -> &mut Option<SocketAddr>),
    Path(fn(&mut Config) -> &mut PathBuf),
    OptionalPath(fn(&mut Config) -> &mut Option<PathBuf>),
    /// With the greatest value that is accepted.
    Number(fn(&mut Config) -> &mut usize, u64),
    Flag(fn(&mut Config) -> &mut bool),
    OptionalText(fn(&mut Config) -> &mut Option<String>),
    Sampler(fn(&mut Config) -> &mut TracesSampler),
    /// From 0 to 1.
    OptionalShare(fn(&mut Config) -> &mut Option<f64>),
}

pub(super) const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "listen",
        about: "The address that serves gRPC. An address other than loopback requires client certificates (see `callers`) or `accept_anonymous`.",
        target: KeyTarget::Address(|config| &mut config.listen),
        standard_variable: None,
    },
    ConfigKey {
        name: "operations",
        about: "The address that serves /health/live, /health/ready and /metrics over plain HTTP. Do not expose it outside the internal network.",
        target: KeyTarget::OptionalAddress(|config| &mut config.operations),
        standard_variable: None,
    },
    ConfigKey {
        name: "store",
        about: "The directory of the store, or the URL of a Redis: redis://, redis-sentinel:// or redis-cluster://.",
        target: KeyTarget::Path(|config| &mut config.store),
        standard_variable: None,
    },
    ConfigKey {
        name: "secret",
        about: "The file that holds the secret of a store on Redis; every instance must have the same. `onestop secret FILE` creates one.",
        target: KeyTarget::OptionalPath(|config| &mut config.secret),
        standard_variable: None,
    },
    ConfigKey {
        name: "archive",
        about: "The directory of the archive that holds the closed years of a store on Redis. Each instance needs its own copy.",
        target: KeyTarget::OptionalPath(|config| &mut config.archive),
        standard_variable: None,
    },
    ConfigKey {
        name: "replicas",
        about: "The number of Redis replicas that must acknowledge a commit before the call returns.",
        target: KeyTarget::Number(|config| &mut config.replicas, 16),
        standard_variable: None,
    },
    ConfigKey {
        name: "policies",
        about: "A directory of policy files to use instead of the shipped policies.",
        target: KeyTarget::OptionalPath(|config| &mut config.policies),
        standard_variable: None,
    },
    ConfigKey {
        name: "tls_certificate",
        about: "The server's certificate chain in PEM, the server's own certificate first. Reloaded when the file changes.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_certificate),
        standard_variable: None,
    },
    ConfigKey {
        name: "tls_key",
        about: "The private key of `tls_certificate` in PEM.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_key),
        standard_variable: None,
    },
    ConfigKey {
        name: "tls_client_ca",
        about: "The certificate authority, in PEM, that must have issued the certificates of callers. Requires `callers`.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_client_ca),
        standard_variable: None,
    },
    ConfigKey {
        name: "callers",
        about: "The file of callers: the certificate name, role and limits of each. Reloaded when the file changes. Requires `tls_client_ca`.",
        target: KeyTarget::OptionalPath(|config| &mut config.callers),
        standard_variable: None,
    },
    ConfigKey {
        name: "access_log",
        about: "The log of who read the data of which person. A relative path is in the directory of the store, or beside the secret of a store on Redis. Default: access.log.",
        target: KeyTarget::OptionalPath(|config| &mut config.access_log),
        standard_variable: None,
    },
    ConfigKey {
        name: "report_cache",
        about: "The directory where what reports and `policy impact` have read of the log is kept by column; it is made again if it is missing. A relative path is in the directory of the store, or beside the secret of a store on Redis. Default: reports.",
        target: KeyTarget::OptionalPath(|config| &mut config.report_cache),
        standard_variable: None,
    },
    ConfigKey {
        name: "accept_anonymous",
        about: "Serve unauthenticated callers on an address other than loopback: anyone who can reach the port may make every call.",
        target: KeyTarget::Flag(|config| &mut config.accept_anonymous),
        standard_variable: None,
    },
    ConfigKey {
        name: "accept_volatile",
        about: "Answer before a commit is synced to disk: a power failure may lose acknowledged settlements.",
        target: KeyTarget::Flag(|config| &mut config.accept_volatile),
        standard_variable: None,
    },
    ConfigKey {
        name: "disk_reserve_mib",
        about: "Mebibytes of the disk of a store in a directory that must stay free. Below, commits are refused (DISK_FULL) while reads go on.",
        target: KeyTarget::Number(|config| &mut config.disk_reserve_mib, 1 << 30),
        standard_variable: None,
    },
    ConfigKey {
        name: "certificate_warning_days",
        about: "Days before the expiry of `tls_certificate` or `tls_client_ca` from which on a warning is logged every day.",
        target: KeyTarget::Number(|config| &mut config.certificate_warning_days, 3_650),
        standard_variable: None,
    },
    ConfigKey {
        name: "register_warning_days",
        about: "The age of the last import of enrolments, in days, from which on a warning is logged every day; 0 for never.",
        target: KeyTarget::Number(|config| &mut config.register_warning_days, 3_650),
        standard_variable: None,
    },
    ConfigKey {
        name: "otlp_endpoint",
        about: "The URL of a collector that takes traces, metrics and logs over OTLP/gRPC. Without it nothing is exported.",
        target: KeyTarget::OptionalText(|config| &mut config.telemetry.endpoint),
        standard_variable: Some("OTEL_EXPORTER_OTLP_ENDPOINT"),
    },
    ConfigKey {
        name: "otlp_service_name",
        about: "The name of this service in what is exported. Default: onestop.",
        target: KeyTarget::OptionalText(|config| &mut config.telemetry.service_name),
        standard_variable: Some("OTEL_SERVICE_NAME"),
    },
    ConfigKey {
        name: "otlp_traces_sampler",
        about: "Which calls are traced: always_on, always_off, traceidratio, or as the caller decided and otherwise parentbased_always_on, parentbased_always_off or parentbased_traceidratio.",
        target: KeyTarget::Sampler(|config| &mut config.telemetry.sampler),
        standard_variable: Some("OTEL_TRACES_SAMPLER"),
    },
    ConfigKey {
        name: "otlp_traces_share",
        about: "The share of calls that traceidratio samples, from 0.0 to 1.0. Default: 1.0.",
        target: KeyTarget::OptionalShare(|config| &mut config.telemetry.sampled_share),
        standard_variable: Some("OTEL_TRACES_SAMPLER_ARG"),
    },
];

impl ConfigKey {
    /// Sets the field of this key.
    pub fn set(&self, config: &mut Config, value: &DeValue<'_>) -> Result<(), KeyError> {
        match self.target {
            KeyTarget::Address(field) => *field(config) = self.address(value)?,
            KeyTarget::OptionalAddress(field) => *field(config) = Some(self.address(value)?),
            KeyTarget::Path(field) => *field(config) = self.string(value)?.into(),
            KeyTarget::OptionalPath(field) => *field(config) = Some(self.string(value)?.into()),
            KeyTarget::Number(field, max) => *field(config) = self.number(value, max)?,
            KeyTarget::Flag(field) => {
                *field(config) = value.as_bool().ok_or(KeyError::NotABoolean { key: self.name })?;
            }
            KeyTarget::OptionalText(field) => *field(config) = Some(self.string(value)?.to_owned()),
            KeyTarget::Sampler(field) => {
                let sampler = TracesSampler::from_name(self.string(value)?);
                *field(config) = sampler.ok_or(KeyError::NotASampler { key: self.name })?;
            }
            KeyTarget::OptionalShare(field) => *field(config) = Some(self.share(value)?),
        }
        Ok(())
    }

    fn string<'a>(&self, value: &'a DeValue<'_>) -> Result<&'a str, KeyError> {
        value.as_str().ok_or(KeyError::NotAString { key: self.name })
    }

    fn address(&self, value: &DeValue<'_>) -> Result<SocketAddr, KeyError> {
        self.string(value)?.parse().map_err(|_invalid| KeyError::NotAnAddress { key: self.name })
    }

    fn number(&self, value: &DeValue<'_>, max: u64) -> Result<usize, KeyError> {
        let number = unsigned(value).filter(|number| *number <= max);
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or(KeyError::NotInRange { key: self.name, min: 0, max })
    }

    fn share(&self, value: &DeValue<'_>) -> Result<f64, KeyError> {
        let text = match value {
            DeValue::Float(float) => Some(float.as_str()),
            DeValue::Integer(integer) => Some(integer.as_str()),
            _ => None,
        };
        let share = text.and_then(|text| text.parse().ok()).filter(|share| (0.0..=1.0).contains(share));
        share.ok_or(KeyError::NotAShare { key: self.name })
    }

    /// The environment variables that set this key, the first before the second.
    pub fn variables(&self) -> impl Iterator<Item = String> {
        [Some(variable(self.name)), self.standard_variable.map(str::to_owned)].into_iter().flatten()
    }

    /// A value of an environment variable as a file would contain it.
    pub fn as_toml(&self, text: &str) -> String {
        let is_plain = matches!(self.target, KeyTarget::Number(..) | KeyTarget::Flag(_) | KeyTarget::OptionalShare(_));
        if is_plain { plain(text) } else { toml::Value::from(text).to_string() }
    }

    /// The value of this key's field as a file would contain it, if there is one.
    pub fn get(&self, config: &mut Config) -> Option<toml::Value> {
        let text = |path: &PathBuf| toml::Value::from(path.display().to_string());
        match self.target {
            KeyTarget::Address(field) => Some(field(config).to_string().into()),
            KeyTarget::OptionalAddress(field) => field(config).map(|address| address.to_string().into()),
            KeyTarget::Path(field) => Some(text(field(config))),
            KeyTarget::OptionalPath(field) => field(config).as_ref().map(text),
            KeyTarget::Number(field, _) => Some((*field(config) as i64).into()),
            KeyTarget::Flag(field) => Some((*field(config)).into()),
            KeyTarget::OptionalText(field) => field(config).clone().map(toml::Value::from),
            KeyTarget::Sampler(field) => Some(field(config).as_str().into()),
            KeyTarget::OptionalShare(field) => field(config).map(toml::Value::from),
        }
    }

    /// The placeholder that a shown configuration contains for a key without a value.
    pub fn example(&self) -> &'static str {
        match self.target {
            KeyTarget::OptionalAddress(_) => "\"127.0.0.1:9090\"",
            KeyTarget::OptionalText(_) => "\"TEXT\"",
            KeyTarget::OptionalShare(_) => "1.0",
            _ => "\"PATH\"",
        }
    }
}

/// The environment variable of a key.
pub(super) fn variable(key: &str) -> String {
    format!("ONESTOP_{}", key.to_uppercase())
}

/// A number or a boolean as a file would contain it; anything else as a string, which is refused there.
pub(super) fn plain(text: &str) -> String {
    let is_plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let is_value = is_plain && text.parse::<toml::Value>().is_ok();
    if is_value { text.to_owned() } else { toml::Value::from(text).to_string() }
}

/// The number of an integer that is not negative.
pub(super) fn unsigned(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
