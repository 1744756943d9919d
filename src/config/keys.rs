//! The keys of a configuration above its limits: what each is, and where it goes.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Config;

/// A key of a file.
pub(super) struct ConfigKey {
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    pub place: KeyTarget,
}

/// Where the value of a key goes, and of what kind it is.
pub(super) enum KeyTarget {
    Address(fn(&mut Config) -> &mut SocketAddr),
    OptionalAddress(fn(&mut Config) -> &mut Option<SocketAddr>),
    Path(fn(&mut Config) -> &mut PathBuf),
    OptionalPath(fn(&mut Config) -> &mut Option<PathBuf>),
    /// And the most that it may be.
    Number(fn(&mut Config) -> &mut usize, usize),
    Flag(fn(&mut Config) -> &mut bool),
}

pub(super) const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "listen",
        about: "Where to listen. Beyond loopback callers must have certificates.",
        place: KeyTarget::Address(|config| &mut config.listen),
    },
    ConfigKey {
        name: "operations",
        about: "Where to serve health and metrics (/health/ready, /health/live, /metrics), without TLS: keep it inside.",
        place: KeyTarget::OptionalAddress(|config| &mut config.operations),
    },
    ConfigKey {
        name: "store",
        about: "The directory of the store, made if it is missing; or a Redis: redis://, redis-sentinel://, redis-cluster://.",
        place: KeyTarget::Path(|config| &mut config.store),
    },
    ConfigKey {
        name: "secret",
        about: "The secret of a store on Redis, the same for every instance; `onestop secret FILE` makes one.",
        place: KeyTarget::OptionalPath(|config| &mut config.secret),
    },
    ConfigKey {
        name: "archive",
        about: "The directory of the archive that closed years of a store on Redis were moved to; each instance has a copy.",
        place: KeyTarget::OptionalPath(|config| &mut config.archive),
    },
    ConfigKey {
        name: "replicas",
        about: "The replicas of a Redis that must have a commit before it is answered.",
        place: KeyTarget::Number(|config| &mut config.replicas, 16),
    },
    ConfigKey {
        name: "policies",
        about: "A directory of policy files in place of the shipped book.",
        place: KeyTarget::OptionalPath(|config| &mut config.policies),
    },
    ConfigKey {
        name: "tls_certificate",
        about: "The server's certificate in PEM, and behind it those that lead to its authority; read anew when changed.",
        place: KeyTarget::OptionalPath(|config| &mut config.tls_certificate),
    },
    ConfigKey {
        name: "tls_key",
        about: "Its key in PEM.",
        place: KeyTarget::OptionalPath(|config| &mut config.tls_key),
    },
    ConfigKey {
        name: "tls_client_ca",
        about: "The authority that the certificates of callers come from.",
        place: KeyTarget::OptionalPath(|config| &mut config.tls_client_ca),
    },
    ConfigKey {
        name: "callers",
        about: "The file of callers: who is known by which certificate, and what each may do; read anew when changed.",
        place: KeyTarget::OptionalPath(|config| &mut config.callers),
    },
    ConfigKey {
        name: "access_log",
        about: "The log of who read what of whom; without it access.log in the store's directory, or beside where it runs.",
        place: KeyTarget::OptionalPath(|config| &mut config.access_log),
    },
    ConfigKey {
        name: "accept_anonymous",
        about: "Serve beyond loopback without asking who calls: whoever reaches the port may do everything.",
        place: KeyTarget::Flag(|config| &mut config.accept_anonymous),
    },
    ConfigKey {
        name: "accept_volatile",
        about: "Answer before bytes are synced: a power cut may take acknowledged settlements.",
        place: KeyTarget::Flag(|config| &mut config.accept_volatile),
    },
];

impl ConfigKey {
    /// Puts a value in its place.
    pub fn put(&self, config: &mut Config, value: &toml::Value) -> Result<(), String> {
        let name = self.name;
        let text = || value.as_str().ok_or_else(|| format!("`{name}` is not a text in quotes"));
        let address = || text()?.parse().map_err(|_| format!("`{name}` is not an address such as 127.0.0.1:50051"));
        match self.place {
            KeyTarget::Address(place) => *place(config) = address()?,
            KeyTarget::OptionalAddress(place) => *place(config) = Some(address()?),
            KeyTarget::Path(place) => *place(config) = text()?.into(),
            KeyTarget::OptionalPath(place) => *place(config) = Some(text()?.into()),
            KeyTarget::Number(place, most) => {
                let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
                let number = number.filter(|number| *number <= most);
                *place(config) = number.ok_or_else(|| format!("`{name}` is not a whole number from 0 to {most}"))?;
            }
            KeyTarget::Flag(place) => {
                *place(config) = value.as_bool().ok_or_else(|| format!("`{name}` is not true or false"))?;
            }
        }
        Ok(())
    }

    /// The value in its place, as a file has it; none where there is none.
    pub fn get(&self, config: &mut Config) -> Option<toml::Value> {
        let text = |path: &PathBuf| toml::Value::from(path.display().to_string());
        match self.place {
            KeyTarget::Address(place) => Some(place(config).to_string().into()),
            KeyTarget::OptionalAddress(place) => place(config).map(|address| address.to_string().into()),
            KeyTarget::Path(place) => Some(text(place(config))),
            KeyTarget::OptionalPath(place) => place(config).as_ref().map(text),
            KeyTarget::Number(place, _) => Some((*place(config) as i64).into()),
            KeyTarget::Flag(place) => Some((*place(config)).into()),
        }
    }

    /// What stands in a file in place of a value that is not given.
    pub fn example(&self) -> &'static str {
        match self.place {
            KeyTarget::OptionalAddress(_) => "\"127.0.0.1:9090\"",
            _ => "\"PATH\"",
        }
    }
}
