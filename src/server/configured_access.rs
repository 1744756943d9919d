//! The door of `onestop serve`, as its configuration says: certificates, callers, access log. Beyond loopback it does
//! not open without asking who calls, unless told to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::access::Callers;
use crate::access::allowance::CallerLimits;
use crate::access::log::AccessLog;
use crate::config::Config;
use crate::domain::file_fault::FileFault;

use super::access_setup::{AccessSetup, LoadCallers};
use super::store_location::StoreLocation;
use super::tls::Tls;
use crate::cli::exit::Failure;

/// The access log's name, where none is told.
const FILE: &str = "access.log";

/// The door, before there is a store to keep its log in.
///
/// # Errors
/// Exit 1 if the files are refused, or the address is beyond loopback and nobody would be asked.
pub fn of(config: &Config) -> Result<AccessSetup, Failure> {
    let files = config.tls().map_err(|error| Failure::Refused(error.to_string()))?;
    if config.callers.is_none() && !config.listen.ip().is_loopback() {
        asked(config)?;
    }
    let tls = files.map(Tls::open).transpose().map_err(|error| Failure::Refused(error.to_string()))?;
    let read_callers = config.callers.clone().map(|path| reader(path, config.caller_limits));
    let callers = read_callers.as_ref().map_or_else(|| Ok(Callers::open()), |read| read());
    Ok(AccessSetup { tls: tls.map(Arc::new), callers: callers?, read_callers, log: AccessLog::Disabled })
}

/// That it was told to open to everybody.
fn asked(config: &Config) -> Result<(), Failure> {
    if !config.accept_anonymous {
        return Err(Failure::Refused(format!(
            "{} is beyond loopback, and no caller would be asked who it is: give tls_certificate, tls_key, \
             tls_client_ca and callers (`onestop keys dev` makes a set to try with), or accept_anonymous",
            config.listen
        )));
    }
    tracing::warn!(listen = %config.listen, "whoever reaches the port may do everything (accept_anonymous)");
    Ok(())
}

fn reader(path: PathBuf, default_limits: CallerLimits) -> LoadCallers {
    Arc::new(move || read(&path, default_limits))
}

fn read(path: &Path, default_limits: CallerLimits) -> Result<Callers, Vec<FileFault>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| vec![FileFault::new(&file, 1, error.to_string())])?;
    Callers::from_toml(&file, &text, default_limits)
}

/// The access log.
///
/// # Errors
/// Exit 1 if it cannot be opened.
pub fn log(config: &Config) -> Result<AccessLog, Failure> {
    let path = match (&config.access_log, StoreLocation::of(&config.store)?) {
        (Some(path), _) => path.clone(),
        (None, StoreLocation::Directory(store)) => store.join(FILE),
        (None, StoreLocation::Redis(_)) => PathBuf::from(FILE),
    };
    AccessLog::open(&path).map_err(|error| Failure::Refused(format!("{}: {error}", path.display())))
}
