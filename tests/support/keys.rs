//! Certificates as `onestop keys dev` makes them, and connections with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use onestop::access::Callers;
use onestop::access::allowance::CallerLimits;
use onestop::access::log::AccessLog;
use onestop::config::{Config, TlsFiles};
use onestop::domain::file_fault::FileFault;
use onestop::server::access_setup::{AccessSetup, LoadCallers};
use onestop::server::tls::Tls;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::program::run;

/// The hospital of the caller `hospital`, and the further one of `gateway`.
pub const OWN: &str = "H3";
pub const FURTHER: &str = "H1";

/// A directory of keys, certificates and configuration.
pub struct Keys(tempfile::TempDir);

impl Keys {
    pub fn made() -> Keys {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().display().to_string();
        let (code, _, errors) = run(&["keys", "dev", &directory, "--hospital", OWN, "--further", FURTHER]);
        assert_eq!(code, Some(0), "{errors}");
        Keys(place)
    }

    pub fn place(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The text of the callers file.
    pub fn callers(&self) -> String {
        std::fs::read_to_string(self.file("callers.toml")).expect("the callers")
    }

    /// Replaces the callers file.
    pub fn put_callers(&self, text: &str) {
        let (new, place) = (self.file("callers.new"), self.file("callers.toml"));
        std::fs::write(&new, text).expect("written");
        std::fs::rename(new, place).expect("renamed");
    }

    /// The access setup with these keys and callers; the access log is in the same directory.
    pub fn access_setup(&self) -> AccessSetup {
        let (certificate, key) = (self.file("server.pem"), self.file("server.key"));
        let tls = Tls::open(TlsFiles { certificate, key, client_ca: Some(self.file("ca.pem")) }).expect("sound files");
        let path = self.file("callers.toml");
        let read: LoadCallers = Arc::new(move || {
            let text =
                std::fs::read_to_string(&path).map_err(|error| FileFault::new("callers.toml", 1, error.to_string()))?;
            Callers::from_toml("callers.toml", &text, bounds(), 64)
        });
        AccessSetup {
            tls: Some(Arc::new(tls)),
            callers: read().expect("sound callers"),
            load_callers: Some(read),
            log: AccessLog::open(&self.file("access.log")).expect("a log"),
        }
    }

    /// The lines of the access log: call, caller and person.
    pub fn log(&self) -> Vec<[String; 3]> {
        let text = std::fs::read_to_string(self.file("access.log")).expect("the log");
        let line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            ["call", "caller", "person"].map(|key| line[key].as_str().expect("a text").to_owned())
        };
        text.lines().map(line).collect()
    }

    /// The TLS configuration of a client with this caller's certificate.
    pub fn tls(&self, name: &str) -> ClientTlsConfig {
        let read = |file: &str| std::fs::read(self.file(file)).expect("a file");
        let identity = Identity::from_pem(read(&format!("{name}.pem")), read(&format!("{name}.key")));
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca.pem"))).identity(identity)
    }

    /// A connection to the server at this port, as this caller.
    pub async fn channel(&self, port: u16, name: &str) -> Result<Channel, tonic::transport::Error> {
        connect(port, self.tls(name)).await
    }
}

/// A connection to the server at this port of this machine.
pub async fn connect(port: u16, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
    Endpoint::from_shared(format!("https://localhost:{port}")).expect("an address").tls_config(tls)?.connect().await
}

/// The limits of a caller that specifies none.
pub fn bounds() -> CallerLimits {
    Config::default().caller_limits
}
