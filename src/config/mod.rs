//! The configuration of a server: raw as a file gives it, then checked. Every limit has a bound; what a file does
//! not say is as the default says, and the command line comes before the file.

mod keys;
mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::access::allowance::CallerLimits;
use crate::engine::EngineSettings;
use crate::grpc::server::ServerLimits;
use crate::grpc::tls::TlsFiles;

use keys::KEYS;
pub use limits::{LIMITS, Limit};

/// What a server is set up with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The directory of the store, or the address of a Redis.
    pub store: PathBuf,
    /// The file with the secret of a store on Redis.
    pub secret: Option<PathBuf>,
    /// The directory of the archive of a store on Redis.
    pub archive: Option<PathBuf>,
    /// How many replicas of a Redis must have a commit before it is answered.
    pub replicas: usize,
    /// The directory of policy files; none for the shipped book.
    pub policies: Option<PathBuf>,
    /// Where health and metrics are served.
    pub operations: Option<SocketAddr>,
    /// The server's certificate; with it goes the key.
    pub tls_certificate: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
    /// The authority of the certificates of callers; with it goes the file of callers.
    pub tls_client_ca: Option<PathBuf>,
    /// The file of callers.
    pub callers: Option<PathBuf>,
    /// The access log; without it a file in the store's directory.
    pub access_log: Option<PathBuf>,
    /// Whether nobody is asked who they are, beyond loopback too.
    pub accept_anonymous: bool,
    /// Whether answers leave before their bytes are synced.
    pub accept_volatile: bool,
    /// How much a caller may ask for whose entry names no numbers.
    pub caller_bounds: CallerLimits,
    /// What the engine is set up with.
    pub settings: EngineSettings,
    /// What the server takes at once.
    pub limits: ServerLimits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            store: PathBuf::from("onestop-store"),
            secret: None,
            archive: None,
            replicas: 0,
            policies: None,
            operations: None,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            callers: None,
            access_log: None,
            accept_anonymous: false,
            accept_volatile: false,
            caller_bounds: CallerLimits { rate: NonZeroU32::new(1_000).unwrap_or(NonZeroU32::MIN), in_flight: 256 },
            settings: EngineSettings::default(),
            limits: ServerLimits::default(),
        }
    }
}

/// What is wrong with a file: the line (from 1), and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigFault {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub told: String,
}

type Raw = BTreeMap<toml::Spanned<String>, toml::Spanned<toml::Value>>;

#[derive(serde::Deserialize)]
struct RawConfig {
    #[serde(default)]
    limits: Raw,
    #[serde(flatten)]
    top: BTreeMap<String, toml::Value>,
}

impl Config {
    /// The configuration that a file gives, on top of the default.
    ///
    /// # Errors
    /// Every fault, in the order of lines.
    pub fn read(text: &str) -> Result<Config, Vec<ConfigFault>> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let raw: RawConfig = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            vec![ConfigFault { line: line(at), told: error.message().to_owned() }]
        })?;
        let (mut config, mut faults) = (Config::default(), Vec::new());
        for (key, value) in raw.top {
            // Top-level keys stand alone on their line.
            let at = text.lines().position(|known| known.trim_start().starts_with(&key)).map_or(1, |at| at + 1);
            if let Err(told) = config.put(&key, &value) {
                faults.push(ConfigFault { line: at, told });
            }
        }
        for (key, value) in raw.limits {
            if let Err(told) = config.put_limit(key.get_ref(), value.get_ref()) {
                faults.push(ConfigFault { line: line(key.span().start), told });
            }
        }
        faults.sort();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    fn put(&mut self, key: &str, value: &toml::Value) -> Result<(), String> {
        let known = KEYS.iter().find(|known| known.name == key).ok_or_else(|| {
            let names: Vec<_> = KEYS.iter().map(|known| known.name).collect();
            format!("`{key}` is no key; the keys are {}, [limits]", names.join(", "))
        })?;
        known.put(self, value)
    }

    fn put_limit(&mut self, key: &str, value: &toml::Value) -> Result<(), String> {
        let limit = LIMITS.iter().find(|limit| limit.key == key).ok_or_else(|| {
            let keys: Vec<_> = LIMITS.iter().map(|limit| limit.key).collect();
            format!("`{key}` is no limit; the limits are {}", keys.join(", "))
        })?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (limit.least..=limit.most).contains(number));
        let number =
            number.ok_or_else(|| format!("`{key}` is not a whole number from {} to {}", limit.least, limit.most))?;
        (limit.set)(self, number);
        Ok(())
    }

    /// The whole of it as a file, each key with what it is.
    pub fn text(&self) -> String {
        let (mut text, mut values) = (String::new(), self.clone());
        for key in KEYS {
            let value = key.get(&mut values).map_or_else(
                || format!("# {} = {}", key.name, key.example()),
                |value| format!("{} = {value}", key.name),
            );
            text += &format!("# {}\n{value}\n\n", key.about);
        }
        text += "[limits]\n";
        for limit in LIMITS {
            let (least, most) = (limit.least, limit.most);
            text += &format!("# The most {}; {least} to {most}.\n{} = {}\n", limit.about, limit.key, (limit.get)(self));
        }
        text
    }

    /// Each key with its value, if it has one.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, Option<toml::Value>)> {
        let mut values = self.clone();
        KEYS.iter().map(move |key| (key.name, key.get(&mut values)))
    }

    /// The files of TLS, if there are any; with those of callers they fit together.
    ///
    /// # Errors
    /// What is missing, or too much.
    pub fn tls(&self) -> Result<Option<TlsFiles>, &'static str> {
        if self.tls_client_ca.is_some() != self.callers.is_some() {
            return Err("`tls_client_ca` and `callers` go together: callers are known by their certificates");
        }
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (certificate.clone(), key.clone());
                Ok(Some(TlsFiles { certificate, key, client_ca: self.tls_client_ca.clone() }))
            }
            (None, None) if self.tls_client_ca.is_some() => {
                Err("`tls_client_ca` needs `tls_certificate` and `tls_key`")
            }
            (None, None) => Ok(None),
            _ => Err("`tls_certificate` and `tls_key` go together"),
        }
    }

    /// Each limit with its figure.
    pub fn figures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LIMITS.iter().map(|limit| (limit.key, (limit.get)(self)))
    }
}
