//! `onestop config`: checks a configuration file, and shows the complete configuration of a server.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::cli::exit::CommandResult;
use crate::cli::output::line::write_page;
use crate::config::Layered;
use crate::say;

use super::config_options::{self, ConfigOptions};

/// A command on a configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and report every fault
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the complete configuration that `serve` would use with the same options and environment: every key with its
    /// meaning, its bounds, its value and where that comes from
    Show {
        #[command(flatten)]
        configured: Box<ConfigOptions>,
    },
}

/// Checks or shows a configuration.
///
/// # Errors
/// Every fault of the file, or that it cannot be read.
pub(crate) fn run(command: &ConfigCommand, json: bool) -> CommandResult {
    match command {
        ConfigCommand::Check { file } => {
            let read = config_options::read(Some(file))?;
            if json { say!("{}", config_json(&read)) } else { say!("{}: no faults", file.display()) }
        }
        ConfigCommand::Show { configured } => {
            let read = configured.read()?;
            if json { say!("{}", config_json(&read)) } else { write_page(&read.to_toml()) }
        }
    }
    Ok(())
}

fn config_json(read: &Layered) -> Value {
    let config = &read.config;
    let limits: Map<String, Value> =
        config.limit_values().map(|(key, figure)| (key.to_owned(), figure.into())).collect();
    let values =
        config.key_values().map(|(key, value)| (key.to_owned(), value.map_or(Value::Null, |value| json!(value))));
    let mut all: Map<String, Value> = values.collect();
    all.insert("limits".to_owned(), limits.into());
    let origins = read.origins.all().map(|(key, origin)| (key, origin.to_string().into())).collect::<Map<_, _>>();
    all.insert("origins".to_owned(), origins.into());
    all.into()
}
