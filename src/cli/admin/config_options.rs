//! The configuration of a server, and the options that override it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::cli::exit::CommandError;
use crate::cli::text_file;
use crate::config::Layered;
use crate::telemetry::settings::OtlpSettings;

/// The configuration file, and options that override it and the environment.
#[derive(clap::Args, Debug)]
pub(crate) struct ConfigOptions {
    /// The configuration file; environment variables and the other flags override it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address that serves gRPC [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The store: a directory or a Redis (redis://, redis-sentinel://, redis-cluster://) [default: onestop-store]
    #[arg(long, value_name = "DIR|URL")]
    store: Option<PathBuf>,
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

impl ConfigOptions {
    /// The configuration of the file with the environment and the flags.
    ///
    /// # Errors
    /// Every fault of file and environment, or that the file cannot be read.
    pub(crate) fn read(&self) -> Result<Layered, CommandError> {
        let mut layered = read(self.config.as_deref())?;
        let Layered { config, origins } = &mut layered;
        let mut set = |key: &str, is_given: bool| {
            if is_given {
                origins.command_line(key);
            }
            is_given
        };
        macro_rules! given {
            ($($key:literal: $field:expr, $option:expr;)*) => {
                $(if set($key, $option.is_some()) { $option.clone().into_iter().for_each(|value| $field = value.into()); })*
            };
        }
        given! {
            "listen": config.listen, self.listen;
            "store": config.store, self.store;
            "secret": config.secret, self.secret;
            "archive": config.archive, self.archive;
            "replicas": config.replicas, self.replicas;
            "policies": config.policies, self.policies;
            "operations": config.operations, self.operations;
            "accept_anonymous": config.accept_anonymous, self.accept_anonymous.then_some(true);
            "accept_volatile": config.accept_volatile, self.accept_volatile.then_some(true);
            "limits.in_flight": config.server.in_flight, self.in_flight;
            "limits.stream_window": config.server.stream_window, self.stream_window;
        }
        Ok(layered)
    }
}

/// Parses a limit from 1 to a million.
fn limit(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|limit| (1..=1_000_000).contains(limit)).ok_or("is not 1 to 1000000")
}

/// The configuration of a file, or the default one, overridden by the environment.
///
/// # Errors
/// Every fault of file and environment, or that the file cannot be read.
pub(crate) fn read(file: Option<&Path>) -> Result<Layered, CommandError> {
    let environment = |name: &str| std::env::var(name).ok();
    let Some(file) = file else { return Ok(Layered::read(None, environment)?) };
    let text = text_file::read(file)?;
    Ok(Layered::read(Some((&file.display().to_string(), &text)), environment)?)
}

/// Where a command that is no server sends its telemetry: what the environment says. Faults in it concern servers.
pub(crate) fn telemetry() -> OtlpSettings {
    read(None).map(|read| read.config.telemetry).unwrap_or_default()
}
