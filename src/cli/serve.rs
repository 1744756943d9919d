//! `onestop serve`: serves the configuration of a file, overridden by environment variables and command line flags.

use crate::say;
use crate::server::run::{self, ServerStart};
use crate::server::store_location::MissingStore;
use crate::telemetry::Telemetry;

use super::admin::config_options::ConfigOptions;
use super::exit::CommandResult;

/// Options of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub(crate) configured: ConfigOptions,
    /// Create the store if there is none. Use it once: a store that lost its data must not be replaced by an empty one
    #[arg(long)]
    create: bool,
}

/// Serves until SIGINT or SIGTERM, then finishes the calls in flight.
///
/// # Errors
/// If the configuration is refused, the server cannot start, or a listener fails.
pub(crate) async fn run(options: &ServeOptions, telemetry: &Telemetry) -> CommandResult {
    let missing = if options.create { MissingStore::Create } else { MissingStore::Refuse };
    Ok(run::run(options.configured.read()?.config, missing, telemetry, announce).await?)
}

fn announce(start: &ServerStart) {
    let ServerStart { url, operations, store, book } = start;
    let operations = operations.map_or_else(String::new, |address| format!(", health and metrics on http://{address}"));
    say!("onestop serves on {url}, store {store}, book {book}{operations}");
}
