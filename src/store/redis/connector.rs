//! Connecting to servers: the settings of a store on Redis, its login and its certificates, read once.

use std::path::PathBuf;
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisError, TlsCertificates,
};

use super::address::{Address, Host, Layout};
use crate::store::archive::ArchiveIdentity;

/// The settings of a store on Redis.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// The time limit of a call with all its attempts.
    pub timeout: Duration,
    /// The maximum number of calls in flight to one server.
    pub in_flight: usize,
    /// Whether to serve from a Redis that could lose acknowledged settlements.
    pub accept_volatile: bool,
    /// The number of replicas that must have a commit before it is acknowledged.
    pub replicas: usize,
    /// How long the import lease lasts unless it is renewed: for so long that of an instance that died blocks the others.
    pub import_lease: Duration,
    /// The given archive; a store that requires another one is refused.
    pub archive: Option<ArchiveIdentity>,
}

impl Default for RedisSettings {
    fn default() -> Self {
        RedisSettings {
            timeout: Duration::from_secs(2),
            in_flight: 1_024,
            accept_volatile: false,
            replicas: 0,
            import_lease: Duration::from_secs(60),
            archive: None,
        }
    }
}

/// A connection fails when a reply takes this many times the time limit of a call; then its permit is free again.
const RESPONSE_TIMEOUTS: u32 = 5;

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The file with the password is not text.
    #[error("the file named in the Redis URL, {path}, is not UTF-8")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A file that the address names cannot be read.
    #[error("cannot read the file named in the Redis URL, {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The address or the certificates are invalid.
    #[error("{0}")]
    Client(#[from] RedisError),
}

/// Makes clients and connections.
pub struct Connector {
    /// The settings of the store.
    pub settings: RedisSettings,
    /// Whether the servers have hash slots: keys of two slots are in no call together.
    pub has_slots: bool,
    login: RedisConnectionInfo,
    tls: Option<TlsCertificates>,
}

impl Connector {
    /// A connector with the login and the certificates of this address.
    ///
    /// # Errors
    /// If a file that it names cannot be read.
    pub fn new(address: &Address, settings: RedisSettings) -> Result<Connector, ConnectorError> {
        let password = address.password_file.as_ref().map(read_password).transpose()?;
        let mut login = RedisConnectionInfo::default().set_db(address.database).set_protocol(ProtocolVersion::RESP2);
        if let Some(user) = &address.user {
            login = login.set_username(user);
        }
        if let Some(password) = &password {
            login = login.set_password(password);
        }
        let root_cert = address.ca.as_ref().map(read_file).transpose()?;
        if address.tls {
            // An error means that a provider is installed already: it is the same one.
            let _installed = rustls::crypto::ring::default_provider().install_default();
        }
        let tls = address.tls.then_some(TlsCertificates { client_tls: None, root_cert });
        let has_slots = matches!(address.layout, Layout::Cluster(_));
        Ok(Connector { settings, has_slots, login, tls })
    }

    /// A client of a server.
    ///
    /// # Errors
    /// If the certificates are invalid.
    pub fn client(&self, host: &Host) -> Result<Client, ConnectorError> {
        self.client_as(&self.login, host)
    }

    /// A client of a sentinel, which has none of the users of its servers.
    ///
    /// # Errors
    /// If the certificates are invalid.
    pub fn sentinel(&self, host: &Host) -> Result<Client, ConnectorError> {
        self.client_as(&RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2), host)
    }

    fn client_as(&self, login: &RedisConnectionInfo, host: &Host) -> Result<Client, ConnectorError> {
        let Host { name, port } = host.clone();
        let address = match &self.tls {
            None => ConnectionAddr::Tcp(name, port),
            Some(_) => ConnectionAddr::TcpTls { host: name, port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info().map(|info| {
            info.set_redis_settings(login.clone()).set_tcp_settings(TcpSettings::default().set_nodelay(true))
        });
        let client = info.and_then(|info| match &self.tls {
            None => Client::open(info),
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        });
        Ok(client?)
    }

    /// The configuration of connections.
    pub fn connections(&self) -> AsyncConnectionConfig {
        let timeout = self.settings.timeout;
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout / 2))
            .set_response_timeout(Some(timeout * RESPONSE_TIMEOUTS))
            .set_pipeline_buffer_size(self.settings.in_flight)
    }
}

fn read_password(path: &PathBuf) -> Result<String, ConnectorError> {
    let text = String::from_utf8(read_file(path)?).map_err(|_| ConnectorError::NotUtf8 { path: path.clone() })?;
    Ok(text.trim_end().to_owned())
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, ConnectorError> {
    std::fs::read(path).map_err(|error| ConnectorError::File { path: path.clone(), error })
}
