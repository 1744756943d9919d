//! The configuration of a server: raw as a file gives it, then checked. Every limit has a bound; what a file does
//! not say is as the default says, and the command line comes before the file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::money::Money;
use crate::engine::Settings;
use crate::grpc::server::Limits;

/// What a server is set up with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The directory of the store, or the address of a Redis.
    pub store: PathBuf,
    /// The file with the secret of a store on Redis.
    pub secret: Option<PathBuf>,
    /// How many replicas of a Redis must have a commit before it is answered.
    pub replicas: usize,
    /// The directory of policy files; none for the shipped book.
    pub policies: Option<PathBuf>,
    /// Whether answers leave before their bytes are synced.
    pub accept_volatile: bool,
    /// What the engine is set up with.
    pub settings: Settings,
    /// What the server takes at once.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            store: PathBuf::from("onestop-store"),
            secret: None,
            replicas: 0,
            policies: None,
            accept_volatile: false,
            settings: Settings::default(),
            limits: Limits::default(),
        }
    }
}

/// The most replicas that a commit may wait for.
const MOST_REPLICAS: usize = 16;

/// A limit: its key, what it is, its bounds, and its place.
pub struct Limit {
    /// Its key under `[limits]`.
    pub key: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// The least that it may be.
    pub least: u64,
    /// The most that it may be.
    pub most: u64,
    get: fn(&Config) -> u64,
    set: fn(&mut Config, u64),
}

/// Every limit.
pub const LIMITS: &[Limit] = &[
    Limit {
        key: "in_flight",
        about: "calls in flight; those beyond are shed before any work",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.in_flight as u64,
        set: |config, number| config.limits.in_flight = number as usize,
    },
    Limit {
        key: "stream_window",
        about: "claims of one stream that are taken and whose answers were not read",
        least: 1,
        most: 1_000_000,
        get: |config| config.limits.stream_window as u64,
        set: |config, number| config.limits.stream_window = number as usize,
    },
    Limit {
        key: "message_bytes",
        about: "bytes of a message",
        least: 4_096,
        most: 64 << 20,
        get: |config| config.limits.message_bytes as u64,
        set: |config, number| config.limits.message_bytes = number as usize,
    },
    Limit {
        key: "items",
        about: "items of a claim",
        least: 1,
        // An item's entry of the catalogue is named by a number of 16 bits.
        most: 65_535,
        get: |config| config.settings.limits.items as u64,
        set: |config, number| config.settings.limits.items = number as usize,
    },
    Limit {
        key: "id_bytes",
        about: "bytes of an id or a code",
        least: 16,
        most: 256,
        get: |config| config.settings.limits.id_bytes as u64,
        set: |config, number| config.settings.limits.id_bytes = number as usize,
    },
    Limit {
        key: "reason_bytes",
        about: "bytes of the reason of a reversal",
        least: 16,
        most: 8_192,
        get: |config| config.settings.limits.reason_bytes as u64,
        set: |config, number| config.settings.limits.reason_bytes = number as usize,
    },
    Limit {
        key: "amount_yuan",
        about: "yuan that an amount or a price lies within, plus and minus",
        least: 1_000,
        most: 1_000_000_000,
        get: |config| (config.settings.limits.amount.fen() / 100).unsigned_abs(),
        set: |config, number| config.settings.limits.amount = Money::from_fen(number as i64 * 100),
    },
    Limit {
        key: "conflict_retries",
        about: "times that a commit is tried again when the person moved meanwhile",
        least: 1,
        most: 10_000,
        get: |config| u64::from(config.settings.conflict_retries),
        set: |config, number| config.settings.conflict_retries = number as u32,
    },
    Limit {
        key: "rows_held",
        about: "rows of hospitals or catalogue in one import, which are held in memory",
        least: 1_000,
        most: 10_000_000,
        get: |config| config.settings.rows_held as u64,
        set: |config, number| config.settings.rows_held = number as usize,
    },
];

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
        let text = || value.as_str().ok_or_else(|| format!("`{key}` is not a text in quotes"));
        match key {
            "listen" => {
                let address = text()?.parse();
                self.listen = address.map_err(|_| "`listen` is not an address such as 127.0.0.1:50051".to_owned())?;
            }
            "store" => self.store = PathBuf::from(text()?),
            "secret" => self.secret = Some(PathBuf::from(text()?)),
            "replicas" => {
                let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
                let number = number.filter(|number| *number <= MOST_REPLICAS);
                let told = || format!("`replicas` is not a whole number from 0 to {MOST_REPLICAS}");
                self.replicas = number.ok_or_else(told)?;
            }
            "policies" => self.policies = Some(PathBuf::from(text()?)),
            "accept_volatile" => {
                self.accept_volatile =
                    value.as_bool().ok_or_else(|| "`accept_volatile` is not true or false".to_owned())?;
            }
            _ => {
                return Err(format!(
                    "`{key}` is no key; the keys are listen, store, secret, replicas, policies, accept_volatile, [limits]"
                ));
            }
        }
        Ok(())
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
        // A text in quotes as TOML writes it.
        let quoted = |path: &PathBuf| toml::Value::from(path.display().to_string()).to_string();
        let mut text = format!(
            "# Where to listen.\nlisten = \"{}\"\n\n# The directory of the store, made if it is missing; or a Redis: redis://, redis-sentinel://, redis-cluster://.\nstore = {}\n\n",
            self.listen,
            quoted(&self.store)
        );
        text += "# The secret of a store on Redis, the same for every instance; `onestop secret FILE` makes one.\n";
        text += &self
            .secret
            .as_ref()
            .map_or("# secret = \"FILE\"\n".to_owned(), |path| format!("secret = {}\n", quoted(path)));
        text += "\n# The replicas of a Redis that must have a commit before it is answered.\n";
        text += &format!("replicas = {}\n\n", self.replicas);
        text += "# A directory of policy files in place of the shipped book.\n";
        text += &self
            .policies
            .as_ref()
            .map_or("# policies = \"DIR\"\n".to_owned(), |path| format!("policies = {}\n", quoted(path)));
        text += "\n# Answer before bytes are synced: a power cut may take acknowledged settlements.\n";
        text += &format!("accept_volatile = {}\n\n[limits]\n", self.accept_volatile);
        for limit in LIMITS {
            let (least, most) = (limit.least, limit.most);
            text += &format!("# The most {}; {least} to {most}.\n{} = {}\n", limit.about, limit.key, (limit.get)(self));
        }
        text
    }

    /// Each limit with its figure.
    pub fn figures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        LIMITS.iter().map(|limit| (limit.key, (limit.get)(self)))
    }
}
