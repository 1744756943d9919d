//! The files of TLS.

use std::path::PathBuf;

/// The PEM files of a server with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by its chain.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The authority that issues the callers' certificates; without it callers need no certificate.
    pub client_ca: Option<PathBuf>,
}
