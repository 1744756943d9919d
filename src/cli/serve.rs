//! `onestop serve`: serves the configuration of a file, overridden by command line flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::say;
use crate::server::run::{self, ServerStart};
use crate::server::store_location::MissingStore;

use super::admin::configure;
use super::exit::{CommandError, CommandResult};

/// Options that override the configuration file.
#[derive(clap::Args, Debug)]
pub(crate) struct ServeOptions {
    /// The configuration file; the other flags override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address that serves gRPC [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The store: a directory or a Redis (redis://, redis-sentinel://, redis-cluster://) [default: onestop-store]
    #[arg(long, value_name = "DIR|URL")]
    store: Option<PathBuf>,
    /// Create the store if there is none. Use it once: a store that lost its data must not be replaced by an empty one
    #[arg(long)]
    create: bool,
    /// The file with the secret of a store on Redis, the same for every instance; `onestop secret FILE` creates one
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// The archive that closed years of a store on Redis were moved to: a copy of its directory for this instance only
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// The number of Redis replicas that must acknowledge a commit before the call returns [default: 0]
    #[arg(long, value_name = "N")]
    replicas: Option<usize>,
    /// A directory of policy files, instead of the shipped policies
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The address that serves health checks and metrics, without TLS
    #[arg(long, value_name = "ADDRESS")]
    operations: Option<SocketAddr>,
    /// Serve on an address beyond loopback without identifying callers
    #[arg(long)]
    accept_anonymous: bool,
    /// Answer before commits are synced to disk: a power failure may lose acknowledged settlements
    #[arg(long)]
    accept_volatile: bool,
    /// Maximum calls in flight; further calls are refused before any work [default: 1024]
    #[arg(long, value_name = "N", value_parser = limit)]
    in_flight: Option<usize>,
    /// Maximum claims of one stream that are accepted before their answers are read [default: 256]
    #[arg(long, value_name = "N", value_parser = limit)]
    stream_window: Option<usize>,
}

impl ServeOptions {
    /// The configuration of the file with the flags.
    fn config(&self) -> Result<Config, CommandError> {
        let mut config = configure::read(self.config.as_deref())?;
        config.listen = self.listen.unwrap_or(config.listen);
        config.store = self.store.clone().unwrap_or(config.store);
        config.secret = self.secret.clone().or(config.secret);
        config.archive = self.archive.clone().or(config.archive);
        config.replicas = self.replicas.unwrap_or(config.replicas);
        config.policies = self.policies.clone().or(config.policies);
        config.operations = self.operations.or(config.operations);
        config.accept_anonymous |= self.accept_anonymous;
        config.accept_volatile |= self.accept_volatile;
        config.server.in_flight = self.in_flight.unwrap_or(config.server.in_flight);
        config.server.stream_window = self.stream_window.unwrap_or(config.server.stream_window);
        Ok(config)
    }
}

/// Serves until SIGINT or SIGTERM, then finishes the calls in flight.
///
/// # Errors
/// If the configuration is refused, the server cannot start, or a listener fails.
pub(crate) async fn run(options: &ServeOptions) -> CommandResult {
    let missing = if options.create { MissingStore::Create } else { MissingStore::Refuse };
    Ok(run::run(options.config()?, missing, announce).await?)
}

fn announce(start: &ServerStart) {
    let ServerStart { url, operations, store, book } = start;
    let operations = operations.map_or_else(String::new, |address| format!(", health and metrics on http://{address}"));
    say!("onestop serves on {url}, store {store}, book {book}{operations}");
}

/// Parses a limit from 1 to a million.
fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|limit| (1..=1_000_000).contains(limit)).ok_or("is not 1 to 1000000")
}
