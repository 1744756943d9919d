//! `onestop config`: checks a configuration file, and shows the configuration that a server would have.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::say;

use crate::cli::exit::{Ended, Failure};

/// What is asked of a configuration.
#[derive(Subcommand, Debug)]
pub enum Action {
    /// Name every fault of a configuration file
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the configuration in full, each key with its meaning, default and bounds
    Show {
        /// The file; without one the default
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Runs it.
///
/// # Errors
/// Exit 1 with every fault, 2 if the file cannot be read.
pub fn run(action: &Action, json: bool) -> Ended {
    match action {
        Action::Check { file } => {
            let config = read(Some(file))?;
            if json { say!("{}", value(&config)) } else { say!("{}: no fault", file.display()) }
        }
        Action::Show { config } => {
            let config = read(config.as_deref())?;
            if json { say!("{}", value(&config)) } else { say!("{}", config.to_toml().trim_end()) }
        }
    }
    Ok(())
}

/// The configuration of a file, or the default.
///
/// # Errors
/// Exit 1 with every fault, a line each; 2 if the file cannot be read.
pub fn read(file: Option<&Path>) -> Result<Config, Failure> {
    let Some(file) = file else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(file).map_err(|why| Failure::Usage(format!("{}: {why}", file.display())))?;
    Ok(Config::from_toml(&file.display().to_string(), &text)?)
}

fn value(config: &Config) -> Value {
    let limits: Map<String, Value> =
        config.limit_values().map(|(key, figure)| (key.to_owned(), figure.into())).collect();
    let values =
        config.key_values().map(|(key, value)| (key.to_owned(), value.map_or(Value::Null, |value| json!(value))));
    let mut all: Map<String, Value> = values.collect();
    all.insert("limits".to_owned(), limits.into());
    all.into()
}
