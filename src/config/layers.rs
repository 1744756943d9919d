//! The layers of a configuration: defaults, a file, environment variables, the command line; each overrides those before.
//!
//! A key `tls_key` is also the variable ONESTOP_TLS_KEY, and a limit `items` is ONESTOP_LIMITS_ITEMS. Keys of telemetry are
//! also set by the standard variables of OpenTelemetry.

use std::collections::BTreeMap;
use std::fmt;

use toml::de::DeTable;

use crate::domain::file_fault::FileFault;
use crate::domain::file_faults::FileFaults;

use super::Config;
use super::keys::{ConfigKey, KEYS, plain, variable};
use super::limits::{LIMIT_KEYS, LimitKey};

/// Where the value of a key comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// It is the default.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// This environment variable.
    Environment(String),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File => f.write_str("file"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::CommandLine => f.write_str("command line"),
        }
    }
}

/// The origins of values, by key; keys of `[limits]` begin with `limits.`.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The origin of a key's value.
    pub(super) fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or_default()
    }

    /// Notes that the command line gives this key.
    pub(crate) fn command_line(&mut self, key: &str) {
        self.0.insert(key.to_owned(), Origin::CommandLine);
    }

    /// Each key with the origin of its value.
    pub(crate) fn all(&self) -> impl Iterator<Item = (String, Origin)> + '_ {
        let limits = LIMIT_KEYS.iter().map(|limit| limit_name(limit.name));
        KEYS.iter().map(|key| key.name.to_owned()).chain(limits).map(|name| (name.clone(), self.of(&name)))
    }
}

/// A configuration, and where its values come from.
#[derive(Clone, Debug, Default)]
pub struct Layered {
    /// The configuration.
    pub config: Config,
    /// Where its values come from.
    pub origins: Origins,
}

impl Layered {
    /// Reads a file (its name and its text), if there is one, and the environment, which overrides it.
    ///
    /// # Errors
    /// Every fault of both.
    pub fn read(
        file: Option<(&str, &str)>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Layered, FileFaults> {
        let mut layered = Layered::default();
        let mut faults = Vec::new();
        if let Some((name, text)) = file {
            match Config::from_toml(name, text) {
                Ok(config) => layered = Layered { config, origins: origins_of_file(text) },
                Err(found) => faults.extend(found),
            }
        }
        for (key, variable, line) in from_environment(&environment) {
            if let Err(why) = layered.config.set_line(&line) {
                faults.push(FileFault::new(&variable, 1, why));
            }
            layered.origins.0.insert(key, Origin::Environment(variable));
        }
        if faults.is_empty() { Ok(layered) } else { Err(faults.into()) }
    }
}

/// The keys that the text of a file contains; it was read before.
fn origins_of_file(text: &str) -> Origins {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut origins = Origins::default();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        match value.get_ref().as_table().filter(|_| name == "limits") {
            Some(limits) => {
                origins.0.extend(limits.keys().map(|limit| (limit_name(limit.get_ref()), Origin::File)));
            }
            None => {
                origins.0.insert(name.to_owned(), Origin::File);
            }
        }
    }
    origins
}

fn limit_name(limit: &str) -> String {
    format!("limits.{limit}")
}

/// The keys that the environment gives: the key, the variable, and the line of a file that sets the same.
fn from_environment(
    environment: &impl Fn(&str) -> Option<String>,
) -> impl Iterator<Item = (String, String, String)> + '_ {
    let given = |variable: String| environment(&variable).filter(|text| !text.is_empty()).map(|text| (variable, text));
    let key = move |key: &'static ConfigKey| {
        let (variable, text) = key.variables().find_map(given)?;
        Some((key.name.to_owned(), variable, format!("{} = {}", key.name, key.as_toml(&text))))
    };
    let limit = move |limit: &'static LimitKey| {
        let (variable, text) = given(variable(&format!("limits_{}", limit.name)))?;
        let name = limit_name(limit.name);
        Some((name.clone(), variable, format!("{name} = {}", plain(&text))))
    };
    KEYS.iter().filter_map(key).chain(LIMIT_KEYS.iter().filter_map(limit))
}
