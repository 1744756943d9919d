//! Why a configuration is refused: one key by itself, or keys that do not fit together.

use crate::telemetry::settings::TracesSampler;

/// Why one key of a configuration file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("unknown key `{key}`; the known keys are {}, [limits]", known.join(", "))]
    UnknownKey { key: String, known: Vec<&'static str> },
    #[error("unknown limit `{key}`; the known limits are {}", known.join(", "))]
    UnknownLimit { key: String, known: Vec<&'static str> },
    #[error("`limits` must be a table")]
    LimitsNotATable,
    #[error("`{key}` must be a string in quotes")]
    NotAString { key: &'static str },
    #[error("`{key}` must be an address such as 127.0.0.1:50051")]
    NotAnAddress { key: &'static str },
    #[error("`{key}` must be a whole number from {min} to {max}")]
    NotInRange { key: &'static str, min: u64, max: u64 },
    #[error("`{key}` must be true or false")]
    NotABoolean { key: &'static str },
    #[error("`{key}` must be one of {}", TracesSampler::ALL.map(TracesSampler::as_str).join(", "))]
    NotASampler { key: &'static str },
    #[error("`{key}` must be a number from 0.0 to 1.0")]
    NotAShare { key: &'static str },
}

/// Why the keys for TLS and callers do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsConfigError {
    /// One of the two is missing.
    #[error("`tls_client_ca` and `callers` require each other: callers are identified by their certificates")]
    ClientCaWithoutCallers,
    /// Client certificates are checked only on a TLS connection.
    #[error("`tls_client_ca` requires `tls_certificate` and `tls_key`")]
    ClientCaWithoutCertificate,
    /// One of the two is missing.
    #[error("`tls_certificate` and `tls_key` require each other")]
    CertificateWithoutKey,
}
