//! The keys of a configuration file except the limits: name, meaning, and the field that each sets.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::de::DeValue;

use super::Config;
use super::error::KeyError;

/// A key of a configuration file.
pub(super) struct ConfigKey {
    pub name: &'static str,
    /// The meaning, as operators read it above the key.
    pub about: &'static str,
    pub target: KeyTarget,
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
}

pub(super) const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "listen",
        about: "The address that serves gRPC. An address other than loopback requires client certificates (see `callers`) or `accept_anonymous`.",
        target: KeyTarget::Address(|config| &mut config.listen),
    },
    ConfigKey {
        name: "operations",
        about: "The address that serves /health/live, /health/ready and /metrics over plain HTTP. Do not expose it outside the internal network.",
        target: KeyTarget::OptionalAddress(|config| &mut config.operations),
    },
    ConfigKey {
        name: "store",
        about: "The directory of the store, or the URL of a Redis: redis://, redis-sentinel:// or redis-cluster://.",
        target: KeyTarget::Path(|config| &mut config.store),
    },
    ConfigKey {
        name: "secret",
        about: "The file that holds the secret of a store on Redis; every instance must have the same. `onestop secret FILE` creates one.",
        target: KeyTarget::OptionalPath(|config| &mut config.secret),
    },
    ConfigKey {
        name: "archive",
        about: "The directory of the archive that holds the closed years of a store on Redis. Each instance needs its own copy.",
        target: KeyTarget::OptionalPath(|config| &mut config.archive),
    },
    ConfigKey {
        name: "replicas",
        about: "The number of Redis replicas that must acknowledge a commit before the call returns.",
        target: KeyTarget::Number(|config| &mut config.replicas, 16),
    },
    ConfigKey {
        name: "policies",
        about: "A directory of policy files to use instead of the shipped policies.",
        target: KeyTarget::OptionalPath(|config| &mut config.policies),
    },
    ConfigKey {
        name: "tls_certificate",
        about: "The server's certificate chain in PEM, the server's own certificate first. Reloaded when the file changes.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_certificate),
    },
    ConfigKey {
        name: "tls_key",
        about: "The private key of `tls_certificate` in PEM.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_key),
    },
    ConfigKey {
        name: "tls_client_ca",
        about: "The certificate authority, in PEM, that must have issued the certificates of callers. Requires `callers`.",
        target: KeyTarget::OptionalPath(|config| &mut config.tls_client_ca),
    },
    ConfigKey {
        name: "callers",
        about: "The file of callers: the certificate name, role and limits of each. Reloaded when the file changes. Requires `tls_client_ca`.",
        target: KeyTarget::OptionalPath(|config| &mut config.callers),
    },
    ConfigKey {
        name: "access_log",
        about: "The log of who read the data of which person. Default: access.log in the directory of the store, or in the working directory for a store on Redis.",
        target: KeyTarget::OptionalPath(|config| &mut config.access_log),
    },
    ConfigKey {
        name: "accept_anonymous",
        about: "Serve unauthenticated callers on an address other than loopback: anyone who can reach the port may make every call.",
        target: KeyTarget::Flag(|config| &mut config.accept_anonymous),
    },
    ConfigKey {
        name: "accept_volatile",
        about: "Answer before a commit is synced to disk: a power failure may lose acknowledged settlements.",
        target: KeyTarget::Flag(|config| &mut config.accept_volatile),
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
        }
    }

    /// The placeholder that a shown configuration contains for a key without a value.
    pub fn example(&self) -> &'static str {
        match self.target {
            KeyTarget::OptionalAddress(_) => "\"127.0.0.1:9090\"",
            _ => "\"PATH\"",
        }
    }
}

/// The number of an integer that is not negative.
pub(super) fn unsigned(value: &DeValue<'_>) -> Option<u64> {
    let integer = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
