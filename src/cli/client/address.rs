//! Where a server is, and as whom a command calls it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::connection::Client;
use crate::cli::exit::Failure;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// Which server.
#[derive(clap::Args, Clone, Debug)]
pub struct Server {
    /// The server's address; with https:// the connection is TLS
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051", env = "ONESTOP_SERVER")]
    pub server: String,
    #[command(flatten)]
    pub(super) keys: Keys,
}

/// What TLS needs: whom to believe, and as whom to call.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Keys {
    /// The authority of the server's certificate, in PEM
    #[arg(long, value_name = "FILE", env = "ONESTOP_CA")]
    ca: Option<PathBuf>,
    /// The caller's certificate, in PEM
    #[arg(long, value_name = "FILE", env = "ONESTOP_CERTIFICATE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its key, in PEM
    #[arg(long, value_name = "FILE", env = "ONESTOP_KEY", requires = "certificate")]
    key: Option<PathBuf>,
}

impl Server {
    /// A client of it.
    ///
    /// # Errors
    /// Exit 2 if the address is none or a file cannot be read, 3 if nobody answers.
    pub async fn connect(&self) -> Result<Client, Failure> {
        self.keys.connect(&self.server).await
    }
}

impl Keys {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// Exit 2 if the address is none or a file cannot be read, 3 if nobody answers.
    pub async fn connect(&self, url: &str) -> Result<Client, Failure> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("{url}: {error}"));
        let mut endpoint = Endpoint::from_shared(url.clone()).map_err(|error| usage(&error))?;
        if url.starts_with("https://") {
            endpoint = endpoint.tls_config(self.tls(&url)?).map_err(|error| usage(&error))?;
        }
        let channel = endpoint.connect_timeout(CONNECT).tcp_nodelay(true).connect().await;
        Ok(Client::over(channel.map_err(|error| Failure::Unreachable(unanswered(&url, &error)))?))
    }

    fn tls(&self, url: &str) -> Result<ClientTlsConfig, Failure> {
        let ca = self.ca.as_deref().ok_or_else(|| {
            Failure::Usage(format!("{url}: --ca (or ONESTOP_CA) names the authority of the server's certificate"))
        })?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        Ok(match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => tls.identity(Identity::from_pem(read(certificate)?, read(key)?)),
            _ => tls,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

/// Of TLS the last reason, which says what is wrong with a certificate.
fn unanswered(url: &str, error: &dyn std::error::Error) -> String {
    if !url.starts_with("https://") {
        return format!("nobody answers at {url}");
    }
    let mut reason = error;
    while let Some(below) = reason.source() {
        reason = below;
    }
    format!("nobody answers at {url}, or not with whom it should be: {reason}")
}
