//! `onestop config`: checks a configuration file, and shows the complete configuration of a server.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::cli::exit::{CommandError, CommandResult};
use crate::cli::output::line::write_page;
use crate::cli::text_file;
use crate::config::Config;
use crate::say;

/// A command on a configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and report every fault
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the complete configuration: every key with its meaning, default and bounds
    Show {
        /// The file [default: the default configuration]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// Checks or shows a configuration.
///
/// # Errors
/// Every fault of the file, or that it cannot be read.
pub(crate) fn run(command: &ConfigCommand, json: bool) -> CommandResult {
    match command {
        ConfigCommand::Check { file } => {
            let config = read(Some(file))?;
            if json { say!("{}", value(&config)) } else { say!("{}: no faults", file.display()) }
        }
        ConfigCommand::Show { config } => {
            let config = read(config.as_deref())?;
            if json { say!("{}", value(&config)) } else { write_page(&config.to_toml()) }
        }
    }
    Ok(())
}

/// The configuration of a file, or the default one.
///
/// # Errors
/// Every fault of the file, or that it cannot be read.
pub(crate) fn read(file: Option<&Path>) -> Result<Config, CommandError> {
    let Some(file) = file else { return Ok(Config::default()) };
    let text = text_file::read(file)?;
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
