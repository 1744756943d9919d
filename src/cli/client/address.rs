//! The server that a command calls, and the certificates that it calls with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::cli::error::client::ClientError;

use super::traced_channel::{ConnectionHint, TracedChannel};

/// How long a connection may take to be established.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The server that a command calls.
#[derive(clap::Args, Clone, Debug)]
pub struct ServerOptions {
    /// The server's URL; https:// uses TLS
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051", env = "ONESTOP_SERVER")]
    pub(crate) server: String,
    #[command(flatten)]
    pub(crate) tls: TlsOptions,
}

/// The authority to trust and the certificate to present.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct TlsOptions {
    /// The authority of the server's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "ONESTOP_CA")]
    ca: Option<PathBuf>,
    /// The client certificate to present (PEM)
    #[arg(long, value_name = "FILE", env = "ONESTOP_CERTIFICATE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", env = "ONESTOP_KEY", requires = "certificate")]
    key: Option<PathBuf>,
}

impl TlsOptions {
    /// Connects to the server at this URL; without a scheme it is http.
    ///
    /// # Errors
    /// If the URL or a file cannot be used, or no server answers.
    pub(crate) async fn connect(&self, url: &str) -> Result<TracedChannel, ClientError> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let invalid = |error| ClientError::InvalidUrl { url: url.clone(), error };
        let mut endpoint = Endpoint::from_shared(url.clone()).map_err(invalid)?;
        if url.starts_with("https://") {
            endpoint = endpoint.tls_config(self.tls_config(&url)?).map_err(invalid)?;
        }
        let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true).connect().await;
        let channel = channel.map_err(|error| unreachable_error(&url, &error))?;
        let hint = match (url.starts_with("https://"), &self.certificate) {
            (false, _) => ConnectionHint::UseTls,
            (true, None) => ConnectionHint::PresentCertificate,
            (true, Some(_)) => ConnectionHint::None,
        };
        Ok(TracedChannel::new(channel, hint))
    }

    fn tls_config(&self, url: &str) -> Result<ClientTlsConfig, ClientError> {
        let ca = self.ca.as_deref().ok_or_else(|| ClientError::NoAuthority { url: url.to_owned() })?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read_pem(ca)?));
        Ok(match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => tls.identity(Identity::from_pem(read_pem(certificate)?, read_pem(key)?)),
            _ => tls,
        })
    }
}

fn read_pem(path: &Path) -> Result<Vec<u8>, ClientError> {
    std::fs::read(path).map_err(|error| ClientError::KeyFile { path: path.to_owned(), error })
}

fn unreachable_error(url: &str, error: &dyn std::error::Error) -> ClientError {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let tls_cause = url.starts_with("https://").then(|| innermost.to_string());
    ClientError::Unreachable { url: url.to_owned(), tls_cause }
}
