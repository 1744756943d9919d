//! The configuration of a server: defaults, overridden by a file, by environment variables, and by command line flags. A
//! file is read whole, and every fault in it is reported with its line.

mod error;
mod keys;
mod layers;
mod limits;
mod read;
mod server_limits;
mod show;
mod tls_files;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use crate::access::allowance::CallerLimits;
use crate::engine::EngineSettings;
use crate::telemetry::settings::OtlpSettings;

pub use error::TlsConfigError;
pub use layers::{Layered, Origin, Origins};
pub use limits::LIMIT_KEYS;
pub use server_limits::ServerLimits;
pub use tls_files::TlsFiles;

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address that serves gRPC.
    pub listen: SocketAddr,
    /// The directory of the store, or the URL of a Redis.
    pub store: PathBuf,
    /// The file that holds the secret of a store on Redis.
    pub secret: Option<PathBuf>,
    /// The directory of the archive of a store on Redis.
    pub archive: Option<PathBuf>,
    /// The number of Redis replicas that must acknowledge a commit before the call returns.
    pub replicas: usize,
    /// The directory of policy files; without it the shipped policies apply.
    pub policies: Option<PathBuf>,
    /// The address that serves health checks and metrics.
    pub operations: Option<SocketAddr>,
    /// The server's certificate; requires `tls_key`.
    pub tls_certificate: Option<PathBuf>,
    /// The private key of `tls_certificate`.
    pub tls_key: Option<PathBuf>,
    /// The certificate authority of the callers; requires `callers`.
    pub tls_client_ca: Option<PathBuf>,
    /// The file of callers.
    pub callers: Option<PathBuf>,
    /// The access log; without it a file in the directory of the store.
    pub access_log: Option<PathBuf>,
    /// The directory of what reports have read; see `StoreLocation::report_cache`.
    pub report_cache: Option<PathBuf>,
    /// Whether to serve unauthenticated callers on an address other than loopback.
    pub(crate) accept_anonymous: bool,
    /// Whether to answer before a commit is synced to disk.
    pub accept_volatile: bool,
    /// Where telemetry is sent.
    pub telemetry: OtlpSettings,
    /// Mebibytes of the disk of the store that must stay free; below, commits are refused.
    pub disk_reserve_mib: usize,
    /// Days before the expiry of a certificate from which on a warning is logged.
    pub certificate_warning_days: usize,
    /// The age of the last import of enrolments, in days, from which on a warning is logged; 0 for never.
    pub register_warning_days: usize,
    /// The limits of a caller that names none in the file of callers.
    pub caller_limits: CallerLimits,
    /// The settings of the engine.
    pub engine: EngineSettings,
    /// The limits of the server as a whole.
    pub server: ServerLimits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            store: PathBuf::from("onestop-store"),
            secret: None,
            archive: None,
            replicas: 0,
            policies: None,
            operations: None,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            callers: None,
            access_log: None,
            report_cache: None,
            accept_anonymous: false,
            accept_volatile: false,
            telemetry: OtlpSettings::default(),
            disk_reserve_mib: 512,
            certificate_warning_days: 30,
            register_warning_days: 0,
            caller_limits: CallerLimits {
                rate: NonZeroU32::new(1_000).unwrap_or(NonZeroU32::MIN),
                in_flight: 256,
                bytes: 64 << 20,
            },
            engine: EngineSettings::default(),
            server: ServerLimits::default(),
        }
    }
}

impl Config {
    /// The TLS files, if TLS is configured.
    ///
    /// # Errors
    /// If one of the keys for TLS and callers is present without the others that it requires.
    pub(crate) fn tls(&self) -> Result<Option<TlsFiles>, TlsConfigError> {
        if self.tls_client_ca.is_some() != self.callers.is_some() {
            return Err(TlsConfigError::ClientCaWithoutCallers);
        }
        match (self.tls_certificate.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => {
                Ok(Some(TlsFiles { certificate, key, client_ca: self.tls_client_ca.clone() }))
            }
            (None, None) if self.tls_client_ca.is_some() => Err(TlsConfigError::ClientCaWithoutCertificate),
            (None, None) => Ok(None),
            _ => Err(TlsConfigError::CertificateWithoutKey),
        }
    }
}
