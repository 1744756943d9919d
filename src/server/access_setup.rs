//! How a server accepts connections and identifies callers: TLS, the callers file, the access log.
//!
//! A server that listens beyond loopback must identify its callers, unless the configuration accepts anonymous ones.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::access::Callers;
use crate::access::allowance::CallerLimits;
use crate::access::log::AccessLog;
use crate::config::{Config, TlsConfigError};
use crate::domain::file_fault::FileFault;
use crate::domain::file_faults::FileFaults;

use super::tls::{Tls, TlsError};

/// Reads the callers file, or returns every fault in it.
pub type LoadCallers = Arc<dyn Fn() -> Result<Callers, FileFaults> + Send + Sync>;

/// How a server accepts connections and identifies callers.
pub struct AccessSetup {
    /// TLS for connections; `None` serves without encryption.
    pub tls: Option<Arc<Tls>>,
    /// The callers that are known at start.
    pub callers: Callers,
    /// Reads the callers again; `None` if callers are not identified.
    pub load_callers: Option<LoadCallers>,
    /// The access log.
    pub log: AccessLog,
}

/// Why the access settings of a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessSetupError {
    /// The keys for TLS and callers do not fit together.
    #[error(transparent)]
    Config(#[from] TlsConfigError),
    /// The server would serve unidentified callers beyond loopback.
    #[error(
        "{0} is reachable beyond loopback and callers would not be identified: set tls_certificate, tls_key, \
         tls_client_ca and callers (`onestop keys dev` makes a set for tests), or accept_anonymous"
    )]
    AnonymousBeyondLoopback(SocketAddr),
    /// The TLS files cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The callers file is refused; one line per fault.
    #[error("{0}")]
    Callers(FileFaults),
}

impl AccessSetup {
    /// No encryption, no identification of callers, no access log: for a server on loopback that a command runs for
    /// itself.
    pub fn open() -> AccessSetup {
        AccessSetup { tls: None, callers: Callers::open(), load_callers: None, log: AccessLog::Disabled }
    }

    /// The setup that a configuration describes, without its access log, which may be in a store not yet open.
    ///
    /// # Errors
    /// If a file is refused, or the address is beyond loopback and callers would not be identified.
    pub fn from_config(config: &Config) -> Result<AccessSetup, AccessSetupError> {
        let files = config.tls()?;
        check_anonymous(config)?;
        let tls = files.map(Tls::open).transpose()?.map(Arc::new);
        let load_callers = config.callers.clone().map(|path| callers_loader(path, config));
        let callers = load_callers.as_ref().map_or_else(|| Ok(Callers::open()), |load| load());
        let callers = callers.map_err(AccessSetupError::Callers)?;
        Ok(AccessSetup { tls, callers, load_callers, log: AccessLog::Disabled })
    }
}

fn check_anonymous(config: &Config) -> Result<(), AccessSetupError> {
    if config.callers.is_some() || config.listen.ip().is_loopback() {
        return Ok(());
    }
    if !config.accept_anonymous {
        return Err(AccessSetupError::AnonymousBeyondLoopback(config.listen));
    }
    tracing::warn!(listen = %config.listen, "callers are not identified: whoever reaches the port may call everything");
    Ok(())
}

fn callers_loader(path: PathBuf, config: &Config) -> LoadCallers {
    let (default_limits, id_bytes) = (config.caller_limits, config.engine.limits.id_bytes);
    Arc::new(move || read_callers(&path, default_limits, id_bytes))
}

fn read_callers(path: &Path, default_limits: CallerLimits, id_bytes: usize) -> Result<Callers, FileFaults> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| FileFault::new(&file, 1, error.to_string()))?;
    let text = FileFault::utf8_text(&file, bytes)?;
    Callers::from_toml(&file, &text, default_limits, id_bytes)
}
